/*
 * However deliveries are cut into batches, and whenever the worker restarts, the tables end up the
 * same, each delivery has the same outcome, and the outcomes add up. Ref: design.md 5.
 */
#include "tests/unit/judging.h"

#define T1 INT64_C(132195000000000000)
enum { DELIVERIES = 160, ALERTS = 25, ROUNDS = 12 };

static uint64_t
next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15U;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    return z ^ z >> 31;
}

static size_t
below(uint64_t *state, size_t n)
{
    return (size_t)(next(state) % n);
}

/* One made-up document: what it says depends on the numbers only, so that repeats happen. */
struct made {
    const char *source, *native_id;
    struct slice payload;
    int64_t received;
};

static struct made
endpoint(struct arena *a, uint64_t *r, bool readable)
{
    size_t n = below(r, ALERTS);
    const char *id = slice_printf(a, "da%zu_1", n).p;
    struct slice own = readable ? slice_printf(a, "\"id\":\"%s\",", id) : SLICE("");
    return (struct made){
        "endpoint", id,
        slice_printf(a,
                     "{%.*s\"title\":\"t%zu\",\"severity\":\"%s\",\"category\":\"Malware\","
                     "\"machineId\":\"%040zu\",\"relatedUser\":{\"userName\":\"u%zu\","
                     "\"domainName\":\"C\"},\"status\":\"%s\",\"classification\":\"%s\","
                     "\"alertCreationTime\":\"2019-12-0%zuT10:00:00Z\",\"lastUpdateTime\":"
                     "\"2019-12-08T10:0%zu:00Z\"}",
                     SLICE_ARG(own), below(r, 3), below(r, 2) == 0 ? "High" : "Low", n % 7,
                     below(r, 5), below(r, 3) == 0 ? "Resolved" : "New",
                     below(r, 2) == 0 ? "FalsePositive" : "Unknown", 1 + n % 6, below(r, 5)),
        0};
}

static struct made
mail(struct arena *a, uint64_t *r)
{
    static const int types[] = {40, 40, 40, 40, 28, 98, 15};
    size_t record = below(r, 60), kind = below(r, 7);
    const char *id = slice_printf(a, "00000000-0000-4000-8000-0000000%zu%04zu", kind, record).p;
    return (struct made){
        "mail", id,
        slice_printf(a,
                     "{\"Id\":\"%s\",\"RecordType\":%d,\"CreationTime\":\"2019-12-02T10:0%zu:00\","
                     "\"Operation\":\"%s\",\"Source\":\"Office 365 Security & Compliance\","
                     "\"AlertId\":\"37ccc7e4-e8b9-4b4e-1c3d-0000000000%02zu\",\"Name\":\"n\","
                     "\"Category\":\"ThreatManagement\",\"Severity\":\"Medium\","
                     "\"AlertEntityId\":\"u%zu@contoso.com\"}",
                     id, types[kind], below(r, 3),
                     record % 4 == 0 ? "AlertTriggered" : "AlertEntityGenerated", record % 9,
                     record % 5),
        0};
}

static void
make(struct arena *a, uint64_t *r, struct made *out)
{
    for (size_t i = 0; i < DELIVERIES; i++) {
        size_t what = below(r, 10);
        if (i > 0 && what == 0)
            out[i] = out[below(r, i)]; /* the same page again */
        else if (what < 5)
            out[i] = endpoint(a, r, what != 1);
        else
            out[i] = mail(a, r);
        out[i].received = T1 + (int64_t)i;
    }
}

/* most: the largest batch; one in `restart` batches is followed by a restart (0: never). */
static void
run(struct desk *d, const struct made *made, uint64_t *r, size_t most, size_t restart,
    enum outcome *outcomes)
{
    size_t sum[OUTCOME_FENCED + 1] = {0};
    for (size_t i = 0; i < DELIVERIES;) {
        struct delivery list[DELIVERIES];
        size_t n = 1 + below(r, most);
        n = n < DELIVERIES - i ? n : DELIVERIES - i;
        for (size_t k = 0; k < n; k++)
            list[k] =
                desk_delivery(d, made[i + k].source, made[i + k].native_id, made[i + k].received,
                              made[i + k].received, made[i + k].payload);
        desk_take(d, list, n);
        for (size_t k = 0; k < n; k++) {
            outcomes[i + k] = list[k].outcome;
            sum[list[k].outcome]++;
        }
        i += n;
        if (restart > 0 && below(r, restart) == 0)
            desk_restart(d);
    }
    desk_restart(d);
    assert_int_equal(sum[OUTCOME_STORED] + sum[OUTCOME_UNCHANGED] + sum[OUTCOME_DEAD] +
                         sum[OUTCOME_IGNORED],
                     DELIVERIES);
    for (size_t o = OUTCOME_STORED; o < OUTCOME_FENCED; o++)
        assert_true(sum[o] > 0); /* else the test looks at less than it says */
}

static int64_t
live(const struct desk *d, int64_t id)
{
    while (d->incidents[id].redirect_to != 0)
        id = d->incidents[id].redirect_to;
    return id;
}

static void
compare(const struct desk *x, const struct desk *y)
{
    assert_int_equal(x->n_alerts, y->n_alerts);
    assert_int_equal(x->n_mail, y->n_mail);
    assert_int_equal(x->n_dead, y->n_dead);
    assert_int_equal(x->n_ignored, y->n_ignored);
    for (size_t i = 0; i < x->n_alerts; i++) {
        const struct alerts_row *p = &x->alerts[i];
        size_t at = desk_alert(y, p->source, p->native_id);
        assert_true(at < y->n_alerts);
        const struct alerts_row *q = &y->alerts[at];
        assert_int_equal(p->version, q->version);
        /* received is left out: bytes that come back after others in one batch keep their time */
        assert_true(slice_eq(p->sha256, q->sha256));
        assert_true(slice_eq(p->title, q->title));
        assert_true(slice_eq(p->evidence, q->evidence));
        const struct incidents_row *of_p = &x->incidents[live(x, x->member[i])];
        const struct incidents_row *of_q = &y->incidents[live(y, y->member[at])];
        assert_int_equal(of_p->severity, of_q->severity);
        assert_int_equal(of_p->alerts, of_q->alerts);
        assert_int_equal(of_p->users, of_q->users);
        assert_int_equal(of_p->devices, of_q->devices);
        assert_int_equal(of_p->n_entities, of_q->n_entities);
        for (size_t k = 0; k < i; k++) { /* the same partition into incidents */
            size_t other = desk_alert(y, x->alerts[k].source, x->alerts[k].native_id);
            assert_int_equal(live(x, x->member[i]) == live(x, x->member[k]),
                             live(y, y->member[at]) == live(y, y->member[other]));
        }
    }
    for (size_t i = 0; i < x->n_dead; i++) {
        size_t at = 0;
        while (at < y->n_dead && !(slice_eq(x->dead[i].native_id, y->dead[at].native_id) &&
                                   slice_eq(x->dead[i].sha256, y->dead[at].sha256)))
            at++;
        assert_true(at < y->n_dead);
        assert_int_equal(x->dead[i].received, y->dead[at].received);
    }
}

static void
test_batches_and_restarts_change_nothing(void **state)
{
    const char *text = getenv("SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : 20191202;
    printf("SEED=%llu\n", (unsigned long long)seed);
    for (size_t round = 0; round < ROUNDS; round++) {
        uint64_t r = seed + round;
        struct arena *a = arena_new(DESK_BYTES);
        struct made made[DELIVERIES];
        enum outcome one_by_one[DELIVERIES], batched[DELIVERIES];
        struct desk *x = desk_new(), *y = desk_new();
        make(a, &r, made);
        run(x, made, &r, 1, 0, one_by_one);
        run(y, made, &r, 40, 3, batched);
        for (size_t i = 0; i < DELIVERIES; i++)
            if (one_by_one[i] != batched[i])
                fail_msg("SEED=%llu: delivery %zu is %s, in batches %s",
                         (unsigned long long)(seed + round), i, outcome_word(one_by_one[i]),
                         outcome_word(batched[i]));
        compare(x, y);
        desk_free(y);
        desk_free(x);
        arena_free(a);
    }
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batches_and_restarts_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
