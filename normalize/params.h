/*
 * params.h: every number the correlator decides with, as data.
 *
 * One file an installation (correlation.params_file; deploy/correlation.json when none is named),
 * with profiles; a tenant may override single values. Integers only. Pure. Ref: correlation.md 15.
 */
#ifndef WEIR_PARAMS_H
#define WEIR_PARAMS_H
#include "normalize/keys.h"

enum { PARAMS_NAME_MAX = 32, PARAMS_DIGEST = 32 };

/* One row of the key types: times in seconds. */
struct key_rule {
    const char *name;  /* "user", "nmid", "ip": as in the file */
    const char *label; /* for explanations: "user", "message", "address" */
    int32_t weight;
    int32_t half_life_s, window_s;
    enum key_class class;
    bool content;
    int32_t fan0;      /* counterparts at which the weight has halved; 0: no fan-out factor */
    bool novel_exempt; /* "never seen before" says nothing */
};

enum caps_mode { CAPS_REFUSE, CAPS_REBUILD };
enum source_incident { SOURCE_INCIDENT_OFF, SOURCE_INCIDENT_HINT, SOURCE_INCIDENT_BIND };

struct params {
    int32_t version;
    char profile[PARAMS_NAME_MAX];
    uint8_t digest[PARAMS_DIGEST]; /* SHA-256 of the values, written canonically */
    int32_t threshold, related, strong, min_key_weight, time_step_s;
    int32_t term_stage, term_product, term_twin, twin_min, term_base;
    int32_t severity[4]; /* informational, low, medium, high */
    /* prevalence (section 6) */
    int32_t history_days, lag_days, novel, days0;
    int32_t counterparts;     /* of one alert that are counted */
    int32_t counterparts_day; /* of one key and day that are told apart */
    int32_t watermark_alerts; /* the watermark may go on one day in so many alerts; 0: freely */
    /* folding and scans (section 7) */
    int32_t fold_gap_s; /* negative: nothing is folded */
    bool fold_without_keys;
    int32_t scan_max; /* candidates of one key that are scored, newest first */
    /* caps (section 9) */
    int32_t cap_alerts, cap_users, cap_devices, soft_alerts, soft_users;
    enum caps_mode caps_mode;
    /* lifecycle (sections 10 and 11) */
    int32_t idle_s, reopen_s, hold_s;
    enum source_incident source_incident;
    struct key_rule rules[KEY_TYPES];
};

/* What the service does when nobody says otherwise. */
extern const struct params params_default;

#endif
