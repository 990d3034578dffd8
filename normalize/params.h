/*
 * params.h: every number the correlator decides with, as data.
 *
 * One file an installation (correlation.params_file; the default profile when none is named); a
 * tenant may override single values. Integers only. A parameter is a member of struct params and a
 * row of params.def (of a key type: of params.c). Ref: correlation.md 15.
 */
#ifndef WEIR_PARAMS_H
#define WEIR_PARAMS_H
#include "common/conf.h"
#include "common/json.h"
#include "normalize/keys.h"

enum { PARAMS_NAME_MAX = 32, PARAMS_DIGEST_TEXT = 13 };

/* One row of the key types: times in seconds. */
struct key_rule {
    const char *name;  /* "user", "nmid", "ip": as in the file */
    const char *label; /* for explanations: "user", "message", "address" */
    int32_t weight;
    int32_t half_life_s, window_s;
    enum key_class class;
    bool content;
    int32_t fan0;      /* counterparts at which the weight has halved; 0: no fan-out factor */
    int32_t novel;     /* thousandths of a value never seen before; 0: the general one */
    bool novel_exempt; /* "never seen before" says nothing */
};

enum caps_mode { CAPS_REFUSE, CAPS_REBUILD };
enum source_incident { SOURCE_INCIDENT_OFF, SOURCE_INCIDENT_HINT, SOURCE_INCIDENT_BIND };

struct params {
    int32_t version;
    char profile[PARAMS_NAME_MAX];
    int32_t threshold, related, strong, min_key_weight, time_step_s;
    int32_t term_stage, term_product, term_twin, twin_min, term_base;
    int32_t severity[4];                                  /* informational, low, medium, high */
    int32_t term_rare, rare_days;                         /* incident_habits.c */
    int32_t trust_low, trust_high, trust_min, trust_flat; /* the same */
    int32_t novel_cold, novel_days;                       /* of types with a novel of their own */
    /* prevalence (section 6) */
    int32_t history_days, lag_days, novel, days0;
    int32_t counterparts;     /* of one alert that are counted */
    int32_t counterparts_day; /* of one key and day that are told apart */
    int32_t watermark_alerts; /* that must agree on a jump of more than a day; 0: any one */
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

/* params_profile - *p becomes a built-in profile: default, reference, cautious, flat or ids. False:
 * there is none of that name, and *p is left alone. */
bool params_profile(struct slice name, struct params *p);

/* A built-in profile and what it changes in the default, for the manual. */
struct params_profile {
    const char *name;
    const char *summary; /* a sentence */
    const struct params_change {
        const char *path, *value;
    } * changes; /* ends with a NULL path */
};
extern const struct params_profile params_profiles[]; /* ends with a NULL name */

/*
 * params_read - lays a document over *p: {"threshold":1150,"terms":{"product":0}}.
 *
 * "profile" is taken first and replaces all of *p, then the other members; what is not named stays.
 *
 * Errors:  ERR_REJECT "params.json" (no JSON object, or over 256 KiB), "params.unknown" (no such
 *          parameter), "params.value" (not what is allowed; twice; members that contradict each
 *          other): the text begins with the path. ERR_RETRY "params.memory". *p is left alone.
 * Thread:  any.
 */
MUST_CHECK struct err params_read(struct slice json, struct params *p);
/* params_read_json - the same of a document that was parsed already. */
MUST_CHECK struct err params_read_json(struct json doc, struct params *p);

/* params_read_text - a file's text, YAML with comments (nested or dotted names, as in weir.yaml) or
 * the JSON of params_read, over *p. Errors as params_read, and those of conf_file_each: the text
 * begins with the label, line and column, for JSON with the label alone. */
MUST_CHECK struct err params_read_text(const char *label, struct slice text, struct params *p);

/* params_read_file - the same of a file. All errors are ERR_STOP "params.conf". */
MUST_CHECK struct err params_read_file(const char *path, struct params *p);

/* params_configured - what the installation uses: the file of correlation.params_file over the
 * default profile. Errors as params_read_file; *p is left alone. */
MUST_CHECK struct err params_configured(const struct conf *c, struct params *p);

/* params_json - all values in canonical form: members sorted, no blanks; read(json(p)) = p.
 * SLICE_NONE: the arena is full. */
struct slice params_json(const struct params *p, struct arena *a);

/* params_digest_text - the first 12 hex digits of the SHA-256 of params_json, terminated. */
void params_digest_text(const struct params *p, char out[PARAMS_DIGEST_TEXT]);

/* One parameter, for people. */
struct params_value {
    const char *path;        /* "types.user.w" */
    const char *value;       /* as JSON: 800, "message", true, ["user","device"] */
    const char *words;       /* what it may be, when it is no number: "refuse, rebuild" */
    int64_t least, most;     /* of a number */
    const char *unit, *help; /* "" when there is none; help: a sentence */
};
/* params_each - every parameter, in the order of the manual. Texts live during the visit. */
void params_each(const struct params *p, void (*visit)(void *ctx, const struct params_value *v),
                 void *ctx);

/* params_document - a page on stdout, for make docs: "markdown" the tables of the manual, "yaml" a
 * file with every parameter commented out at its default. False: there is no such page. */
bool params_document(const char *page);

#endif
