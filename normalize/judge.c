#include "normalize/judge.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/line.h"
#include "common/plant.h"
#include "normalize/judge_internal.h"
#include "normalize/rows.h"

enum { NATIVE_ID_MAX = 512 };

const char *
outcome_word(enum outcome o)
{
    static const char *const words[] = {"open", "stored", "unchanged", "dead", "ignored", "fenced"};
    return words[o];
}

static struct err
no_memory(void)
{
    return err_make(ERR_RETRY, "normalize.memory", "a batch needs more memory than it may have");
}

void
judge_dead(struct delivery *d, struct err why)
{
    d->outcome = PLANT(dead_vanish) ? OUTCOME_UNCHANGED : OUTCOME_DEAD;
    d->why = why;
}

/* ---- what a delivery is */

static bool
may_be_key(struct slice id)
{
    if (id.n == 0 || id.n > NATIVE_ID_MAX || memchr(id.p, '\0', id.n) != NULL)
        return false;
    size_t step = 1;
    for (struct slice rest = id; rest.n > 0 && step > 0; rest = slice_sub(rest, step, rest.n))
        step = utf8_step(rest);
    return step > 0;
}

static struct err
open_payload(struct delivery *d, struct tenant *t, struct seal *seal, const char *topic,
             struct arena *a)
{
    const struct raw_record *r = &d->record;
    struct slice place =
        slice_printf(a, "kafka|%s|%.*s/%.*s", topic, SLICE_ARG(r->source), SLICE_ARG(r->native_id));
    if (place.p == NULL)
        return no_memory();
    return seal_open(seal, &r->oid, t->epoch, SEAL_RAW, place, r->payload, a, &d->plain);
}

struct err
judge_open(struct delivery *d, struct tenant *t, struct seal *seal, const char *topic,
           struct arena *a)
{
    struct err e = open_payload(d, t, seal, topic, a);
    if (e.kind == ERR_REJECT && strcmp(e.code, "seal.shredded") == 0) {
        d->outcome = OUTCOME_FENCED; /* never a dead row: erasure.md 5.3 */
        return ERR_OK;
    }
    if (e.kind == ERR_RETRY || e.kind == ERR_STOP)
        return e;
    crypto_sha256(e.kind ? d->record.payload : d->plain, d->sha256);
    d->source = source_by_name(d->record.source);
    if (e.kind == ERR_NONE && d->source == NULL)
        e = err_make(ERR_REJECT, "normalize.source", "no source of that name");
    if (e.kind == ERR_NONE && !d->poison)
        e = d->source->ident(d->plain, t->channel, a, &d->ident);
    if (d->poison)
        e = err_make(ERR_REJECT, "normalize.refused", "the database cannot store what it says");
    if (e.kind == ERR_RETRY || (e.kind == ERR_REJECT && PLANT(dead_block)))
        return e;
    if (e.kind == ERR_NONE && d->ident.fate == FATE_ALERT && !may_be_key(d->ident.native_id))
        e = err_make(ERR_REJECT, "normalize.native_id", "an id of %zu bytes", d->ident.native_id.n);
    if (e.kind == ERR_NONE && d->ident.part_id.p != NULL && !may_be_key(d->ident.part_id))
        e = err_make(ERR_REJECT, "normalize.part_id", "an id of %zu bytes", d->ident.part_id.n);
    bool twin = d->ident.twin.p != NULL && may_be_key(d->ident.native_id);
    if (e.kind)
        judge_dead(d, e);
    else if (d->ident.fate == FATE_IGNORE && !twin)
        d->outcome = OUTCOME_IGNORED;
    if (d->ident.version == CLOCK_NONE || d->ident.version == 0)
        d->ident.version = d->record.version;
    return d->outcome == OUTCOME_OPEN && twin ? judge_twin_open(d, t, a) : ERR_OK;
}

struct slice
judge_dead_id(const struct delivery *d, struct arena *a)
{
    struct slice id = d->record.native_id;
    if (may_be_key(id) && !d->poison)
        return id;
    struct slice hex = slice_hex(a, (struct slice){(const char *)d->sha256, sizeof d->sha256});
    return slice_join(a, SLICE("sha256:"), hex);
}

/* ---- items */

static int
item_cmp(const void *x, const void *y)
{
    const struct item *a = x, *b = y;
    if (a->source != b->source)
        return a->source < b->source ? -1 : 1;
    return slice_cmp(a->native_id, b->native_id);
}

struct err
judge_items(struct share *s, struct arena *a)
{
    s->items = arena_alloc(a, (s->n_deliveries + 1) * sizeof *s->items);
    if (s->items == NULL)
        return no_memory();
    size_t n = 0;
    for (size_t i = 0; i < s->n_deliveries; i++) {
        const struct delivery *d = s->deliveries[i];
        if (d->outcome == OUTCOME_OPEN && d->ident.twin.p == NULL)
            s->items[n++] = (struct item){.source = d->source->number,
                                          .native_id = d->ident.native_id,
                                          .parts = d->ident.part_id.p != NULL};
    }
    qsort(s->items, n, sizeof *s->items, item_cmp);
    s->n_items = 0;
    for (size_t i = 0; i < n; i++) {
        struct item *last = s->n_items > 0 ? &s->items[s->n_items - 1] : NULL;
        if (last != NULL && item_cmp(&s->items[i], last) == 0)
            last->parts = last->parts || s->items[i].parts;
        else
            s->items[s->n_items++] = s->items[i];
    }
    return judge_twin_hand(s, a);
}

struct item *
judge_find(const struct share *s, int32_t source, struct slice native_id)
{
    const struct item key = {.source = source, .native_id = native_id};
    return s->n_items == 0 ? NULL : bsearch(&key, s->items, s->n_items, sizeof *s->items, item_cmp);
}

struct err
judge_document(struct item *i, const struct document *d, struct arena *a)
{
    if (i->n_docs == i->docs_capacity) {
        void *larger = arena_grow(a, i->docs, sizeof *i->docs, &i->docs_capacity);
        if (larger == NULL)
            return no_memory();
        i->docs = larger;
    }
    i->docs[i->n_docs++] = *d;
    return ERR_OK;
}

/* ---- decisions */

static struct slice
sha_of(const struct delivery *d)
{
    return (struct slice){(const char *)d->sha256, sizeof d->sha256};
}

bool
judge_nothing_new(int64_t version, struct slice sha, const struct delivery *d)
{
    if (PLANT(repeats_are_new))
        return d->ident.version < version;
    if (PLANT(older_versions_win))
        return slice_eq(sha, sha_of(d));
    return d->ident.version < version || slice_eq(sha, sha_of(d));
}

struct err
judge_map(const struct share *s, const struct source *source, const struct source_document *docs,
          size_t n, struct arena *a, struct alert **out)
{
    struct alert *al = arena_alloc(a, sizeof *al);
    if (al == NULL)
        return no_memory();
    struct err e = source->map(docs, n, s->tenant->directory_id, a, al);
    *out = e.kind == ERR_NONE ? al : NULL;
    return e;
}

struct err
judge_keys(const struct share *s, const struct item *i, const struct source *source,
           struct alert *al, struct arena *a, struct key_set **keys)
{
    *keys = arena_alloc(a, sizeof **keys);
    if (*keys == NULL)
        return no_memory();
    al->source = slice_of(source->name);
    al->native_id = i->native_id;
    al->version = i->version;
    return keys_of(al, &s->tenant->keys, a, *keys);
}

struct err
judge_feed(struct share *s, const struct item *i, const struct source *source, struct alert *al,
           struct key_set *keys, struct arena *a)
{
    struct err e = keys == NULL ? judge_keys(s, i, source, al, a, &keys) : ERR_OK;
    if (e.kind)
        return e;
    struct incident_alert in;
    incident_alert_of(al, (uint8_t)source->number, keys, &in);
    in.rewritten = true; /* what says nothing new does not come this far */
    in.at = s->at;
    return incident_add(s->tenant->engine, &in);
}

struct err
judge_take(struct share *s, struct item *i, const struct source *source, struct alert *al,
           struct key_set *keys, struct seal *seal, struct arena *a)
{
    struct err e = judge_feed(s, i, source, al, keys, a);
    return e.kind ? e : rows_alert(s->tenant, i, al, seal, a, &i->row);
}

static void
remember(struct item *i, struct delivery *d)
{
    i->known = true;
    i->version = d->ident.version;
    i->received = d->record.received;
    memcpy(i->sha256, d->sha256, sizeof i->sha256);
    i->plain = d->plain;
}

/* A document that is an alert by itself. */
static struct err
judge_whole(struct share *s, struct delivery *d, struct seal *seal, struct arena *a)
{
    struct item *i = judge_find(s, d->source->number, d->ident.native_id);
    const struct slice sha = {(const char *)i->sha256, sizeof i->sha256};
    if (i->known && judge_nothing_new(i->version, sha, d)) {
        d->outcome = OUTCOME_UNCHANGED;
        return ERR_OK;
    }
    const struct item before = *i;
    const struct source_document doc = {d->plain, d->record.received};
    remember(i, d);
    struct err e = ERR_OK;
    if (d->alert == NULL)
        e = judge_map(s, d->source, &doc, 1, a, &d->alert);
    if (e.kind == ERR_NONE)
        e = judge_take(s, i, d->source, d->alert, d->keys, seal, a);
    if (e.kind == ERR_NONE) {
        d->outcome = OUTCOME_STORED;
        return ERR_OK;
    }
    *i = before;
    if (e.kind != ERR_REJECT)
        return e;
    judge_dead(d, e);
    return ERR_OK;
}

static int
document_cmp(const void *x, const void *y)
{
    const struct document *a = x, *b = y;
    return slice_cmp(a->record_id, b->record_id);
}

/* The set's version is its newest document's; its hash that of all their hashes. */
static struct err
set_digest(struct item *i, struct arena *a)
{
    qsort(i->docs, i->n_docs, sizeof *i->docs, document_cmp);
    char *all = arena_alloc(a, i->n_docs * CRYPTO_SHA256 + 1);
    if (all == NULL)
        return no_memory();
    i->version = INT64_MIN;
    for (size_t k = 0; k < i->n_docs; k++) {
        const struct document *d = &i->docs[k];
        if (d->sha256.n == CRYPTO_SHA256)
            memcpy(all + k * CRYPTO_SHA256, d->sha256.p, CRYPTO_SHA256);
        i->version = d->version > i->version ? d->version : i->version;
        i->received = d->received > i->received ? d->received : i->received;
    }
    crypto_sha256((struct slice){all, i->n_docs * CRYPTO_SHA256}, i->sha256);
    return ERR_OK;
}

/* An alert made of documents, with the one that is at its index now. */
static struct err
judge_set(struct share *s, struct item *i, const struct source *source, struct seal *seal,
          struct arena *a)
{
    struct source_document *docs = arena_alloc(a, i->n_docs * sizeof *docs);
    if (docs == NULL)
        return no_memory();
    struct err e = set_digest(i, a);
    for (size_t k = 0; k < i->n_docs; k++)
        docs[k] = (struct source_document){i->docs[k].plain, i->docs[k].received};
    struct alert *al;
    if (e.kind == ERR_NONE)
        e = judge_map(s, source, docs, i->n_docs, a, &al);
    return e.kind ? e : judge_take(s, i, source, al, NULL, seal, a);
}

static struct document *
find_document(const struct item *i, struct slice record_id)
{
    for (size_t k = 0; k < i->n_docs; k++)
        if (slice_eq(i->docs[k].record_id, record_id))
            return &i->docs[k];
    return NULL;
}

/* The set as it was before a document that cannot be mapped with the others. */
static void
take_back(struct item *i, struct slice record_id, const struct document *old)
{
    struct document *d = find_document(i, record_id);
    if (old->record_id.p != NULL) {
        *d = *old;
        return;
    }
    *d = i->docs[--i->n_docs];
}

/* One of the documents of an alert. */
static struct err
judge_part(struct share *s, struct delivery *d, struct seal *seal, struct arena *a)
{
    struct item *i = judge_find(s, d->source->number, d->ident.native_id);
    const struct document fresh = {.record_id = d->ident.part_id,
                                   .plain = d->plain,
                                   .version = d->ident.version,
                                   .received = d->record.received,
                                   .sha256 = sha_of(d),
                                   .fresh = d};
    struct document *known = find_document(i, fresh.record_id);
    const struct document old = known != NULL ? *known : (struct document){.fresh = NULL};
    if (known != NULL && judge_nothing_new(old.version, old.sha256, d)) {
        d->outcome = OUTCOME_UNCHANGED;
        return ERR_OK;
    }
    struct err e = ERR_OK;
    if (known != NULL)
        *known = fresh;
    else
        e = judge_document(i, &fresh, a);
    if (e.kind == ERR_NONE)
        e = judge_set(s, i, d->source, seal, a);
    if (e.kind == ERR_NONE) {
        d->outcome = OUTCOME_STORED;
        return ERR_OK;
    }
    if (e.kind != ERR_REJECT)
        return e;
    take_back(i, fresh.record_id, &old);
    judge_dead(d, e);
    return ERR_OK;
}

struct err
judge_share(struct share *s, struct seal *seal, struct arena *a)
{
    struct err e = ERR_OK;
    for (size_t i = 0; e.kind == ERR_NONE && i < s->n_deliveries; i++) {
        struct delivery *d = s->deliveries[i];
        s->at = d->record.received;
        s->newest = s->at > s->newest ? s->at : s->newest;
        if (d->outcome != OUTCOME_OPEN)
            continue;
        if (d->ident.twin.p != NULL)
            e = judge_twins(s, d, seal, a);
        else if (d->ident.part_id.p != NULL)
            e = judge_part(s, d, seal, a);
        else
            e = judge_whole(s, d, seal, a);
    }
    return e;
}
