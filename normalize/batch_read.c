/* batch_read.c: a window's records, shared out to tenants, and what the store knows of them. */
#include "normalize/batch_internal.h"

#include <string.h>

#include "common/log.h"
#include "store/decisions.h"
#include "store/fence.h"

/* ---- the beginning of a window */

static struct err
no_memory(void)
{
    return err_make(ERR_RETRY, "normalize.memory", "no memory left");
}

static bool
is_fenced(const struct batch *b, const struct oid *oid)
{
    for (size_t i = 0; i < b->n_fenced; i++)
        if (oid_eq(&b->fenced[i], oid))
            return true;
    return false;
}

/* A tenant remembers where in this window its share is, if that is still true. */
static struct share *
share_of(struct batch *b, const struct raw_record *r)
{
    struct tenant *t = tenants_get(b->env->tenants, &r->oid, r->epoch);
    if (t == NULL)
        return NULL;
    if (t->share < b->n_shares && b->shares[t->share].tenant == t)
        return &b->shares[t->share];
    struct share *s = &b->shares[b->n_shares];
    *s = (struct share){.tenant = t, .fenced = is_fenced(b, &r->oid)};
    t->share = b->n_shares++;
    return s;
}

/* A record that is nothing of ours under its tenant's key is nobody's: counted, and passed over.
 * ERR_RETRY: memory. */
static struct err
decode_alert(struct batch *b, const struct gathered *g, struct delivery *d)
{
    struct oid oid;
    struct err e = codec_raw_read(b->env->codec, g->value, b->work, &d->record);
    if (e.kind == ERR_NONE && (!oid_from(g->key, &oid) || !oid_eq(&oid, &d->record.oid)))
        e = err_make(ERR_REJECT, "normalize.key", "the key is not the tenant of the record");
    return e;
}

static struct err
decode_decision(struct batch *b, const struct gathered *g, struct delivery *d)
{
    struct oid oid;
    struct decide *c = arena_alloc(b->work, sizeof *c);
    if (c == NULL)
        return no_memory();
    c->poison = g->poison;
    struct err e = codec_control_read(b->env->codec, g->value, b->work, &c->record);
    if (e.kind == ERR_NONE && (!oid_from(g->key, &oid) || !oid_eq(&oid, &c->record.oid)))
        e = err_make(ERR_REJECT, "normalize.key", "the key is not the tenant of the record");
    if (e.kind == ERR_NONE && !decision_id_ok(c->record.id))
        e = err_make(ERR_REJECT, "normalize.decision", "a decision without an id");
    if (e.kind == ERR_NONE && g->old)
        e = err_make(ERR_REJECT, "normalize.epoch", "a decision of an epoch that is over");
    if (e.kind)
        return e;
    d->decide = c;
    d->record.oid = c->record.oid;
    d->record.epoch = c->record.epoch;
    return ERR_OK;
}

static struct err
decode(struct batch *b, const struct gathered *g, struct delivery *d)
{
    const char *schema = codec_schema(b->env->codec, g->value);
    struct err e;
    if (schema == NULL)
        e = err_make(ERR_REJECT, "normalize.frame", "no frame of ours");
    else if (strcmp(schema, "control_event") == 0)
        e = decode_decision(b, g, d);
    else
        e = decode_alert(b, g, d);
    if (e.kind != ERR_REJECT)
        return e;
    d->outcome = OUTCOME_DEAD;
    d->nobodys = true;
    d->why = e;
    return ERR_OK;
}

/* Each share's deliveries are a part of one array, in the order of the log. */
static struct err
hand_out(struct batch *b, const size_t *share_of_record)
{
    struct delivery **all = arena_alloc(b->work, (b->n_window + 1) * sizeof(struct delivery *));
    if (all == NULL)
        return no_memory();
    for (size_t i = 0; i < b->n_shares; i++) {
        b->shares[i].deliveries = all;
        all += b->shares[i].n_deliveries;
        b->shares[i].n_deliveries = 0;
    }
    for (size_t i = 0; i < b->n_window; i++) {
        struct delivery *d = &b->deliveries[i];
        if (d->nobodys)
            continue;
        struct share *s = &b->shares[share_of_record[i]];
        s->decide = d->decide;
        if (s->decide == NULL)
            s->deliveries[s->n_deliveries++] = d;
        if (s->fenced)
            d->outcome = OUTCOME_FENCED;
        if (s->fenced && s->decide != NULL)
            s->decide->outcome = DECIDE_FENCED;
    }
    return ERR_OK;
}

/* The record's share, where it is in the window; *cut: the window has to end before it. */
static struct err
take(struct batch *b, size_t i, size_t *number, bool *cut)
{
    const struct gathered *g = &b->records[b->at + i];
    struct delivery *d = &b->deliveries[i];
    *d = (struct delivery){.poison = g->poison};
    struct err e = decode(b, g, d);
    if (e.kind || d->nobodys)
        return e;
    struct share *s = share_of(b, &d->record);
    if (s == NULL)
        return no_memory();
    *cut = s->decide != NULL || (d->decide != NULL && s->n_deliveries > 0);
    if (*cut) { /* the share's epoch is that of its own records */
        s->tenant->epoch = b->deliveries[s->first].record.epoch;
        return ERR_OK;
    }
    if (s->n_deliveries++ == 0)
        s->first = i;
    s->decide = d->decide;
    number[i] = (size_t)(s - b->shares);
    return ERR_OK;
}

struct err
batch_share_out(struct batch *b)
{
    size_t *number = arena_alloc(b->work, b->n_window * sizeof *number);
    b->shares = arena_alloc(b->work, b->n_window * sizeof *b->shares);
    b->deliveries = arena_alloc(b->work, b->n_window * sizeof *b->deliveries);
    b->n_shares = 0;
    b->n_deliveries = b->n_window;
    if (number == NULL || b->shares == NULL || b->deliveries == NULL)
        return no_memory();
    for (size_t i = 0; i < b->n_window; i++) {
        bool cut = false;
        struct err e = take(b, i, number, &cut);
        if (e.kind)
            return e;
        if (cut)
            b->n_window = b->n_deliveries = i;
    }
    return hand_out(b, number);
}

static struct err
check_fence(struct batch *b)
{
    struct fence_row *rows = arena_alloc(b->work, (b->n_shares + 1) * sizeof *rows);
    size_t n = 0;
    if (rows == NULL)
        return no_memory();
    for (size_t i = 0; i < b->n_shares; i++)
        if (!b->shares[i].fenced)
            rows[n++] = (struct fence_row){.oid = b->shares[i].tenant->oid,
                                           .epoch = b->shares[i].tenant->epoch};
    if (n > 0)
        fence_check(b->env->db, b->work, rows, n, DB_UNTOLD);
    return ERR_OK;
}

/* ---- reading what the store knows of the alerts at hand */

static void
on_known(void *arg, const struct db_rows *rows, struct err e)
{
    struct share *s = arg;
    for (size_t i = 0; e.kind == ERR_NONE && i < db_count(rows); i++) {
        struct alerts_known k;
        alerts_known_row(rows, i, &k);
        struct item *item = judge_find(s, k.source, k.native_id);
        if (item == NULL)
            continue;
        item->known = true;
        item->version = k.version;
        item->received = k.received;
        if (k.sha256.n == sizeof item->sha256)
            memcpy(item->sha256, k.sha256.p, sizeof item->sha256);
    }
}

/* What a callback needs: batch and share; and for stored mail records whose they are. */
struct share_ctx {
    struct batch *batch;
    struct share *share;
    int32_t source;
};

static struct err
take_mail(struct share_ctx *c, const struct db_rows *rows, size_t i)
{
    struct batch *b = c->batch;
    struct alerts_mail m;
    alerts_mail_row(rows, i, &m);
    struct item *item = judge_find(c->share, c->source, m.alert_id);
    if (item == NULL)
        return ERR_OK;
    struct document d = {.record_id = slice_dup(b->work, m.record_id),
                         .version = m.version,
                         .received = m.received,
                         .sha256 = slice_dup(b->work, m.sha256)};
    struct slice place =
        slice_printf(b->work, "pg|mail_record|sealed|%.*s", SLICE_ARG(m.record_id));
    struct err e = seal_open(b->env->seal, &c->share->tenant->oid, c->share->tenant->epoch,
                             SEAL_RAW, place, m.sealed, b->work, &d.plain);
    return e.kind ? e : judge_document(item, &d, b->work);
}

static void
on_mail(void *arg, const struct db_rows *rows, struct err e)
{
    struct share_ctx *c = arg;
    for (size_t i = 0; e.kind == ERR_NONE && i < db_count(rows); i++)
        e = take_mail(c, rows, i);
    if (c->batch->failed.kind == ERR_NONE)
        c->batch->failed = e;
}

static void
on_all_known(void *arg, struct err e)
{
    struct batch *b = arg;
    if (e.kind == ERR_NONE)
        e = b->failed;
    if (e.kind)
        batch_fail(b, e);
    else
        batch_recall(b);
}

/* Alerts of which the window has parts: their other parts are asked for. */
static struct err
ask_mail(struct batch *b, struct share *s)
{
    struct slice *ids = arena_alloc(b->work, (s->n_items + 1) * sizeof *ids);
    struct share_ctx *c = arena_alloc(b->work, sizeof *c);
    size_t n = 0;
    if (ids == NULL || c == NULL)
        return no_memory();
    *c = (struct share_ctx){.batch = b, .share = s};
    for (size_t i = 0; i < s->n_items; i++) {
        if (!s->items[i].parts)
            continue;
        ids[n++] = s->items[i].native_id;
        c->source = s->items[i].source; /* one source only has parts */
    }
    if (n > 0)
        alerts_mail_of(b->env->db, b->work, &s->tenant->oid, ids, n,
                       (struct db_answer){on_mail, c});
    return ERR_OK;
}

static void
on_twins(void *arg, const struct db_rows *rows, struct err e)
{
    struct share_ctx *c = arg;
    for (size_t i = 0; e.kind == ERR_NONE && i < db_count(rows); i++) {
        struct twins_found f;
        twins_found_row(rows, i, &f);
        e = judge_twin(c->share, &f, c->batch->env->seal, c->batch->work);
    }
    if (c->batch->failed.kind == ERR_NONE)
        c->batch->failed = e;
}

/* Documents of identity: what is kept of them, and of those that may be of the same detection. */
static struct err
ask_twins(struct batch *b, struct share *s)
{
    struct twins_place *places = NULL;
    struct share_ctx *c = arena_alloc(b->work, sizeof *c);
    size_t n;
    struct err e = c == NULL ? no_memory() : judge_places(s, b->work, &places, &n);
    if (e.kind || n == 0)
        return e;
    *c = (struct share_ctx){.batch = b, .share = s};
    twins_near(b->env->db, b->work, &s->tenant->oid, places, n, TWIN_REACH,
               (int64_t)s->n_hand + JUDGE_TWINS_MAX, (struct db_answer){on_twins, c});
    return ERR_OK;
}

static void
on_decision(void *arg, const struct db_rows *rows, struct err e)
{
    if (e.kind == ERR_NONE)
        decide_known(arg, rows);
}

static struct err
ask_decision(struct batch *b, struct share *s)
{
    struct err e = decide_open(s->decide, b->env->seal, b->env->topic, b->work);
    if (e.kind == ERR_NONE)
        decisions_get(b->env->db, b->work, &s->tenant->oid, s->decide->record.id,
                      (struct db_answer){on_decision, s->decide});
    return e;
}

static struct err
ask_known(struct batch *b, struct share *s)
{
    struct err e = ERR_OK;
    if (s->decide != NULL)
        return ask_decision(b, s);
    for (size_t i = 0; e.kind == ERR_NONE && i < s->n_deliveries; i++)
        e = judge_open(s->deliveries[i], s->tenant, b->env->seal, b->env->topic, b->work);
    if (e.kind == ERR_NONE)
        e = judge_items(s, b->work);
    if (e.kind == ERR_NONE)
        e = ask_twins(b, s);
    if (e.kind || s->n_items == 0)
        return e;
    struct alerts_key *keys = arena_alloc(b->work, s->n_items * sizeof *keys);
    if (keys == NULL)
        return no_memory();
    for (size_t i = 0; i < s->n_items; i++)
        keys[i] = (struct alerts_key){s->items[i].source, s->items[i].native_id};
    alerts_known(b->env->db, b->work, &s->tenant->oid, keys, s->n_items,
                 (struct db_answer){on_known, s});
    return ask_mail(b, s);
}

static void
ask_all_known(struct batch *b)
{
    struct err e = ERR_OK;
    for (size_t i = 0; e.kind == ERR_NONE && i < b->n_shares; i++)
        if (!b->shares[i].fenced)
            e = ask_known(b, &b->shares[i]);
    if (e.kind)
        batch_fail(b, e);
    else
        db_sync(b->env->db, on_all_known, b);
}

static void
on_loaded(void *arg, struct err e)
{
    struct batch *b = arg;
    for (size_t i = 0; e.kind == ERR_NONE && i < b->n_shares; i++)
        if (!b->shares[i].fenced)
            e = tenants_loaded(b->shares[i].tenant);
    if (e.kind)
        batch_fail(b, e);
    else
        ask_all_known(b);
}

/* Settings say how far back the rest is needed. */
static void
on_settings_loaded(void *arg, struct err e)
{
    struct batch *b = arg;
    if (e.kind) {
        batch_fail(b, e);
        return;
    }
    for (size_t i = 0; i < b->n_shares; i++)
        if (!b->shares[i].fenced)
            tenants_load_live(b->shares[i].tenant, b->env->db, b->work);
    db_sync(b->env->db, on_loaded, b);
}

void
batch_read(struct batch *b)
{
    bool loading = false;
    db_begin(b->env->db);
    struct err e = check_fence(b);
    if (e.kind) {
        batch_fail(b, e);
        return;
    }
    for (size_t i = 0; i < b->n_shares; i++) {
        if (b->shares[i].fenced || b->shares[i].tenant->engine != NULL)
            continue;
        tenants_load(b->shares[i].tenant, b->env->db, b->work);
        loading = true;
    }
    if (loading)
        db_sync(b->env->db, on_settings_loaded, b);
    else
        ask_all_known(b);
}
