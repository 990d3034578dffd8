/*
 * correlate_log.h: a whole log of alerts in memory, packed, tenant by tenant.
 *
 * The correlator offline reads its input once and goes over it several times: to fill the day
 * tables, to link, and with other parameters again.
 */
#ifndef WEIR_CORRELATE_LOG_H
#define WEIR_CORRELATE_LOG_H
#include "normalize/correlate_read.h"
#include "normalize/names.h"

enum { CORRELATE_TENANTS_MAX = 100000, CORRELATE_SOURCES_MAX = 32 };

/* One version of an alert; its keys packed. */
struct correlate_packed {
    int64_t version, created_s, first_s, last_s;
    struct slice id, keys;
    uint32_t detector; /* of the log's names */
    uint16_t tactics;
    uint8_t level, source; /* of the log's names */
};

struct correlate_tenant {
    struct key_tenant lists;
    struct correlate_packed *alerts; /* in order of arrival */
    size_t n_alerts, cap_alerts;
};

struct correlate_log {
    struct arena *all;
    struct names *tenants, *sources, *detectors;
    struct correlate_tenant *of; /* by number in tenants */
    size_t cap_of;
};

MUST_CHECK struct err correlate_log_init(struct correlate_log *log);
void correlate_log_fini(struct correlate_log *log);

/* correlate_log_tenant - what is known of a tenant, made when new; borrowed until the next new one.
 * ERR_REJECT "correlate.tenants": over CORRELATE_TENANTS_MAX; ERR_RETRY "correlate.memory". */
MUST_CHECK struct err correlate_log_tenant(struct correlate_log *log, struct slice name,
                                           struct correlate_tenant **out);

/* correlate_log_source - gives the alert the number of its source and of its product, which is the
 * same here. ERR_REJECT "correlate.input": over CORRELATE_SOURCES_MAX different ones. */
MUST_CHECK struct err correlate_log_source(struct names *sources, struct incident_alert *al);

/* correlate_log_add - keeps an alert of the tenant; a is for what is not kept. Errors as above. */
MUST_CHECK struct err correlate_log_add(struct correlate_log *log, struct correlate_tenant *t,
                                        struct correlate_line *line, struct arena *a);

/* correlate_log_alert - a kept alert as the engine takes it: set in the arena, texts borrowed from
 * the log. ERR_RETRY "keys.memory". */
MUST_CHECK struct err correlate_log_alert(const struct correlate_log *log,
                                          const struct correlate_packed *kept, struct arena *a,
                                          struct key_set *set, struct incident_alert *out);

#endif
