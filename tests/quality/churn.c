/*
 * churn: how often what was published changes, when it is published after each alert.
 *
 *     churn [PROFILE] < alerts.jsonl
 *
 * The engine as the service uses it: days are closed by the watermark, changes are taken after each
 * line. One JSON line a tenant: alerts, incidents that were published, alerts that moved to another
 * incident at least once, incidents that were redirected. `weir correlate` cannot tell: it only
 * knows the end.
 */
#include <stdio.h>
#include <stdlib.h>

#include "normalize/correlate_log.h"
#include "normalize/incident.h"

struct seen {
    int64_t incident;
    bool moved;
};

struct count {
    size_t alerts, incidents, moved, redirected;
};

struct churn {
    struct correlate_log log;
    struct params params;
    struct arena *line, *changes;
};

static void
need(struct err e)
{
    if (e.kind == ERR_NONE)
        return;
    (void)fprintf(stderr, "churn: %s: %s\n", e.code, e.text);
    exit(1);
}

static struct err
take_params(void *ctx, struct correlate_line *line, struct arena *a)
{
    struct churn *c = ctx;
    (void)a;
    return params_read_json(line->params, &c->params);
}

static struct err
take_tenant(void *ctx, struct correlate_line *line, struct arena *a)
{
    struct churn *c = ctx;
    struct correlate_tenant *t;
    struct err e = correlate_log_tenant(&c->log, line->tenant, &t);
    (void)a;
    return e.kind ? e : correlate_read_lists(line, c->log.all, &t->lists);
}

static struct err
take_alert(void *ctx, struct correlate_line *line, struct arena *a)
{
    struct churn *c = ctx;
    struct correlate_tenant *t;
    struct err e = correlate_log_tenant(&c->log, line->tenant, &t);
    return e.kind ? e : correlate_log_add(&c->log, t, line, a);
}

/* What was published after one alert. */
static void
publish(const struct incident_changes *ch, struct names *ids, struct seen *seen, struct count *n)
{
    for (size_t i = 0; i < ch->n_rows; i++) {
        n->incidents += ch->rows[i].version == 1;
        n->redirected += ch->rows[i].redirect_to != 0;
    }
    for (size_t i = 0; i < ch->n_members; i++) {
        int64_t at = names_add(ids, ch->members[i].native_id);
        if (at == NAMES_NONE)
            abort();
        struct seen *s = &seen[at];
        bool moved = s->incident != 0 && s->incident != ch->members[i].incident_id;
        n->moved += moved && !s->moved;
        s->moved = s->moved || moved;
        s->incident = ch->members[i].incident_id;
    }
}

static struct count
one_tenant(struct churn *c, const struct correlate_tenant *t)
{
    struct incident_engine *e = incident_engine_new(&c->params, 1, SIZE_MAX / 2);
    struct names *ids = names_new();
    struct seen *seen = calloc(t->n_alerts + 1, sizeof(*seen));
    struct count n = {.alerts = 0};
    if (e == NULL || ids == NULL || seen == NULL)
        abort();
    for (size_t i = 0; i < t->n_alerts; i++) {
        struct key_set set;
        struct incident_alert al;
        struct incident_changes changes;
        need(correlate_log_alert(&c->log, &t->alerts[i], c->line, &set, &al));
        need(incident_add(e, &al));
        need(incident_changes(e, c->changes, &changes));
        publish(&changes, ids, seen, &n);
        incident_commit(e);
        arena_reset(c->line);
        arena_reset(c->changes);
    }
    n.alerts = (size_t)names_count(ids);
    incident_engine_free(e);
    names_free(ids);
    free(seen);
    return n;
}

int
main(int argc, char **argv)
{
    struct churn c = {.params = params_default};
    struct correlate_sink sink = {&c, take_params, take_tenant, take_alert};
    c.line = arena_new(SIZE_MAX / 2);
    c.changes = arena_new(SIZE_MAX / 2);
    if (c.line == NULL || c.changes == NULL)
        abort();
    if (argc > 1 && !params_profile(slice_of(argv[1]), &c.params)) {
        (void)fprintf(stderr, "churn: no profile %s\n", argv[1]);
        return 2;
    }
    need(correlate_log_init(&c.log));
    need(correlate_read_all(stdin, "standard input", &sink));
    for (int64_t i = 0; i < names_count(c.log.tenants); i++) {
        struct count n = one_tenant(&c, &c.log.of[i]);
        struct slice name = names_text(c.log.tenants, i);
        (void)printf("{\"tenant\":\"%.*s\",\"alerts\":%zu,\"incidents\":%zu,\"moved\":%zu,"
                     "\"redirected\":%zu}\n",
                     (int)name.n, name.p, n.alerts, n.incidents, n.moved, n.redirected);
    }
    correlate_log_fini(&c.log);
    arena_free(c.line);
    arena_free(c.changes);
    return 0;
}
