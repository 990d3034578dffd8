/*
 * story.h: made-up alerts for the properties of the correlator.
 *
 * Few users, devices and values, so that much is shared; several versions of an alert, each a
 * little different in every field; identifiers of one person that are seen apart and together.
 */
#ifndef WEIR_TESTS_STORY_H
#define WEIR_TESTS_STORY_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "normalize/incident.h"

enum { STORY_ARENA_BYTES = 256 << 20, STORY_LIMIT_BYTES = 256 << 20, STORY_HOUR_S = 3600 };
enum { STORY_PROFILES = 5, STORY_UNITS_A_S = 10000000 };

struct story {
    struct arena *a;
    uint64_t state;
    struct incident_alert *versions; /* versions of one alert are in order */
    size_t *alert;                   /* number of the alert of a version */
    size_t n_versions, n_alerts;
    bool once;     /* alerts have one version each */
    bool one_name; /* and nobody has two names that are seen apart */
};

static inline uint64_t
story_random(struct story *s)
{
    uint64_t z = s->state += 0x9e3779b97f4a7c15U;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    return z ^ z >> 31;
}

static inline size_t
story_below(struct story *s, size_t n)
{
    return (size_t)(story_random(s) % n);
}

/* From SEED in the environment, else a fixed one; printed, so that a failure can be repeated. */
static inline uint64_t
story_seed(void)
{
    const char *text = getenv("SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : 20191202;
    printf("SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

static inline struct story
story_new(uint64_t seed)
{
    struct story s = {.a = arena_new(STORY_ARENA_BYTES), .state = seed};
    assert_non_null(s.a);
    return s;
}

static inline void
story_free(struct story *s)
{
    arena_free(s->a);
}

static inline void
story_entity(struct story *s, struct key_set *set, enum key_type type, size_t who)
{
    static const char *const kinds[2][3] = {{"upn:", "aad:", "sid:"}, {"mde:", "dns:", "aadd:"}};
    struct key_identity *id = &set->identities[set->n_identities++];
    *id = (struct key_identity){.type = type};
    size_t mask = s->one_name ? 1 : 1 + story_below(s, 7); /* at least one of its names */
    for (size_t k = 0; k < 3; k++)
        if ((mask >> k & 1) != 0)
            id->ids[id->n_ids++] = slice_printf(s->a, "%s%zu", kinds[type == KEY_DEVICE][k], who);
    set->keys[set->n_keys++] = (struct key){.type = type, .weight = 1000, .value = id->ids[0]};
}

static inline const struct key_set *
story_keys(struct story *s, size_t people)
{
    struct key_set *set = arena_alloc(s->a, sizeof(*set));
    assert_non_null(set);
    set->identities = arena_alloc(s->a, sizeof(*set->identities) * 4);
    set->keys = arena_alloc(s->a, sizeof(*set->keys) * 8);
    if (story_below(s, 4) != 0)
        story_entity(s, set, KEY_USER, story_below(s, people));
    if (story_below(s, 3) != 0)
        story_entity(s, set, KEY_DEVICE, story_below(s, people));
    for (size_t i = story_below(s, 3); i > 0; i--) {
        enum key_type type = (enum key_type)(KEY_SHORT_NAME + story_below(s, KEY_TYPES - 2));
        int32_t damp = (int32_t)(100 * (1 + story_below(s, 10)));
        set->keys[set->n_keys++] =
            (struct key){.type = type,
                         .weight = damp,
                         .value = slice_printf(s->a, "value-%zu", story_below(s, people))};
    }
    keys_finish(set, KEYS_MAX);
    return set;
}

static inline void
story_alert(struct story *s, size_t alert, int64_t version, int64_t start_s, size_t people)
{
    static const char *const sources[] = {"endpoint", "mail", "apps", "identity"};
    size_t source = alert % 4;
    int64_t first = start_s + (int64_t)story_below(s, 4 * STORY_HOUR_S);
    s->alert[s->n_versions] = alert;
    s->versions[s->n_versions++] = (struct incident_alert){
        .source = slice_of(sources[source]),
        .source_number = (uint8_t)source,
        .native_id = slice_printf(s->a, "a%zu", alert),
        .version = version,
        .created_s = first,
        .first_s = first,
        .last_s = first + (int64_t)story_below(s, 2 * STORY_HOUR_S),
        .level = (uint8_t)story_below(s, 4),
        .tactics = (uint16_t)(story_random(s) & story_random(s) & 0x1fff),
        .detector = slice_printf(s->a, "detector-%zu", story_below(s, 5)),
        .title = SLICE("A title"),
        .product = slice_of(sources[source]),
        .category = SLICE("Malware"),
        .at = (first + STORY_HOUR_S) * STORY_UNITS_A_S,
        .product_number = (uint8_t)source,
        .keys = story_keys(s, people),
    };
}

/* The newest version repeats an earlier alert: the same finding about the same things, soon after.
 */
static inline void
story_repeat(struct story *s)
{
    struct incident_alert *al = &s->versions[s->n_versions - 1];
    const struct incident_alert *of = &s->versions[story_below(s, s->n_versions)];
    int64_t first = of->last_s + (int64_t)story_below(s, 2 * STORY_HOUR_S);
    al->source = of->source;
    al->source_number = of->source_number;
    al->product = of->product;
    al->product_number = of->product_number;
    al->detector = of->detector;
    al->keys = of->keys;
    al->last_s = first + (al->last_s - al->first_s);
    al->first_s = al->created_s = first;
    al->at = (first + STORY_HOUR_S) * STORY_UNITS_A_S;
}

/* Alerts over some days among some people; every third one comes in two or three versions, every
 * fourth one begins as a repeat of another. */
static inline void
story_make(struct story *s, size_t n_alerts, size_t people, int64_t days)
{
    s->versions = arena_alloc(s->a, sizeof(*s->versions) * n_alerts * 3);
    s->alert = arena_alloc(s->a, sizeof(*s->alert) * n_alerts * 3);
    assert_non_null(s->versions);
    assert_non_null(s->alert);
    s->n_alerts = n_alerts;
    for (size_t i = 0; i < n_alerts; i++) {
        int64_t start = (int64_t)story_below(s, (size_t)days * 24) * STORY_HOUR_S;
        size_t versions = 1 + (i % 3 == 0 && !s->once ? 1 + story_below(s, 2) : 0);
        for (size_t v = 1; v <= versions; v++) {
            story_alert(s, i, (int64_t)v, start, people);
            if (v == 1 && i % 4 == 3) {
                story_repeat(s);
                start = s->versions[s->n_versions - 1].first_s;
            } else if (v > 1) { /* an alert keeps its source and when it was made */
                const struct incident_alert *one = &s->versions[s->n_versions - v];
                struct incident_alert *al = &s->versions[s->n_versions - 1];
                al->source = one->source;
                al->source_number = one->source_number;
                al->created_s = one->created_s;
            }
        }
    }
}

/* Any order in which the versions of each alert stay in order; some are delivered twice. */
static inline size_t
story_shuffle(struct story *s, size_t *order)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_versions; i++) {
        order[n++] = i;
        if (story_below(s, 5) == 0)
            order[n++] = i;
    }
    for (size_t i = n; i > 1; i--) {
        size_t k = story_below(s, i), swap = order[i - 1];
        order[i - 1] = order[k];
        order[k] = swap;
    }
    /* put the versions of each alert into the places that it was given, in order */
    for (size_t i = 0; i < n; i++)
        for (size_t k = i + 1; k < n; k++)
            if (s->alert[order[k]] == s->alert[order[i]] && order[k] < order[i]) {
                size_t swap = order[i];
                order[i] = order[k];
                order[k] = swap;
            }
    return n;
}

static inline struct incident_engine *
story_engine(const struct params *p)
{
    struct incident_engine *e = incident_engine_new(p, 1, STORY_LIMIT_BYTES);
    assert_non_null(e);
    return e;
}

static inline void
story_add(struct incident_engine *e, const struct incident_alert *al)
{
    struct err err = incident_add(e, al);
    assert_int_equal(err.kind, ERR_NONE);
}

/* The partition as a name for each alert: the first alert of the same incident. */
static inline void
story_partition(struct story *s, struct incident_engine *e, size_t *out)
{
    int64_t *ids = arena_alloc(s->a, sizeof(*ids) * s->n_alerts);
    assert_non_null(ids);
    for (size_t v = 0; v < s->n_versions; v++)
        ids[s->alert[v]] = incident_of(e, s->versions[v].source, s->versions[v].native_id);
    for (size_t i = 0; i < s->n_alerts; i++) {
        out[i] = 0;
        while (ids[out[i]] != ids[i])
            out[i]++;
    }
}

/* One of STORY_PROFILES, caps and scans as in the service. */
static inline struct params
story_profile(int which)
{
    static const char *const names[] = {"default", "cautious", "flat", "ids", "reference"};
    struct params p;
    assert_true(params_profile(slice_of(names[which]), &p));
    return p;
}

/* An engine that knows all days of the story, as one that reads a log to its end first. */
static inline struct incident_engine *
story_learned(struct story *s, const struct params *p)
{
    struct incident_engine *e = story_engine(p);
    for (size_t v = 0; v < s->n_versions; v++)
        assert_int_equal(incident_learn(e, &s->versions[v]).kind, ERR_NONE);
    incident_learned(e);
    return e;
}

#endif
