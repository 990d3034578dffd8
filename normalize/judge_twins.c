/*
 * judge_twins.c: detections of Azure ATP, which come by two channels.
 *
 * Documents of both channels are kept. One of two mates is the alert, the other adds to it: the one
 * that is stored already, else the one of the tenant's channel. So nothing is stored twice, also
 * after the tenant has changed its channel. A document of the other channel alone is no alert.
 */
#include "normalize/judge_internal.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "normalize/rows.h"
#include "normalize/twin_fill.h"

static struct err
no_memory(void)
{
    return err_make(ERR_RETRY, "normalize.memory", "a batch needs more memory than it may have");
}

/* ---- what is at hand */

static struct err
map_one(const struct source *source, struct slice plain, int64_t received, const struct tenant *t,
        struct arena *a, struct alert **out)
{
    const struct source_document doc = {plain, received};
    struct alert *al = arena_alloc(a, sizeof *al);
    if (al == NULL)
        return no_memory();
    struct err e = source->map(&doc, 1, t->directory_id, a, al);
    *out = e.kind == ERR_NONE ? al : NULL;
    return e;
}

struct err
judge_twin_open(struct delivery *d, const struct tenant *t, struct arena *a)
{
    d->unread = map_one(d->source, d->plain, d->record.received, t, a, &d->alert);
    return d->unread.kind == ERR_REJECT ? ERR_OK : d->unread;
}

static int
key_cmp(const struct twin *a, int32_t source, struct slice native_id)
{
    if (a->view.source != source)
        return a->view.source < source ? -1 : 1;
    return slice_cmp(a->view.native_id, native_id);
}

static int
twin_cmp(const void *x, const void *y)
{
    const struct twin *a = *(struct twin *const *)x, *b = *(struct twin *const *)y;
    return key_cmp(a, b->view.source, b->view.native_id);
}

static struct err
add(struct share *s, const struct source *source, struct slice native_id, struct arena *a,
    struct twin **out)
{
    struct twin *t = arena_alloc(a, sizeof *t);
    if (s->n_twins == s->twins_capacity) {
        void *larger = arena_grow(a, s->twins, sizeof(struct twin *), &s->twins_capacity);
        if (larger == NULL)
            return no_memory();
        s->twins = larger;
    }
    if (t == NULL)
        return no_memory();
    t->source = source;
    t->view.source = source->number;
    t->view.native_id = native_id;
    s->twins[s->n_twins++] = t;
    *out = t;
    return ERR_OK;
}

struct err
judge_twin_hand(struct share *s, struct arena *a)
{
    struct err e = ERR_OK;
    struct twin *t;
    for (size_t i = 0; e.kind == ERR_NONE && i < s->n_deliveries; i++) {
        const struct delivery *d = s->deliveries[i];
        if (d->outcome == OUTCOME_OPEN && d->ident.twin.p != NULL)
            e = add(s, d->source, d->ident.native_id, a, &t);
    }
    if (e.kind || s->n_twins == 0)
        return e;
    qsort(s->twins, s->n_twins, sizeof(struct twin *), twin_cmp);
    for (size_t i = 0; i < s->n_twins; i++)
        if (s->n_hand == 0 || twin_cmp(&s->twins[i], &s->twins[s->n_hand - 1]) != 0)
            s->twins[s->n_hand++] = s->twins[i];
    s->n_twins = s->n_hand;
    return ERR_OK;
}

static struct twin *
at_hand(const struct share *s, int32_t source, struct slice native_id)
{
    size_t low = 0, high = s->n_hand;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = key_cmp(s->twins[middle], source, native_id);
        if (order == 0)
            return s->twins[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

struct err
judge_places(const struct share *s, struct arena *a, struct twins_place **out, size_t *n)
{
    *n = 0;
    if (s->n_hand == 0)
        return ERR_OK;
    *out = arena_alloc(a, s->n_deliveries * sizeof **out);
    if (*out == NULL)
        return no_memory();
    for (size_t i = 0; i < s->n_deliveries; i++) {
        const struct delivery *d = s->deliveries[i];
        if (d->outcome != OUTCOME_OPEN || d->ident.twin.p == NULL)
            continue;
        struct twins_place *p = &(*out)[(*n)++];
        *p = (struct twins_place){d->source->number, d->ident.native_id, SLICE(""), 0};
        if (d->alert == NULL)
            continue;
        p->detection = d->ident.twin;
        p->moment = twin_moment(d->alert);
    }
    return ERR_OK;
}

/* ---- what is kept */

static struct err
take_kept(struct twin *t, const struct share *s, const struct twins_row *r, struct seal *seal,
          struct arena *a)
{
    const struct tenant *of = s->tenant;
    t->kept = true;
    t->version = r->version;
    t->received = r->received;
    t->moment_was = r->moment;
    t->sha256 = slice_dup(a, r->sha256);
    t->detection_was = slice_dup(a, r->detection);
    t->mate_was = r->mate.p != NULL ? slice_dup(a, r->mate) : SLICE_NONE;
    t->sealed = slice_dup(a, r->sealed);
    struct slice place = rows_twin_place(r->source, t->view.native_id, a);
    if (t->sha256.p == NULL || t->detection_was.p == NULL || t->sealed.p == NULL || place.p == NULL)
        return no_memory();
    return seal_open(seal, &of->oid, of->epoch, SEAL_RAW, place, t->sealed, a, &t->plain);
}

struct err
judge_twin(struct share *s, const struct twins_found *f, struct seal *seal, struct arena *a)
{
    struct err e = ERR_OK;
    const struct source *source = source_by_number(f->row.source);
    struct twin *t = at_hand(s, f->row.source, f->row.native_id);
    if (source == NULL)
        return err_make(ERR_STOP, "normalize.source", "a twin of source %d", f->row.source);
    if (t == NULL) {
        struct slice native_id = slice_dup(a, f->row.native_id);
        e = native_id.p == NULL ? no_memory() : add(s, source, native_id, a, &t);
    }
    if (e.kind == ERR_NONE && f->row.sha256.n == CRYPTO_SHA256)
        e = take_kept(t, s, &f->row, seal, a);
    if (e.kind || f->alert_sha256.p == NULL)
        return e;
    t->stored = true;
    t->alert_version = f->alert_version;
    t->alert_sha256 = slice_dup(a, f->alert_sha256);
    return t->alert_sha256.p == NULL ? no_memory() : ERR_OK;
}

/* ---- deliveries */

static void
take(struct share *s, struct delivery *d)
{
    struct twin *t = at_hand(s, d->source->number, d->ident.native_id);
    bool known = t->plain.p != NULL;
    if ((known && judge_nothing_new(t->version, t->sha256, d)) ||
        (!known && t->stored && judge_nothing_new(t->alert_version, t->alert_sha256, d))) {
        t->stale = d;
        t->wins = t->wins || d->ident.fate == FATE_ALERT;
        return;
    }
    if (d->alert == NULL) { /* it cannot be mapped */
        if (t->stored || d->ident.fate == FATE_ALERT)
            judge_dead(d, d->unread);
        else
            d->outcome = OUTCOME_IGNORED;
        return;
    }
    t->fresh = d;
    t->looked = false;
    t->plain = d->plain;
    t->version = d->ident.version;
    t->received = d->record.received;
    t->sha256 = (struct slice){(const char *)d->sha256, sizeof d->sha256};
    t->alert = d->alert;
    t->wins = d->ident.fate == FATE_ALERT;
}

static bool
is_news(const struct twin *t)
{
    return t->fresh != NULL || (t->stale != NULL && t->wins && !t->stored);
}

/* ---- mates */

/* What is kept is read again; what cannot be any more is left alone. */
static struct err
look_at(struct twin *t, const struct share *s, struct arena *a)
{
    struct source_ident ident = {.fate = FATE_IGNORE};
    struct err e = ERR_OK;
    if (t->plain.p == NULL || t->looked)
        return ERR_OK;
    t->looked = true;
    if (t->fresh != NULL)
        ident = t->fresh->ident;
    else
        e = t->source->ident(t->plain, s->tenant->channel, a, &ident);
    if (e.kind == ERR_NONE && t->alert == NULL && ident.twin.p != NULL)
        e = map_one(t->source, t->plain, t->received, s->tenant, a, &t->alert);
    if (e.kind == ERR_NONE && t->alert != NULL) {
        t->wins = ident.fate == FATE_ALERT;
        e = twin_view_of(t->alert, t->view.source, t->view.native_id, ident.twin, a, &t->view);
    }
    if (e.kind == ERR_REJECT)
        t->alert = NULL;
    return e.kind == ERR_REJECT ? ERR_OK : e;
}

static bool
near(const struct twins_place *places, size_t n, struct slice detection, int64_t moment)
{
    for (size_t i = 0; i < n; i++)
        if (slice_eq(places[i].detection, detection) && places[i].moment >= moment - TWIN_TOUCHED &&
            places[i].moment <= moment + TWIN_TOUCHED)
            return true;
    return false;
}

/* Where something is not as it was. */
static struct err
changed_places(const struct share *s, struct arena *a, struct twins_place **out, size_t *n)
{
    *n = 0;
    *out = arena_alloc(a, (2 * s->n_hand + 1) * sizeof **out);
    if (*out == NULL)
        return no_memory();
    for (size_t i = 0; i < s->n_hand; i++) {
        const struct twin *t = s->twins[i];
        if (!is_news(t) || t->alert == NULL)
            continue;
        (*out)[(*n)++] =
            (struct twins_place){.detection = t->view.detection, .moment = t->view.moment};
        if (t->kept &&
            !(t->moment_was == t->view.moment && slice_eq(t->detection_was, t->view.detection)))
            (*out)[(*n)++] =
                (struct twins_place){.detection = t->detection_was, .moment = t->moment_was};
    }
    return ERR_OK;
}

static struct err
find_mates(struct share *s, struct arena *a)
{
    struct twins_place *places = NULL;
    size_t n_places = 0, n = 0;
    struct twin_view **views = arena_alloc(a, (s->n_twins + 1) * sizeof(struct twin_view *));
    struct err e = views == NULL ? no_memory() : changed_places(s, a, &places, &n_places);
    if (e.kind || n_places == 0)
        return e;
    for (size_t i = 0; i < s->n_twins; i++)
        if (s->twins[i]->alert != NULL)
            views[n++] = &s->twins[i]->view;
    twin_match(views, n);
    for (size_t i = 0; i < s->n_twins; i++) {
        struct twin *t = s->twins[i];
        if (t->alert == NULL || !near(places, n_places, t->view.detection, t->view.moment))
            continue;
        t->touched = true;
        t->mate = (struct twin *)(void *)t->view.mate;
        if (t->mate != NULL && t->mate->stored && t->stored)
            t->mate = NULL; /* of two channels, before they could be told to be one */
    }
    return ERR_OK;
}

/* Too many to compare: mates stay. */
static void
keep_mates(struct share *s)
{
    log_warn("normalize.twins_cut", LOG_OID(&s->tenant->oid),
             LOG_INT("documents", (int64_t)s->n_twins));
    for (size_t i = 0; i < s->n_hand; i++) {
        struct twin *t = s->twins[i];
        t->touched = is_news(t) && t->alert != NULL;
        for (size_t k = 0; t->touched && t->mate_was.p != NULL && k < s->n_twins; k++) {
            struct twin *other = s->twins[k];
            if (other->view.source != t->view.source && other->alert != NULL &&
                slice_eq(other->view.native_id, t->mate_was))
                t->mate = other;
        }
    }
}

/* ---- alerts */

static bool
is_alert(const struct twin *t)
{
    if (t->stored)
        return true;
    if (t->mate == NULL)
        return t->wins && is_news(t);
    return t->wins && !t->mate->stored;
}

/* The hash of what an alert was made from. */
static void
digest(const struct twin *t, uint8_t out[CRYPTO_SHA256])
{
    char both[2 * CRYPTO_SHA256];
    memcpy(out, t->sha256.p, CRYPTO_SHA256);
    if (t->mate == NULL)
        return;
    memcpy(both, t->sha256.p, CRYPTO_SHA256);
    memcpy(both + CRYPTO_SHA256, t->mate->sha256.p, CRYPTO_SHA256);
    crypto_sha256((struct slice){both, sizeof both}, out);
}

static struct err
make_alert(struct share *s, struct twin *t, struct seal *seal, struct arena *a)
{
    struct item *i = &t->item;
    uint8_t sha256[CRYPTO_SHA256];
    digest(t, sha256);
    if (t->stored && t->alert_version == t->version &&
        slice_eq(t->alert_sha256, (struct slice){(const char *)sha256, sizeof sha256}))
        return ERR_OK;
    *i = (struct item){.source = t->view.source,
                       .native_id = t->view.native_id,
                       .version = t->version,
                       .received = t->received,
                       .plain = t->plain};
    memcpy(i->sha256, sha256, sizeof sha256);
    struct alert *al = arena_alloc(a, sizeof *al);
    if (al == NULL)
        return no_memory();
    *al = *t->alert;
    struct err e = ERR_OK;
    /* what the correlator knows of it must not depend on whether the mate came first */
    if (t->mate != NULL && (t->fresh != NULL || !t->stored))
        e = judge_feed(s, i, t->source, al, NULL, a);
    if (e.kind == ERR_NONE && t->mate != NULL)
        e = twin_fill(al, t->mate->alert, a);
    if (e.kind == ERR_NONE)
        e = judge_take(s, i, t->source, al, NULL, seal, a);
    if (e.kind)
        return e;
    t->stored = true;
    t->alert_version = i->version;
    t->alert_sha256 = (struct slice){(const char *)i->sha256, sizeof i->sha256};
    return ERR_OK;
}

static bool
same_mate(const struct twin *t)
{
    struct slice mate = t->mate != NULL ? t->mate->view.native_id : SLICE_NONE;
    return mate.p == NULL ? t->mate_was.p == NULL
                          : t->mate_was.p != NULL && slice_eq(mate, t->mate_was);
}

/* The step is done: what is, is what was, for the next. */
static void
settle(struct twin *t, bool alert, bool first)
{
    if (t->fresh != NULL)
        t->fresh->outcome = alert ? OUTCOME_STORED : OUTCOME_IGNORED;
    if (t->stale != NULL)
        t->stale->outcome = first && t->fresh == NULL ? OUTCOME_STORED
                            : alert                   ? OUTCOME_UNCHANGED
                                                      : OUTCOME_IGNORED;
    t->rewritten |= t->fresh != NULL;
    t->changed |= t->fresh != NULL || (t->touched && !same_mate(t));
    if (t->fresh != NULL) {
        t->kept = true;
        t->moment_was = t->view.moment;
        t->detection_was = t->view.detection;
    }
    if (t->touched)
        t->mate_was = t->mate != NULL ? t->mate->view.native_id : SLICE_NONE;
    t->fresh = t->stale = NULL;
    t->touched = false;
}

struct err
judge_twins(struct share *s, struct delivery *d, struct seal *seal, struct arena *a)
{
    struct err e = ERR_OK;
    take(s, d);
    if (d->outcome != OUTCOME_OPEN)
        return ERR_OK;
    for (size_t i = 0; e.kind == ERR_NONE && i < s->n_twins; i++)
        e = look_at(s->twins[i], s, a);
    if (e.kind == ERR_NONE && s->n_twins - s->n_hand >= JUDGE_TWINS_MAX)
        keep_mates(s);
    else if (e.kind == ERR_NONE)
        e = find_mates(s, a);
    for (size_t i = 0; e.kind == ERR_NONE && i < s->n_twins; i++) {
        struct twin *t = s->twins[i];
        bool alert = is_alert(t), first = alert && !t->stored;
        if (t->touched && alert && t->alert != NULL)
            e = make_alert(s, t, seal, a);
        settle(t, alert, first);
    }
    return e;
}
