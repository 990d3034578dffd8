/*
 * A scenario from a seed: all four sources, and trouble that a right worker gets through in time.
 *
 * Bounds: waits that a service orders are a few seconds, lateness stays within a worker's overlap,
 * and every fault ends or strikes rarely, so that what is there can be had in the end. What makes a
 * worker wait for a person (an expired secret, a permission that is missing) is left to scenarios
 * of its own.
 */
#include "tests/simulator/scenario.h"

#include <string.h>

enum { LENGTH_S = 12, FAULTS_MOST = 9 };

/* Lateness within the hour that a worker lists again. */
static void
mail_set(struct json_out *s, struct dice *d)
{
    json_out_int(s, "late_s", dice_between(d, 0, 2400));
    json_out_int(s, "cut", dice_chance(d, 50));
    json_out_int(s, "blob_records", dice_between(d, 1, 12));
    if (dice_chance(d, 30))
        json_out_int(s, "page_life_s", dice_between(d, 5, 20));
    if (!dice_chance(d, 20))
        return;
    json_out_int(s, "filler_every", dice_between(d, 4, 10));
    json_out_int(s, "filler_bytes", dice_between(d, 1, 1500000));
}

/* No datagrams: what comes while a worker is dead is lost, as it should be. */
static void
identity_set(struct json_out *s, struct dice *d)
{
    json_out_int(s, "big_bytes", dice_between(d, 1000, 50000)); /* a listener takes 64 KiB */
    json_out_int(s, "sensors", dice_between(d, 1, 4));
    if (dice_chance(d, 50))
        json_out_int(s, "piece_bytes", dice_between(d, 1, 300));
    if (dice_chance(d, 50))
        json_out_int(s, "lines_most", dice_between(d, 1, 10));
    json_out_int(s, "cut_percent", dice_chance(d, 50) ? dice_between(d, 1, 20) : 0);
    json_out_int(s, "slow", dice_between(d, 0, 2));
    json_out_int(s, "endless", dice_chance(d, 20));
    json_out_int(s, "stranger_ms", 3000);
}

static void
source_set(struct json_out *o, const char *name, struct dice *d, struct arena *a)
{
    struct json_out *s = json_out_object(a);
    json_out_int(s, "alerts", dice_between(d, 1, 25));
    json_out_int(s, "versions", dice_between(d, 1, 5));
    json_out_int(s, "update_percent", dice_between(d, 0, 80));
    json_out_int(s, "late_percent", dice_chance(d, 50) ? dice_between(d, 1, 30) : 0);
    json_out_int(s, "late_s", dice_between(d, 0, 4));
    json_out_int(s, "repeat_percent", dice_between(d, 0, 30));
    json_out_int(s, "same_percent", dice_between(d, 0, 30));
    json_out_int(s, "missing_percent", dice_between(d, 0, 30));
    json_out_int(s, "wrong_percent", dice_between(d, 0, 30));
    json_out_int(s, "big_percent", dice_chance(d, 20) ? 5 : 0);
    json_out_int(s, "big_bytes", dice_between(d, 1000, 300000));
    json_out_int(s, "close_percent", dice_between(d, 0, 60));
    json_out_int(s, "identity_percent",
                 0); /* two channels for one detection are a test of its own */
    json_out_int(s, "other_percent", dice_between(d, 0, 40));
    json_out_int(s, "history_s", dice_chance(d, 50) ? dice_between(d, 1, 3600) : 0);
    if (strcmp(name, "mail") == 0)
        mail_set(s, d);
    if (strcmp(name, "identity") == 0)
        identity_set(s, d);
    json_out_set(o, name, s);
}

/* What each kind of fault may be given; 0 in `most` leaves the member out. */
static const struct {
    const char *what, *call;
    int percent_most; /* chance of one request */
    const char *forms[4];
    const char *member; /* a number of its own */
    int least, most;
} menu[] = {
    {"throttle", NULL, 40, {"seconds", "date", "seconds", "date"}, "after_s", 1, 2},
    {"status", NULL, 40, {"json", "html", "empty", "json"}, "status", 500, 504},
    {"cut", NULL, 40, {NULL}, "bytes", 0, 2000},
    {"close", NULL, 40, {NULL}, NULL, 0, 0},
    {"slow", NULL, 20, {NULL}, "bytes", 100000, 1000000},
    {"stall", NULL, 40, {NULL}, "ms", 1, 1500},
    {"junk", NULL, 30, {NULL}, NULL, 0, 0},
    {"case", NULL, 100, {NULL}, NULL, 0, 0},
    {"date", NULL, 30, {NULL}, "ms", -20000, 20000},
    {"repeat", "list", 60, {NULL}, NULL, 0, 0},
    {"touch", "list", 30, {NULL}, NULL, 0, 0},
    {"token", NULL, 100, {"json", "json", "json", "json"}, NULL, 0, 0},
    {"revoke", NULL, 100, {NULL}, NULL, 0, 0},
};

static struct json_out *
fault_make(struct dice *d, struct arena *a)
{
    static const char *const sources[] = {"endpoint", "mail", "apps"};
    struct json_out *f = json_out_object(a);
    size_t i = dice_below(d, sizeof(menu) / sizeof(menu[0]));
    int64_t from_ms = dice_between(d, 0, LENGTH_S * 1000);
    bool always = menu[i].percent_most == 100 && menu[i].what[0] != 'c';
    json_out_text(f, "what", slice_of(menu[i].what));
    json_out_text(f, "source", slice_of(DICE_PICK(d, sources)));
    if (menu[i].call != NULL)
        json_out_text(f, "call", slice_of(menu[i].call));
    json_out_int(f, "from_ms", from_ms);
    if (menu[i].forms[0] != NULL)
        json_out_text(f, "form", slice_of(DICE_PICK(d, menu[i].forms)));
    if (menu[i].member != NULL)
        json_out_int(f, menu[i].member, dice_between(d, menu[i].least, menu[i].most));
    if (always) { /* what stops a source altogether is over soon */
        json_out_int(f, "to_ms", from_ms + dice_between(d, 100, 3000));
        json_out_int(f, "most", dice_between(d, 1, 3));
    } else {
        json_out_int(f, "percent", dice_between(d, 1, menu[i].percent_most));
        json_out_int(f, "most", dice_between(d, 1, 6));
    }
    return f;
}

struct slice
scenario_random(uint64_t seed, struct arena *a)
{
    struct dice d = dice_of(seed, 0, 99);
    struct json_out *o = json_out_object(a);
    struct json_out *faults = json_out_array(a);
    json_out_text(o, "about", slice_printf(a, "made from seed %llu", (unsigned long long)seed));
    json_out_int(o, "seed", (int64_t)(seed & INT64_MAX));
    json_out_int(o, "length_s", LENGTH_S);
    json_out_int(o, "skew_s", dice_chance(&d, 30) ? dice_between(&d, -7200, 7200) : 0);
    json_out_int(o, "era", dice_chance(&d, 15) ? 2019 : 2020);
    for (size_t i = 0; i < SIM_SOURCES; i++)
        source_set(o, sim_source_names[i], &d, a);
    for (int64_t n = dice_between(&d, 0, FAULTS_MOST); n > 0; n--)
        json_out_add(faults, fault_make(&d, a));
    json_out_set(o, "faults", faults);
    return json_out_print(o, a);
}
