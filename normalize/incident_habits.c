/*
 * incident_habits.c: what an alert says is measured by how its detector behaved here.
 *
 * From closed days only, like the weights of keys, and kept in the same day tables: beside keys
 * they count the days on which anything came, the days on which a detector fired, and for each
 * severity of a detector the hours in which it did. A node keeps the largest of what its alerts
 * had.
 */
#include <string.h>

#include "normalize/incident_internal.h"

enum { HOUR_S = 3600, LEVELS = 4, RARITY_ONE = 1000, TRUST_ONE = 1000 };

/* Round down, also below zero. */
static int32_t
floor_div(int64_t a, int64_t b)
{
    int64_t q = a / b;
    return (int32_t)(a % b < 0 ? q - 1 : q);
}

static uint32_t
house(struct incident_engine *e)
{
    return incident_table_intern(e, INCIDENT_HISTORY, SLICE(""));
}

static int32_t
history_of(struct incident_engine *e, int32_t day)
{
    uint32_t entry = incident_table_find(e, INCIDENT_HISTORY, SLICE(""));
    return entry == INCIDENT_NONE ? 0 : days_seen(e->days, entry, day);
}

/* A detector with a severity: the level in front of its name. */
static uint32_t
with_level(struct incident_engine *e, uint32_t detector, uint8_t level)
{
    char text[2 * INCIDENT_NAME_BYTES + 2];
    struct slice name = incident_table_text(e, detector);
    text[0] = (char)level;
    memcpy(text + 1, name.p, name.n);
    return incident_table_intern(e, INCIDENT_SEVERITY, (struct slice){text, name.n + 1});
}

static uint32_t
hour_entry(struct incident_engine *e, int64_t created_s)
{
    int64_t hour = ((created_s % INCIDENT_DAY_S) + INCIDENT_DAY_S) % INCIDENT_DAY_S / HOUR_S;
    char text[2] = {(char)('0' + hour / 10), (char)('0' + hour % 10)};
    return incident_table_intern(e, INCIDENT_HOUR, (struct slice){text, sizeof(text)});
}

void
incident_habits_learn(struct incident_engine *e, const struct arrival *v, int32_t day)
{
    /* informational counts as low: both weigh the same in every profile */
    uint32_t entries[] = {house(e), v->detector,
                          with_level(e, v->detector, v->level > 1 ? v->level : 1)};
    uint32_t hour = hour_entry(e, v->al->created_s);
    for (size_t i = 0; i < 3 && !e->dead; i++) {
        struct err err = days_learn(e->days, entries[i], day, &hour, i == 2 ? 1 : 0);
        e->dead |= err.kind != ERR_NONE;
    }
}

/* The hours of a detector with each of its severities; the first entry of one leads to the others.
 */
static void
count_detector(struct incident_engine *e, uint32_t severity, int32_t day, int64_t *agreeing,
               int64_t *pairs)
{
    char text[2 * INCIDENT_NAME_BYTES + 2];
    struct slice name = incident_table_text(e, severity);
    int64_t sum = 0, same = 0;
    memcpy(text, name.p, name.n);
    for (int level = 0; level < LEVELS; level++) {
        text[0] = (char)level;
        uint32_t entry = incident_table_find(e, INCIDENT_SEVERITY, (struct slice){text, name.n});
        if (entry == INCIDENT_NONE)
            continue;
        if (entry < severity)
            return; /* counted there */
        int64_t n = days_pairs(e->days, entry, day);
        sum += n;
        same += n * (n - 1);
    }
    *agreeing += same;
    *pairs += sum * (sum - 1);
}

/* How far two alerts of one detector agree on their severity, beyond chance: where they do not, the
 * severity of an alert means nothing. Once a day. */
static int32_t
trust(struct incident_engine *e, int32_t day)
{
    const struct params *p = e->p;
    if (p->trust_high <= p->trust_low)
        return TRUST_ONE;
    if (e->trust_day == day && e->trust_open == days_open(e->days))
        return e->trust;
    int64_t agreeing = 0, pairs = 0;
    for (uint32_t i = 0; i < e->n_severities; i++)
        count_detector(e, e->severities[i], day, &agreeing, &pairs);
    int64_t t = TRUST_ONE;
    if (pairs >= p->trust_min && pairs > 0)
        t = (TRUST_ONE * agreeing / pairs - p->trust_low) * TRUST_ONE /
            (p->trust_high - p->trust_low);
    e->trust_day = day;
    e->trust_open = days_open(e->days);
    e->trust = (int32_t)(t < 0 ? 0 : t > TRUST_ONE ? TRUST_ONE : t);
    return e->trust;
}

void
incident_habits_weigh(struct incident_engine *e, struct arrival *v, int32_t day)
{
    const struct params *p = e->p;
    int32_t history = history_of(e, day);
    int32_t fired = days_seen(e->days, v->detector, day);
    int32_t t = trust(e, day);
    v->rarity = p->term_rare == 0 || history + p->rare_days <= 0
                    ? 0
                    : RARITY_ONE * (history - fired) / (history + p->rare_days);
    v->points = floor_div(
        (int64_t)t * p->severity[v->level] + (int64_t)(TRUST_ONE - t) * p->trust_flat, TRUST_ONE);
}

int32_t
incident_habits_novel(struct incident_engine *e, enum key_type type, int32_t day)
{
    const struct params *p = e->p;
    int32_t novel = p->rules[type].novel, history = history_of(e, day);
    if (p->novel_days <= 0)
        return novel;
    history = history < p->novel_days ? history : p->novel_days;
    return p->novel_cold + floor_div((int64_t)(novel - p->novel_cold) * history, p->novel_days);
}
