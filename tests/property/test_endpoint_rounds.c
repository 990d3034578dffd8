/*
 * Whatever a server of Defender ATP can do, and whenever the worker dies: the last version of
 * every alert is published, with its evidence, and an alert that does not change is not asked for
 * again and again. Ref: sources.md 2.11, 2.14.
 */
#include "tests/unit/endpoint_rig.h"

#include "ingest/endpoint_document.h"

enum { ALERTS_MAX = 60, QUEUE_MAX = 20000, SENT_MAX = 20000, ROUNDS_MAX = 3000 };

struct thing {
    char id[32];
    int64_t created, updated, visible;
    unsigned revision;
    bool resolved;
    unsigned published;  /* the revision that was published last, plus one */
    unsigned part_calls; /* requests for its sub-resources */
};

struct server {
    uint64_t random;
    bool refuses_expand, ignores_expand, refuses_updates, links, newest_first;
    int64_t now;
    struct thing things[ALERTS_MAX];
    size_t n;
    size_t page_max;
    size_t rows_max; /* with more an answer is too large; 0: none is */
};

struct round {
    struct source_request queue[QUEUE_MAX];
    size_t n, at;
    struct page kept[QUEUE_MAX];
    size_t n_kept;
};

static uint64_t
dice(struct server *s, uint64_t sides)
{
    s->random = s->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (s->random >> 33) % sides;
}

static int64_t
rounded(int64_t t)
{
    return t / (CLOCK_SECOND / 300) * (CLOCK_SECOND / 300);
}

/* ---- the server */

static struct slice
row_of(struct world *w, const struct server *s, const struct thing *t, bool expand)
{
    const char *evidence = "";
    if (!s->refuses_expand && !s->ignores_expand)
        evidence = expand ? ",\"evidence\":[{\"entityType\":\"Ip\",\"ipAddress\":\"192.0.2.1\"}]"
                          : ",\"evidence\":[]";
    return slice_printf(w->arena,
                        "{\"id\":\"%s\",\"status\":\"%s\",\"title\":\"r%u\",\"alertCreationTime\":"
                        "\"%s\",\"lastUpdateTime\":\"%s\"%s}",
                        t->id, t->resolved ? "Resolved" : "New", t->revision,
                        clock_format(t->created).s, clock_format(t->updated).s, evidence);
}

static const struct server *order_of; /* for qsort, which takes no argument of ours */

static int
thing_cmp(const void *x, const void *y)
{
    const struct thing *a = *(struct thing *const *)x, *b = *(struct thing *const *)y;
    int c = (a->updated > b->updated) - (a->updated < b->updated);
    return order_of->newest_first ? -c : c;
}

static struct slice
list_of(struct world *w, struct server *s, const struct source_request *r)
{
    struct thing *found[ALERTS_MAX];
    size_t n = 0;
    bool created = r->step & 2;
    for (size_t i = 0; i < s->n; i++) {
        struct thing *t = &s->things[i];
        int64_t time = created ? t->created : t->updated;
        if (t->visible <= s->now && time >= r->from && time < r->until)
            found[n++] = t;
    }
    order_of = s;
    qsort(found, n, sizeof found[0], thing_cmp);
    size_t at_top = slice_find(r->http.url, SLICE("$top="), 0) + 5;
    int64_t asked = conf_int(w->conf, "ingest.endpoint.top");
    if (at_top < r->http.url.n) { /* a link of the server has none */
        struct slice rest = slice_sub(r->http.url, at_top, r->http.url.n);
        assert_true(slice_int(slice_sub(rest, 0, slice_find(rest, SLICE("&"), 0)), &asked));
    }
    size_t top = (size_t)asked;
    size_t most = s->links && s->page_max < top ? s->page_max : top;
    size_t from = (size_t)r->skip < n ? (size_t)r->skip : n;
    size_t end = n - from < most ? n : from + most;
    struct slice body = SLICE("{\"value\":[");
    for (size_t i = from; i < end; i++)
        body = slice_printf(w->arena, "%.*s%s%.*s", SLICE_ARG(body), i > from ? "," : "",
                            SLICE_ARG(row_of(w, s, found[i], has(r->http.url, "$expand"))));
    if (s->rows_max > 0 && end - from > s->rows_max)
        return SLICE_NONE;
    bool more = s->links && end < n;
    return slice_printf(w->arena, "%.*s]%s}", SLICE_ARG(body),
                        more ? ",\"@odata.nextLink\":\"" BASE "/alerts?$skiptoken=7\"" : "");
}

static struct thing *
thing_in(struct server *s, struct slice url)
{
    struct slice path = slice_sub(url, sizeof BASE "/alerts/" - 1, url.n);
    struct slice id = slice_split(&path, '/');
    for (size_t i = 0; i < s->n; i++)
        if (slice_eq(id, slice_of(s->things[i].id)))
            return &s->things[i];
    fail_msg("nobody asks for %.*s", SLICE_ARG(url));
    return NULL;
}

static long
answer(struct world *w, struct server *s, const struct source_request *r, struct slice *body)
{
    if (r->call == 0) {
        *body = SLICE("{\"error\":{\"code\":\"ODataError\",\"message\":\"unknown: $expand\"}}");
        if (s->refuses_expand && has(r->http.url, "$expand"))
            return 400;
        *body = SLICE("{\"error\":{\"code\":\"BadRequest\",\"message\":\"lastUpdateTime?\"}}");
        if (s->refuses_updates && has(r->http.url, "lastUpdateTime"))
            return 400;
        *body = list_of(w, s, r);
        return body->p != NULL ? 200 : 0;
    }
    struct thing *t = thing_in(s, r->http.url);
    if (r->call == 1) {
        *body = row_of(w, s, t, true);
        return 200;
    }
    t->part_calls++;
    *body = SLICE("");
    if (slice_ends(r->http.url, SLICE("/user")))
        return 404;
    if (dice(s, 40) == 0)
        return 500;
    *body = slice_ends(r->http.url, SLICE("/machine")) ? SLICE("{\"id\":\"m1\"}")
                                                       : SLICE("{\"value\":[]}");
    return 200;
}

/* ---- the worker */

static void
publish(struct world *w, struct server *s, const struct raw_alert *raw)
{
    struct endpoint_document doc;
    struct err e = endpoint_document_read(raw->payload, w->arena, &doc);
    assert_int_equal(e.kind, ERR_NONE);
    struct slice title = json_get_text(doc.alert, "title");
    int64_t revision = 0;
    assert_true(slice_int(slice_sub(title, 1, title.n), &revision));
    bool whole = json_type(json_get(doc.alert, "evidence")) == JSON_ARRAY ||
                 json_type(doc.parts[PART_USER]) == JSON_NULL;
    if (!whole)
        fail_msg("an alert without evidence: %.*s", SLICE_ARG(raw->payload));
    for (size_t i = 0; i < s->n; i++)
        if (slice_eq(raw->native_id, slice_of(s->things[i].id)) &&
            revision + 1 > s->things[i].published)
            s->things[i].published = (unsigned)revision + 1;
}

static void
change(struct world *w, struct server *s, bool still)
{
    s->now += (int64_t)dice(s, 20 * CLOCK_SECOND);
    if (!still && s->n < ALERTS_MAX && dice(s, 6) == 0) {
        size_t burst = 1 + dice(s, 5);
        for (size_t i = 0; i < burst && s->n < ALERTS_MAX; i++) {
            struct thing *t = &s->things[s->n];
            *t = (struct thing){.created = s->now, .updated = rounded(s->now)};
            t->visible = s->now + (int64_t)dice(s, 60 * CLOCK_SECOND);
            snprintf(t->id, sizeof t->id, "da%zu_-%zu", s->n, s->n % 7);
            s->n++;
        }
    }
    if (!still && s->n > 0 && dice(s, 5) == 0) {
        struct thing *t = &s->things[dice(s, s->n)];
        if (t->visible <= s->now && !t->resolved) {
            t->updated = rounded(s->now);
            t->revision++;
            t->resolved = dice(s, 4) == 0;
        }
    }
    w->c.now = s->now;
}

/* One round; false: the worker was killed in it, and nothing of it was stored. */
static bool
run_round(struct world *w, struct server *s, struct round *r, struct cursor *stored, bool *again,
          bool still)
{
    struct source_request *list = NULL;
    *r = (struct round){.n = 0};
    *again = false;
    struct err e = source_endpoint.first(&w->c, stored, w->arena, &list, &r->n);
    assert_int_equal(e.kind, ERR_NONE);
    memcpy(r->queue, list, r->n * sizeof *list);
    int64_t began = w->c.now;
    for (; r->at < r->n; r->at++) {
        struct slice body;
        long status = answer(w, s, &r->queue[r->at], &body);
        struct page *p = &r->kept[r->n_kept++];
        e = status == 0 ? parse_too_large(w, &r->queue[r->at], p)
                        : parse(w, &r->queue[r->at], status, "", body, p);
        if (e.kind)
            fail_msg("%s: %s", e.code, e.text);
        for (size_t i = 0; i < p->n_alerts; i++)
            publish(w, s, &p->alerts[i]);
        assert_true(r->n + p->n_next < QUEUE_MAX);
        for (size_t i = 0; i < p->n_next; i++)
            r->queue[r->n++] = p->next[i];
        *again = *again || p->again;
        change(w, s, still);
        w->c.now = began; /* of the round, for all its requests */
        if (!still && dice(s, 60) == 0)
            return false;
    }
    for (size_t i = 0; i < r->n_kept; i++) {
        keep_notes(w, &r->kept[i]);
        if (r->kept[i].at.since > stored->since)
            stored->since = r->kept[i].at.since;
    }
    w->c.now = s->now;
    return true;
}

static void
run_server(struct world *w, uint64_t seed)
{
    static const struct cursor nothing = {CLOCK_NONE, CLOCK_NONE, CLOCK_NONE, false};
    struct server *s = calloc(1, sizeof *s);
    struct round *r = calloc(1, sizeof *r);
    struct cursor stored = nothing;
    bool again = false;
    assert_true(s != NULL && r != NULL);
    s->random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    s->refuses_expand = dice(s, 3) == 0;
    s->ignores_expand = dice(s, 3) == 0;
    s->refuses_updates = dice(s, 2) == 0;
    s->links = dice(s, 2) == 0;
    s->newest_first = dice(s, 2) == 0;
    s->page_max = 2;
    s->rows_max = dice(s, 4) == 0 ? 1 + dice(s, 2) : 0;
    s->now = w->c.now;
    size_t rounds = 0;
    for (; rounds < 120; rounds++) {
        if (rounds == 60 && dice(s, 2) == 0) /* another host answers, of another era */
            s->refuses_updates = !s->refuses_updates;
        change(w, s, false);
        run_round(w, s, r, &stored, &again, false);
    }
    s->now += 120 * CLOCK_SECOND; /* what was late is there now */
    for (size_t quiet = 0; quiet < 8 && rounds < ROUNDS_MAX; rounds++) {
        change(w, s, true);
        run_round(w, s, r, &stored, &again, true);
        quiet = again ? 0 : quiet + 1;
        s->now += again ? 0 : 16 * 60 * CLOCK_SECOND;
    }
    assert_true(rounds < ROUNDS_MAX);
    size_t calls = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (s->things[i].published != s->things[i].revision + 1)
            fail_msg("SEED=%llu: %s has revision %u, published %u", (unsigned long long)seed,
                     s->things[i].id, s->things[i].revision, s->things[i].published);
        calls += s->things[i].part_calls;
    }
    for (int i = 0; i < 5; i++) { /* nothing changes: no sub-resource is asked for */
        s->now += 60 * CLOCK_SECOND;
        change(w, s, true);
        run_round(w, s, r, &stored, &again, true);
        assert_false(again);
    }
    for (size_t i = 0; i < s->n; i++)
        calls -= s->things[i].part_calls;
    if (calls != 0)
        fail_msg("SEED=%llu: %zd calls for what was known", (unsigned long long)seed, -calls);
    free(s);
    free(r);
}

static void
test_every_last_version_is_published_whatever_the_server_can_do(void **state)
{
    const char *text = getenv("SEED");
    uint64_t one = text != NULL ? strtoull(text, NULL, 10) : 0;
    (void)state;
    for (uint64_t seed = one > 0 ? one : 1; seed <= (one > 0 ? one : 30); seed++) {
        void *world = NULL;
        assert_int_equal(setup(&world), 0);
        run_server(world, seed);
        teardown(&world);
    }
    print_message("30 seeds, or SEED=%llu\n", (unsigned long long)one);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_last_version_is_published_whatever_the_server_can_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
