/*
 * The feed sends records again, days later, under other blobs (sources.md 3.5): no row and no event
 * changes, in whatever batches and order they come, also after a restart. SEED=n repeats a run.
 */
#include <inttypes.h>

#include "tests/unit/judging.h"

#define T1 INT64_C(132195000000000000)
#define DAY (INT64_C(86400) * CLOCK_SECOND)
enum { RECORDS = 90, ROUNDS = 8 };

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

struct made {
    const char *id;
    struct slice payload;
};

static struct made
record(struct arena *a, uint64_t *r, size_t number)
{
    static const int types[] = {40, 40, 40, 64, 28, 41, 47, 98, 15};
    static const char *const operations[] = {"AlertTriggered", "AlertEntityGenerated",
                                             "AlertUpdated"};
    const char *id = slice_printf(a, "00000000-0000-4000-8000-%012zu", number).p;
    size_t alert = below(r, 12), user = below(r, 6);
    int type = types[below(r, 9)];
    const char *data = type == 64 ? "{\\\"ProviderAlertId\\\":\\\"37ccc7e4-0000-4b4e-1c3d-%012zu"
                                    "\\\",\\\"Status\\\":\\\"InProgress\\\"}"
                                  : "{\\\"aii\\\":\\\"aaaaaaaa-0000-4000-8000-%012zu\\\"}";
    char text[200];
    (void)snprintf(text, sizeof text, type == 64 && below(r, 4) == 0 ? "broken %zu" : data, alert);
    return (struct made){
        id, slice_printf(a,
                         "{\"Id\":\"%s\",\"RecordType\":%d,\"CreationTime\":\"2019-12-0%zuT10:0%zu"
                         ":00\",\"Operation\":\"%s\",\"Source\":\"Office 365 Security & "
                         "Compliance\",\"AlertId\":\"37ccc7e4-0000-4b4e-1c3d-%012zu\",\"Name\":"
                         "\"n\",\"Category\":\"ThreatManagement\",\"Severity\":\"Medium\","
                         "\"UserId\":\"u%zu@contoso.com\",\"NetworkMessageId\":"
                         "\"aaaaaaaa-0000-4000-8000-%012zu\",\"Url\":\"http://x.example/%zu\","
                         "\"FileData\":{\"FileName\":\"f%zu\"},\"Data\":\"%s\"}",
                         id, type, 1 + below(r, 5), below(r, 10), operations[below(r, 3)], alert,
                         user, alert, alert, alert, text)};
}

/* Records in the order of `order`, in batches. */
static void
deliver(struct desk *d, const struct made *made, const size_t *order, size_t n, int64_t received,
        uint64_t *r, enum outcome *outcomes)
{
    for (size_t i = 0; i < n;) {
        struct delivery list[RECORDS];
        size_t many = 1 + below(r, 20);
        many = many < n - i ? many : n - i;
        for (size_t k = 0; k < many; k++) {
            const struct made *m = &made[order[i + k]];
            int64_t at = received + (int64_t)(i + k);
            list[k] = desk_delivery(d, "mail", m->id, CLOCK_NONE + 1, at, m->payload);
        }
        desk_take(d, list, many);
        for (size_t k = 0; k < many; k++)
            outcomes[order[i + k]] = list[k].outcome;
        i += many;
    }
}

static void
shuffle(uint64_t *r, size_t *order, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t k = below(r, i), kept = order[k];
        order[k] = order[i - 1];
        order[i - 1] = kept;
    }
}

static void
one_round(uint64_t seed)
{
    uint64_t r = seed;
    struct arena *a = arena_new(DESK_BYTES);
    struct desk *d = desk_new();
    struct made made[RECORDS];
    size_t order[RECORDS], seen[OUTCOME_FENCED + 1] = {0};
    enum outcome first[RECORDS], again[RECORDS];
    for (size_t i = 0; i < RECORDS; i++) {
        made[i] = record(a, &r, i);
        order[i] = i;
    }
    shuffle(&r, order, RECORDS);
    deliver(d, made, order, RECORDS, T1, &r, first);
    const size_t events = d->n_events, alerts = d->n_alerts, links = d->n_links;
    struct alerts_row *rows = arena_alloc(a, (alerts + 1) * sizeof *rows);
    memcpy(rows, d->alerts, alerts * sizeof *rows);
    for (int days = 1; days <= 5; days += 2) {
        if (below(&r, 2) == 0)
            desk_restart(d);
        shuffle(&r, order, RECORDS);
        size_t n = days == 5 ? RECORDS : 1 + below(&r, RECORDS);
        deliver(d, made, order, n, T1 + days * DAY, &r, again);
        for (size_t i = 0; i < n; i++) {
            enum outcome was = first[order[i]];
            enum outcome want = was == OUTCOME_STORED ? OUTCOME_UNCHANGED : was;
            if (again[order[i]] != want)
                fail_msg("SEED=%" PRIu64 ": record %zu was %s and is %s", seed, order[i],
                         outcome_word(was), outcome_word(again[order[i]]));
            seen[want]++;
        }
    }
    if (d->n_events != events || d->n_alerts != alerts || d->n_links != links ||
        memcmp(rows, d->alerts, alerts * sizeof *rows) != 0)
        fail_msg("SEED=%" PRIu64 ": records that came again changed rows or events", seed);
    assert_true(seen[OUTCOME_UNCHANGED] > 0 && seen[OUTCOME_IGNORED] > 0 && seen[OUTCOME_DEAD] > 0);
    desk_free(d);
    arena_free(a);
}

static void
test_records_sent_again_days_later_change_nothing(void **state)
{
    const char *given = getenv("SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : 20200114;
    print_message("SEED=%" PRIu64 "\n", seed);
    for (uint64_t i = 0; i < ROUNDS; i++)
        one_round(seed + i);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records_sent_again_days_later_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
