/*
 * poll_rig.h: a source that is a script, and a poller whose waits are looked at and ended.
 */
#ifndef WEIR_TESTS_POLL_RIG_H
#define WEIR_TESTS_POLL_RIG_H
#include <stdio.h>
#include <time.h>

#include "ingest/poll.h"
#include "ingest_doubles.h"

enum { NOTHING_DUE = -1 };

/* ---- a source of the test: {"since":5,"alerts":[{"id":"a"}],"next":["/more"],"again":false} */

static inline struct err
fake_request(const struct source_conf *c, struct slice path, struct arena *a,
             struct source_request *out)
{
    *out = (struct source_request){.http = {.method = "GET"}};
    out->http.url = slice_join(a, c->base_url, path);
    return out->http.url.p != NULL ? ERR_OK : err_make(ERR_RETRY, "fake.memory", "full");
}

static inline struct err
fake_first(const struct source_conf *c, const struct cursor *at, struct arena *a,
           struct source_request **out, size_t *n)
{
    struct slice path = at->since == CLOCK_NONE
                            ? SLICE("/list")
                            : slice_printf(a, "/list?since=%lld", (long long)at->since);
    if (at->until != CLOCK_NONE) /* the test wants to see the clock */
        path = slice_printf(a, "/list?now=%lld", (long long)(c->now / CLOCK_SECOND));
    *out = arena_alloc(a, sizeof **out);
    *n = 1;
    struct err e = fake_request(c, path, a, *out);
    (*out)->at = *at;
    return e;
}

static inline struct err
fake_parse(const struct answer *got, struct arena *a, struct page *out)
{
    struct json doc, list, item, next;
    struct err e = source_status(got, "endpoint");
    if (e.kind == ERR_NONE)
        e = source_take(got->body, "alerts", out, a, &doc, &list);
    if (e.kind)
        return e;
    size_t i = 0;
    for (struct json_iter it = json_items(json_get(doc, "alerts")); json_next(&it, NULL, &item);)
        out->alerts[i++].native_id = json_get_text(item, "id");
    (void)json_get_int(doc, "since", &out->at.since);
    out->again = json_bool(json_get(doc, "again"), false);
    out->next = arena_alloc(a, (json_count(json_get(doc, "next")) + 1) * sizeof *out->next);
    for (struct json_iter it = json_items(json_get(doc, "next"));
         e.kind == ERR_NONE && json_next(&it, NULL, &next);) {
        e = fake_request(got->conf, json_text(next), a, &out->next[out->n_next]);
        out->next[out->n_next++].at = got->asked->at;
    }
    return e;
}

static const struct source fake = {
    .name = "endpoint", .number = 1, .first = fake_first, .parse = fake_parse};

#define TWO "{\"since\":5,\"alerts\":[{\"id\":\"a\"},{\"id\":\"b\"}]}"
#define THREE "{\"since\":6,\"alerts\":[{\"id\":\"a\"},{\"id\":\"b\"},{\"id\":\"c\"}]}"
#define NONE_NEW "{\"alerts\":[]}"
#define TOKEN(t) "{\"access_token\":\"" t "\",\"expires_in\":3599}"

static inline int
setup(void **state)
{
    struct rig *r = rig_new(&fake, NULL);
    struct bench *b = r->bench;
    rig_settings(r,
                 slice_printf(b->a,
                              "{\"base_url\":\"%.*s\",\"token_url\":\"%.*s\",\"client_id\":\"c\","
                              "\"client_secret\":\"s\",\"resource\":\"r\"}",
                              SLICE_ARG(bench_url(b, "")), SLICE_ARG(bench_url(b, "/token"))));
    *state = r;
    return 0;
}

static inline int
teardown(void **state)
{
    rig_free(*state);
    return 0;
}

static inline struct poll *
start(struct rig *r)
{
    const struct ingest_tenant t = rig_tenant(1);
    struct poll *p = poll_start(&r->env, &t, rig_gone, r);
    assert_non_null(p);
    return p;
}

/* ---- the poller's timer, found on the loop: tests look at a wait and end it, none waits */

struct hunt {
    void *owner;
    uv_timer_t *found;
};

static inline void
look(uv_handle_t *h, void *arg)
{
    struct hunt *hunt = arg;
    if (h->type == UV_TIMER && h->data == hunt->owner && uv_is_active(h))
        hunt->found = (uv_timer_t *)h;
}

static inline uv_timer_t *
timer_of(struct rig *r, struct poll *p)
{
    struct hunt hunt = {p, NULL};
    uv_walk(loop_uv(r->bench->loop), look, &hunt);
    return hunt.found;
}

static inline int64_t
due_ms(struct rig *r, struct poll *p)
{
    uv_timer_t *t = timer_of(r, p);
    return t != NULL ? (int64_t)uv_timer_get_due_in(t) : NOTHING_DUE;
}

static inline void
hurry(struct rig *r, struct poll *p)
{
    uv_timer_t *t = timer_of(r, p);
    assert_non_null(t);
    uv_timer_stop(t);
    t->timer_cb(t);
}

#define assert_due(r, p, least, most)                                                              \
    do {                                                                                           \
        bench_until((r)->bench, timer_of((r), (p)) != NULL);                                       \
        int64_t due = due_ms((r), (p));                                                            \
        if (due < (least)-500 || due > (most))                                                     \
            fail_msg("due in %lld ms", (long long)due);                                            \
    } while (0)

#define assert_well(r, p) assert_due((r), (p), 3600000, 3600000)

#define RIGGED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

#endif
