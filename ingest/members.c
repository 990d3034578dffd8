#include "ingest/members.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS_FIRST = 64 };

struct member {
    struct ingest_tenant tenant;
    void *work;
    struct member *next; /* in its slot */
};

struct members {
    const struct source *source;
    struct members_owner owner;
    struct member **slots; /* size is a power of two, never fewer than members */
    size_t size, n;
};

struct members *
members_new(const struct source *source, const struct members_owner *owner)
{
    struct members *m = calloc(1, sizeof *m);
    if (m == NULL)
        return NULL;
    *m = (struct members){.source = source, .owner = *owner, .size = SLOTS_FIRST};
    m->slots = calloc(m->size, sizeof(struct member *));
    if (m->slots != NULL)
        return m;
    free(m);
    return NULL;
}

void
members_free(struct members *m)
{
    if (m == NULL)
        return;
    assert(m->n == 0);
    free(m->slots);
    free(m);
}

size_t
members_count(const struct members *m)
{
    return m->n;
}

/* An oid is random (design.md 1), so any of its bytes will do. */
static size_t
slot_of(const struct oid *oid, size_t size)
{
    uint64_t bytes;
    static_assert(sizeof oid->b >= sizeof bytes, "an oid is long enough");
    memcpy(&bytes, oid->b, sizeof bytes);
    return bytes & (size - 1);
}

static struct member **
find(const struct members *m, const struct oid *oid)
{
    struct member **at = &m->slots[slot_of(oid, m->size)];
    while (*at != NULL && !oid_eq(&(*at)->tenant.oid, oid))
        at = &(*at)->next;
    return at;
}

/* Without memory the table stays as it is, and its chains become longer. */
static void
grow(struct members *m)
{
    size_t size = m->size * 2;
    struct member **slots = calloc(size, sizeof(struct member *));
    if (slots == NULL)
        return;
    for (size_t i = 0; i < m->size; i++)
        for (struct member *one = m->slots[i], *next; one != NULL; one = next) {
            struct member **to = &slots[slot_of(&one->tenant.oid, size)];
            next = one->next;
            one->next = *to;
            *to = one;
        }
    free(m->slots);
    m->slots = slots;
    m->size = size;
}

bool
members_has(const struct members *m, const struct oid *oid)
{
    return *find(m, oid) != NULL;
}

static void
drop(struct members *m, struct member **at)
{
    struct member *one = *at;
    if (one == NULL)
        return;
    *at = one->next;
    m->n--;
    m->owner.end(m->owner.arg, &one->tenant, one->work);
    free(one);
}

void
members_gone(struct members *m, const struct oid *oid)
{
    drop(m, find(m, oid));
}

void
members_clear(struct members *m)
{
    for (size_t i = 0; i < m->size; i++)
        while (m->slots[i] != NULL)
            drop(m, &m->slots[i]);
}

void
members_each(struct members *m, void (*each)(void *arg, void *work), void *arg)
{
    for (size_t i = 0; i < m->size; i++)
        for (const struct member *one = m->slots[i]; one != NULL; one = one->next)
            each(arg, one->work);
}

static struct err
add(struct members *m, const struct ingest_tenant *tenant)
{
    struct member *one = calloc(1, sizeof *one);
    void *work = one != NULL ? m->owner.begin(m->owner.arg, tenant) : NULL;
    if (work == NULL) {
        free(one);
        return err_make(ERR_STOP, "ingest.memory", "no memory for one more tenant");
    }
    if (m->n == m->size)
        grow(m);
    struct member **at = &m->slots[slot_of(&tenant->oid, m->size)];
    *one = (struct member){.tenant = *tenant, .work = work, .next = *at};
    *at = one;
    m->n++;
    return ERR_OK;
}

static bool
is_wanted(const struct members *m, const struct tenant_record *r)
{
    if ((r->sources >> m->source->number & 1) == 0)
        return false;
    return !m->source->listens || r->identity_channel != IDENTITY_OFF;
}

static bool
is_on(const struct members *m, const struct tenant_record *r)
{
    return r->state == TENANT_ACTIVE && is_wanted(m, r);
}

bool
members_keeps(const struct members *m, const struct tenant_record *r)
{
    return (r->state == TENANT_ACTIVE || r->state == TENANT_SUSPENDED) && is_wanted(m, r);
}

struct err
members_tell(struct members *m, const struct tenant_record *r)
{
    struct member **at = find(m, &r->oid);
    bool known = *at != NULL, on = is_on(m, r);
    if (known && on && (*at)->tenant.epoch == r->epoch &&
        (*at)->tenant.settings_version == r->settings_version)
        return ERR_OK;
    drop(m, at);
    const struct ingest_tenant tenant = {.oid = r->oid,
                                         .epoch = r->epoch,
                                         .settings_version = r->settings_version,
                                         .at_once = known};
    return on ? add(m, &tenant) : ERR_OK;
}
