#include "normalize/correlate_log.h"

#include <stdlib.h>

enum { ALERTS_FIRST = 64, TENANTS_FIRST = 16 };

static struct err
no_memory(void)
{
    return err_make(ERR_RETRY, "correlate.memory", "no memory for so many alerts");
}

struct err
correlate_log_init(struct correlate_log *log)
{
    *log = (struct correlate_log){.all = arena_new(SIZE_MAX / 2)};
    log->tenants = names_new();
    log->sources = names_new();
    log->detectors = names_new();
    bool made =
        log->all != NULL && log->tenants != NULL && log->sources != NULL && log->detectors != NULL;
    return made ? ERR_OK : no_memory();
}

void
correlate_log_fini(struct correlate_log *log)
{
    for (int64_t i = 0; log->of != NULL && i < names_count(log->tenants); i++)
        free(log->of[i].alerts);
    free(log->of);
    names_free(log->tenants);
    names_free(log->sources);
    names_free(log->detectors);
    arena_free(log->all);
    *log = (struct correlate_log){.all = NULL};
}

struct err
correlate_log_tenant(struct correlate_log *log, struct slice name, struct correlate_tenant **out)
{
    int64_t at = names_find(log->tenants, name);
    if (at == NAMES_NONE) {
        size_t n = (size_t)names_count(log->tenants);
        if (n == CORRELATE_TENANTS_MAX)
            return err_make(ERR_REJECT, "correlate.tenants", "more than %d tenants",
                            CORRELATE_TENANTS_MAX);
        if (n == log->cap_of) {
            size_t cap = n == 0 ? TENANTS_FIRST : n * 2;
            void *more = realloc(log->of, cap * sizeof(*log->of));
            if (more == NULL)
                return no_memory();
            log->of = more;
            log->cap_of = cap;
        }
        log->of[n] = (struct correlate_tenant){.n_alerts = 0};
        at = names_add(log->tenants, name);
    }
    if (at == NAMES_NONE)
        return no_memory();
    *out = &log->of[at];
    return ERR_OK;
}

struct err
correlate_log_source(struct names *sources, struct incident_alert *al)
{
    int64_t number = names_add(sources, al->source);
    if (number == NAMES_NONE)
        return no_memory();
    if (number >= CORRELATE_SOURCES_MAX)
        return err_make(ERR_REJECT, "correlate.input", "more than %d different sources",
                        CORRELATE_SOURCES_MAX);
    al->source_number = al->product_number = (uint8_t)number;
    return ERR_OK;
}

static struct correlate_packed *
new_alert(struct correlate_tenant *t)
{
    if (t->n_alerts == t->cap_alerts) {
        size_t cap = t->cap_alerts == 0 ? ALERTS_FIRST : t->cap_alerts * 2;
        void *more = realloc(t->alerts, cap * sizeof(*t->alerts));
        if (more == NULL)
            return NULL;
        t->alerts = more;
        t->cap_alerts = cap;
    }
    return &t->alerts[t->n_alerts++];
}

struct err
correlate_log_add(struct correlate_log *log, struct correlate_tenant *t,
                  struct correlate_line *line, struct arena *a)
{
    struct incident_alert *al = &line->alert;
    struct key_set set;
    struct err e = correlate_read_keys(line, &t->lists, a, &set);
    if (!e.kind)
        e = correlate_log_source(log->sources, al);
    if (e.kind)
        return e;
    int64_t detector = names_add(log->detectors, al->detector);
    struct slice id = slice_dup(log->all, al->native_id);
    struct slice keys = keys_pack(&set, log->all);
    struct correlate_packed *kept = new_alert(t);
    if (detector == NAMES_NONE || id.p == NULL || keys.p == NULL || kept == NULL)
        return no_memory();
    *kept = (struct correlate_packed){
        .version = al->version,
        .created_s = al->created_s,
        .first_s = al->first_s,
        .last_s = al->last_s,
        .id = id,
        .keys = keys,
        .detector = (uint32_t)detector,
        .tactics = al->tactics,
        .level = al->level,
        .source = al->source_number,
    };
    return ERR_OK;
}

struct err
correlate_log_alert(const struct correlate_log *log, const struct correlate_packed *kept,
                    struct arena *a, struct key_set *set, struct incident_alert *out)
{
    struct err e = keys_unpack(kept->keys, a, set);
    if (e.kind)
        return e;
    struct slice source = names_text(log->sources, kept->source);
    struct slice detector = names_text(log->detectors, kept->detector);
    *out = (struct incident_alert){
        .source = source,
        .source_number = kept->source,
        .product_number = kept->source,
        .native_id = kept->id,
        .version = kept->version,
        .created_s = kept->created_s,
        .first_s = kept->first_s,
        .last_s = kept->last_s,
        .level = kept->level,
        .tactics = kept->tactics,
        .detector = detector,
        .keys = set,
    };
    return ERR_OK;
}
