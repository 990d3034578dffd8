/* GET /sim/truth: which versions of which alerts a client should have by now. */
#include <stdlib.h>
#include <string.h>

#include "common/crypto.h"
#include "tests/simulator/sim.h"

static struct slice
sha_of(const struct delivery *d, struct arena *a)
{
    uint8_t sha[CRYPTO_SHA256];
    crypto_sha256(d->payload, sha);
    return slice_hex(a, (struct slice){(const char *)sha, sizeof(sha)});
}

/* By native id, then in the order of release; a stable order needs the place in the plan. */
static int
delivery_cmp(const void *x, const void *y)
{
    const struct delivery *a = *(const struct delivery *const *)x;
    const struct delivery *b = *(const struct delivery *const *)y;
    int order = (int)a->source - (int)b->source;
    if (order == 0)
        order = slice_cmp(a->native_id, b->native_id);
    if (order == 0)
        order = (a->released > b->released) - (a->released < b->released);
    return order != 0 ? order : (a->n > b->n) - (a->n < b->n);
}

static struct json_out *
version_line(const struct delivery *d, struct arena *a)
{
    struct json_out *o = json_out_object(a);
    struct clock_text released = clock_format(d->released);
    if (d->version != CLOCK_NONE)
        json_out_int(o, "version_100ns", d->version);
    else
        json_out_null(o, "version_100ns");
    json_out_text(o, "sha256", sha_of(d, a));
    json_out_text(o, "released", slice_of(released.s));
    json_out_int(o, "served", (int64_t)d->served);
    return o;
}

/* What the store makes of a native id: a repeat of what is stored changes nothing. */
static struct slice
expect_of(const struct delivery *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (slice_eq(list[i]->expect, SLICE("stored")))
            return list[i]->expect;
    return list[n - 1]->expect;
}

/* The deliveries of one native id, oldest first. */
static struct slice
alert_line(const struct sim_tenant *t, const struct delivery *const *list, size_t n,
           struct arena *a)
{
    const struct delivery *last = list[n - 1];
    struct json_out *o = json_out_object(a);
    struct json_out *versions = json_out_array(a);
    json_out_text(o, "tenant", t->id);
    json_out_text(o, "source", slice_of(sim_source_names[last->source]));
    json_out_text(o, "native_id", last->native_id);
    json_out_text(o, "alert_id", last->alert_id);
    if (last->version != CLOCK_NONE)
        json_out_int(o, "version_100ns", last->version);
    else
        json_out_null(o, "version_100ns");
    json_out_text(o, "sha256", sha_of(last, a));
    json_out_text(o, "expect", expect_of(list, n));
    for (size_t i = 0; i < n; i++)
        json_out_add(versions, version_line(list[i], a));
    json_out_set(o, "versions", versions);
    return json_out_print(o, a);
}

/* A planned version that was older than a change when its time came. */
static bool
never_seen(const struct delivery *d)
{
    return d->released == CLOCK_NONE || (d->hidden && d->heir == 0);
}

/* The released deliveries of one tenant, sorted; *n of them. */
static const struct delivery **
released_of(struct sim_tenant *t, unsigned sources, struct arena *a, size_t *n)
{
    struct plan *p = &t->plan;
    const struct delivery **list = arena_alloc(a, (p->n + 1) * sizeof(*list));
    *n = 0;
    plan_release(p, sim_now(t->sim));
    for (size_t i = 0; list != NULL && i < p->n; i++)
        if (!never_seen(&p->items[i]) && (sources & 1U << p->items[i].source) != 0)
            list[(*n)++] = &p->items[i];
    if (*n > 1)
        qsort(list, *n, sizeof(*list), delivery_cmp);
    return list;
}

static size_t
tenant_lines(struct sim_tenant *t, unsigned sources, struct slice *out, struct arena *a)
{
    size_t n = 0;
    size_t lines = 0;
    const struct delivery **list = released_of(t, sources, a, &n);
    for (size_t from = 0, to; from < n; from = to) {
        for (to = from + 1; to < n && list[to]->source == list[from]->source &&
                            slice_eq(list[to]->native_id, list[from]->native_id);)
            to++;
        out[lines++] = alert_line(t, list + from, to - from, a);
    }
    return lines;
}

/* The sources that ?source= names: one, or all without it. 0: unknown. */
static unsigned
sources_asked(const struct http_request *r)
{
    struct slice name = http_query(r, "source");
    for (unsigned i = 0; i < SIM_SOURCES; i++)
        if (slice_eq(name, slice_of(sim_source_names[i])))
            return 1U << i;
    return name.p == NULL ? (1U << SIM_SOURCES) - 1 : 0;
}

void
truth_answer(struct sim_call *c)
{
    struct sim *s = c->sim;
    struct arena *a = c->r->arena;
    unsigned sources = sources_asked(c->r);
    struct slice id = http_query(c->r, "tenant");
    struct sim_tenant *only = id.p != NULL ? tenant_find(s, id) : NULL;
    size_t most = 0;
    size_t n = 0;
    if (sources == 0 || (id.p != NULL && only == NULL)) {
        sim_error(c->r, 404, "sim.truth", "?source= or ?tenant= is unknown");
        return;
    }
    for (size_t i = 0; i < s->n_tenants; i++)
        most += s->tenants[i].plan.n;
    struct slice *lines = arena_alloc(a, (most + 1) * sizeof(*lines));
    for (size_t i = 0; lines != NULL && i < s->n_tenants; i++)
        if (only == NULL || only == &s->tenants[i])
            n += tenant_lines(&s->tenants[i], sources, lines + n, a);
    struct slice text = lines != NULL ? sim_lines(lines, n, a) : SLICE_NONE;
    if (text.p == NULL || arena_short(a))
        sim_error(c->r, 500, "sim.memory", "out of memory");
    else
        sim_send(c->r, 200, "application/x-ndjson", text, NULL);
}
