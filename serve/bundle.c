#include "serve/bundle.h"

#include <inttypes.h>

#include "store/correlator.h"

static struct err
no_memory(void)
{
    return err_make(ERR_RETRY, "bundle.memory", "the answer is too large; ask for fewer incidents");
}

static void
keep(struct bundle *p, struct slice *s, bool *full)
{
    if (s->p == NULL)
        return;
    *s = slice_dup(p->arena, *s);
    *full = *full || s->p == NULL;
}

/* ---- comments, links and alerts */

static void
on_comments(void *arg, const struct db_rows *rows, struct err e)
{
    struct bundle *p = arg;
    if (e.kind)
        return; /* the sync tells */
    bool full = false;
    size_t n = db_count(rows);
    p->comments = arena_alloc(p->arena, (n + 1) * sizeof *p->comments);
    for (size_t i = 0; p->comments != NULL && i < n; i++) {
        incidents_comment_row(rows, i, &p->comments[i]);
        keep(p, &p->comments[i].text, &full);
        keep(p, &p->comments[i].by, &full);
        p->n_comments++;
    }
    if (p->comments == NULL || full)
        p->failed = no_memory();
}

static void
on_links(void *arg, const struct db_rows *rows, struct err e)
{
    struct bundle *p = arg;
    if (e.kind)
        return;
    bool full = false;
    size_t n = db_count(rows);
    p->links = arena_alloc(p->arena, (n + 1) * sizeof *p->links);
    for (size_t i = 0; p->links != NULL && i < n; i++) {
        struct incidents_link *l = &p->links[i];
        incidents_link_row(rows, i, l);
        keep(p, &l->native_id, &full);
        keep(p, &l->partner_id, &full);
        keep(p, &l->reason, &full);
        p->n_links++;
    }
    if (p->links == NULL || full)
        p->failed = no_memory();
}

static void
on_pins(void *arg, const struct db_rows *rows, struct err e)
{
    struct bundle *p = arg;
    if (e.kind)
        return;
    bool full = false;
    size_t n = db_count(rows);
    p->pins = arena_alloc(p->arena, (n + 1) * sizeof *p->pins);
    for (size_t i = 0; p->pins != NULL && i < n; i++) {
        pins_load_row(rows, i, &p->pins[i]);
        keep(p, &p->pins[i].native_id, &full);
        p->n_pins++;
    }
    if (p->pins == NULL || full)
        p->failed = no_memory();
}

bool
bundle_aliases(const struct db_rows *rows, struct arena *a, struct incident_alias **out, size_t *n)
{
    size_t count = db_count(rows);
    *n = 0;
    *out = arena_alloc(a, (count + 1) * sizeof **out);
    for (size_t i = 0; *out != NULL && i < count; i++) {
        struct correlator_alias row;
        correlator_alias_row(rows, i, &row);
        struct incident_alias x = {(enum key_type)row.type, slice_dup(a, row.a),
                                   slice_dup(a, row.b)};
        if (x.a.p == NULL || x.b.p == NULL)
            return false;
        (*out)[(*n)++] = x;
    }
    return *out != NULL;
}

static void
on_aliases(void *arg, const struct db_rows *rows, struct err e)
{
    struct bundle *p = arg;
    if (e.kind == ERR_NONE && !bundle_aliases(rows, p->arena, &p->aliases, &p->n_aliases))
        p->failed = no_memory();
}

static void
on_alerts(void *arg, const struct db_rows *rows, struct err e)
{
    struct bundle *p = arg;
    if (e.kind || p->failed.kind)
        return;
    size_t n = db_count(rows);
    struct alerts_full *alerts = arena_alloc(p->arena, (n + 1) * sizeof *alerts);
    if (alerts == NULL) {
        p->failed = no_memory();
        return;
    }
    for (size_t i = 0; i < n; i++)
        alerts_full_row(rows, i, &alerts[i]);
    p->failed = p->compose(p, alerts, n);
}

static void
on_second(void *arg, struct err e)
{
    struct bundle *p = arg;
    p->done(p->arg, e.kind ? e : p->failed);
}

static void
read_rest(struct bundle *p)
{
    int64_t *ids = arena_alloc(p->arena, (p->n + 1) * sizeof *ids);
    if (ids == NULL) {
        p->done(p->arg, no_memory());
        return;
    }
    for (size_t i = 0; i < p->n; i++)
        ids[i] = p->rows[i].id;
    incidents_comments_of(p->db, p->arena, p->oid, ids, p->n, (struct db_answer){on_comments, p});
    if (p->with_links && p->n == 1) {
        incidents_links_of(p->db, p->arena, p->oid, ids[0], (struct db_answer){on_links, p});
        pins_load(p->db, p->arena, p->oid, ids, 1, (struct db_answer){on_pins, p});
    }
    if (p->with_aliases)
        correlator_aliases_load(p->db, p->arena, p->oid, (struct db_answer){on_aliases, p});
    alerts_of_incidents(p->db, p->arena, p->oid, ids, p->n, false,
                        (struct db_answer){on_alerts, p});
    db_sync(p->db, on_second, p);
}

/* ---- incidents */

static void
keep_row(struct bundle *p, struct incidents_row *r, bool *full)
{
    keep(p, &r->name, full);
    keep(p, &r->first_name, full);
    keep(p, &r->status, full);
    keep(p, &r->assigned_to, full);
    for (size_t i = 0; i < r->n_tags; i++)
        keep(p, &r->tags[i], full);
    for (size_t i = 0; i < r->n_entities; i++)
        keep(p, &r->entities[i], full);
}

static void
on_incidents(void *arg, const struct db_rows *rows, struct err e)
{
    struct bundle *p = arg;
    if (e.kind)
        return;
    bool full = false;
    size_t n = db_count(rows);
    p->rows = arena_alloc(p->arena, (n + 1) * sizeof *p->rows);
    int64_t alerts = 0;
    for (size_t i = 0; p->rows != NULL && i < n && !p->more; i++) {
        struct incidents_row *r = &p->rows[i];
        incidents_full_row(rows, i, p->arena, r);
        alerts += r->alerts;
        if ((int64_t)i >= p->top || (i > 0 && alerts > BUNDLE_ALERTS_MAX)) {
            p->more = true;
            break;
        }
        keep_row(p, r, &full);
        p->n++;
    }
    if (p->rows == NULL || full)
        p->failed = no_memory();
}

static void
on_first(void *arg, struct err e)
{
    struct bundle *p = arg;
    if (e.kind == ERR_NONE)
        e = p->failed;
    if (e.kind)
        p->done(p->arg, e);
    else
        read_rest(p);
}

static void
on_one(void *arg, struct err e)
{
    struct bundle *p = arg;
    if (e.kind == ERR_NONE && p->failed.kind == ERR_NONE && p->n == 0)
        e = err_make(ERR_REJECT, "bundle.none", "no such incident");
    on_first(p, e);
}

void
bundle_list(struct bundle *p, const struct incidents_filter *f)
{
    struct incidents_filter wanted = *f;
    p->failed = ERR_OK;
    p->top = f->top;
    wanted.top = f->top + 1; /* one more tells whether there is a next page */
    incidents_list(p->db, p->arena, p->oid, &wanted, (struct db_answer){on_incidents, p});
    db_sync(p->db, on_first, p);
}

void
bundle_get(struct bundle *p, int64_t id)
{
    p->failed = ERR_OK;
    p->top = 1;
    incidents_get(p->db, p->arena, p->oid, id, (struct db_answer){on_incidents, p});
    db_sync(p->db, on_one, p);
}
