/*
 * judge_recall.c: what the engine has to have in memory before a share's alerts come to it.
 *
 * Every delivery that says something new is mapped here, and keeps what it says for judge_share:
 * the keys and the activity of late alerts say which incidents may be needed.
 */
#include "normalize/judge_internal.h"

static struct err
no_memory(void)
{
    return err_make(ERR_RETRY, "normalize.memory", "a batch needs more memory than it may have");
}

/* What cannot be mapped needs nothing; judge_share meets it again, and says so. */
static struct err
unless_rejected(struct err e)
{
    return e.kind == ERR_REJECT ? ERR_OK : e;
}

static struct err
want(struct share *s, const struct source *source, const struct item *i, struct alert *al,
     struct recall *r, struct arena *a, struct key_set **keys)
{
    struct incident_alert in;
    struct err e = judge_keys(s, i, source, al, a, keys);
    if (e.kind)
        return e;
    incident_alert_of(al, (uint8_t)source->number, *keys, &in);
    return recall_alert(r, &in, i->known);
}

static struct err
want_whole(struct share *s, struct delivery *d, struct recall *r, struct arena *a)
{
    const struct item *known = judge_find(s, d->source->number, d->ident.native_id);
    const struct slice sha = {(const char *)known->sha256, sizeof known->sha256};
    const struct source_document doc = {d->plain, d->record.received};
    struct item as = *known;
    if (known->known && judge_nothing_new(known->version, sha, d))
        return ERR_OK;
    as.version = d->ident.version;
    struct err e = judge_map(s, d->source, &doc, 1, a, &d->alert);
    if (e.kind == ERR_NONE)
        e = want(s, d->source, &as, d->alert, r, a, &d->keys);
    return unless_rejected(e);
}

/* The deliveries of one item, as a list. */
struct parts {
    size_t *first, *next; /* of an item; of a delivery: another one + 1; 0: none */
};

static struct err
list_parts(const struct share *s, struct arena *a, struct parts *p)
{
    p->first = arena_alloc(a, (s->n_items + 1) * sizeof *p->first);
    p->next = arena_alloc(a, (s->n_deliveries + 1) * sizeof *p->next);
    if (p->first == NULL || p->next == NULL)
        return no_memory();
    for (size_t k = s->n_deliveries; k-- > 0;) {
        const struct delivery *d = s->deliveries[k];
        if (d->outcome != OUTCOME_OPEN || d->ident.part_id.p == NULL)
            continue;
        size_t i = (size_t)(judge_find(s, d->source->number, d->ident.native_id) - s->items);
        p->next[k] = p->first[i];
        p->first[i] = k + 1;
    }
    return ERR_OK;
}

/* All documents of an alert, with those that the share brings. */
static struct err
want_set(struct share *s, size_t item, const struct parts *p, struct recall *r, struct arena *a)
{
    struct item as = s->items[item];
    const struct source *source = NULL;
    struct alert *al = NULL;
    size_t n = 0, most = as.n_docs;
    for (size_t k = p->first[item]; k != 0; k = p->next[k - 1])
        most++;
    struct source_document *docs = arena_alloc(a, (most + 1) * sizeof *docs);
    if (docs == NULL)
        return no_memory();
    for (size_t k = 0; k < as.n_docs; k++)
        docs[n++] = (struct source_document){as.docs[k].plain, as.docs[k].received};
    for (size_t k = p->first[item]; k != 0; k = p->next[k - 1]) {
        const struct delivery *d = s->deliveries[k - 1];
        docs[n++] = (struct source_document){d->plain, d->record.received};
        source = d->source;
        as.version = d->ident.version;
    }
    if (source == NULL)
        return ERR_OK;
    struct key_set *keys;
    struct err e = judge_map(s, source, docs, n, a, &al);
    if (e.kind == ERR_NONE)
        e = want(s, source, &as, al, r, a, &keys);
    return unless_rejected(e);
}

/* A document of identity is mapped already. The alert that it is, or adds to, may be of its mate.
 */
static struct err
want_twin(struct share *s, const struct delivery *d, struct recall *r, struct arena *a)
{
    const struct item as = {.native_id = d->ident.native_id, .version = d->ident.version};
    struct alert *al = arena_alloc(a, sizeof *al);
    struct key_set *keys;
    if (al == NULL)
        return no_memory();
    *al = *d->alert;
    return unless_rejected(want(s, d->source, &as, al, r, a, &keys));
}

struct err
judge_recall(struct share *s, struct recall *r, struct arena *a)
{
    struct parts parts;
    struct err e = list_parts(s, a, &parts);
    for (size_t k = 0; e.kind == ERR_NONE && k < s->n_deliveries; k++) {
        struct delivery *d = s->deliveries[k];
        if (d->outcome != OUTCOME_OPEN || d->ident.part_id.p != NULL)
            continue;
        if (d->ident.twin.p == NULL)
            e = want_whole(s, d, r, a);
        else if (d->alert != NULL)
            e = want_twin(s, d, r, a);
    }
    for (size_t i = 0; e.kind == ERR_NONE && i < s->n_items; i++)
        e = want_set(s, i, &parts, r, a);
    for (size_t i = 0; e.kind == ERR_NONE && i < s->n_twins; i++)
        if (s->twins[i]->stored)
            e = recall_member(r, slice_of(s->twins[i]->source->name), s->twins[i]->view.native_id);
    return e;
}
