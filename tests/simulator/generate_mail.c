/*
 * Mail alerts made up for a scenario: records of each alert in any order, hours apart by their own
 * times, in blobs with whatever else was there. Ref: sources.md 3.5 to 3.8.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/simulator/mail_make.h"
#include "tests/simulator/sim.h"

#define MINUTE (60 * CLOCK_SECOND)

enum { BLOB_RECORDS = 6, LATE_MOST_S = 3000 };

struct record {
    int64_t planned;
    size_t order;  /* among all: what was made first */
    size_t repeat; /* order of the record with these bytes, from 1; 0: none */
    struct slice payload;
    const char *expect;
};

struct maker {
    struct generator *g;
    struct mail_case c;
    int64_t base; /* release of the alert's first record */
    struct record *records;
    size_t n, capacity;
};

static int64_t
some_time(struct maker *m, int64_t from, int64_t most)
{
    int64_t t = from + dice_between(&m->g->dice, 0, most > 0 ? most : 0);
    int64_t end = m->g->start + m->g->length;
    return t < end ? t : end;
}

static void
keep(struct maker *m, struct record r)
{
    if (m->n == m->capacity) {
        struct record *more =
            arena_grow(m->g->arena, m->records, sizeof(*m->records), &m->capacity);
        if (more == NULL)
            return; /* scenario_plan sees that the arena is short */
        m->records = more;
    }
    r.order = m->n + 1;
    m->records[m->n++] = r;
}

static void
put(struct maker *m, struct slice payload, const char *expect)
{
    struct record r = {.planned = some_time(m, m->base, m->g->length / 3)};
    r.payload = payload;
    r.expect = expect;
    keep(m, r);
    if (!dice_chance(&m->g->dice, m->g->g->repeat_percent))
        return;
    r.repeat = m->n;
    r.planned = some_time(m, r.planned, m->g->length / 2);
    r.expect = strcmp(expect, "stored") == 0 ? "unchanged" : expect;
    keep(m, r);
}

/* A record's own time: minutes to hours after the activity. */
static int64_t
later(struct maker *m)
{
    return m->c.at + dice_between(&m->g->dice, 1, 400) * MINUTE / 4;
}

static void
alert_records(struct maker *m)
{
    struct dice *d = &m->g->dice;
    int64_t entities = dice_between(d, 0, 3);
    if (entities == 0 || dice_chance(d, 90))
        put(m, mail_triggered(&m->c, later(m)), "stored");
    for (int64_t i = 0; i < entities; i++)
        put(m, mail_entity(&m->c, later(m), (int)i), "stored");
    for (int64_t i = 1; i < m->g->g->versions && dice_chance(d, m->g->g->update_percent); i++)
        put(m,
            mail_updated(&m->c, later(m) + i * 60 * MINUTE, i == 1 ? "Investigating" : "Resolved"),
            "stored");
}

static void
signals(struct maker *m)
{
    struct dice *d = &m->g->dice;
    if (dice_chance(d, 40)) {
        put(m, mail_message(&m->c, later(m), "Delayed"), "stored");
        if (dice_chance(d, 50))
            put(m, mail_message(&m->c, later(m), "ZAP"), "stored");
    }
    if (dice_chance(d, 30))
        put(m, mail_click(&m->c, later(m)), "stored");
    if (dice_chance(d, 15))
        put(m, mail_content(&m->c, later(m)), "stored");
    if (dice_chance(d, 40)) {
        int steps = (int)dice_between(d, 1, 5);
        for (int i = 0; i < steps; i++)
            put(m, mail_air(&m->c, later(m) + i * 30 * MINUTE, i), "stored");
    }
    if (dice_chance(d, m->g->g->other_percent))
        put(m, mail_unrelated(&m->c, later(m)), "ignored");
    if (dice_chance(d, m->g->g->other_percent))
        put(m, mail_mirror(&m->c, later(m)), "ignored");
}

static int
record_cmp(const void *x, const void *y)
{
    const struct record *a = x;
    const struct record *b = y;
    if (a->planned != b->planned)
        return a->planned < b->planned ? -1 : 1;
    return (a->order > b->order) - (a->order < b->order);
}

/* Neighbours in time share a blob, which is there with the last of them; some blobs say that they
 * came earlier than others that were there before them. */
static struct err
blobs_make(struct maker *m)
{
    struct generator *g = m->g;
    struct plan *p = &g->tenant->plan;
    int64_t most =
        g->scenario->mail.blob_records > 0 ? g->scenario->mail.blob_records : BLOB_RECORDS;
    size_t *numbers = arena_alloc(g->arena, (m->n + 1) * sizeof(*numbers)); /* by order */
    if (numbers == NULL)
        return err_make(ERR_STOP, "generate.memory", "mail: out of memory");
    for (size_t i = 0, left = 0, end = 0; i < m->n; i++) {
        static const struct delivery fresh = {.source = SIM_MAIL, .released = CLOCK_NONE};
        const struct record *r = &m->records[i];
        struct delivery d = fresh;
        if (left == 0) {
            left = (size_t)dice_between(&g->dice, 1, most);
            end = i + left < m->n ? i + left - 1 : m->n - 1;
            p->blobs++;
        }
        left--;
        d.blob = p->blobs;
        d.planned = m->records[end].planned;
        d.payload = r->payload;
        d.expect = slice_of(r->expect);
        d.repeat_of = r->repeat > 0 ? numbers[r->repeat] : 0;
        struct dice late = dice_of(g->scenario->seed, p->blobs, 78);
        if (dice_chance(&late, g->g->late_percent))
            d.late =
                dice_between(&late, 0, g->g->late_s < LATE_MOST_S ? g->g->late_s : LATE_MOST_S) *
                CLOCK_SECOND;
        numbers[r->order] = generator_add(g, d);
        if (numbers[r->order] == 0)
            return err_make(ERR_STOP, "generate.mail", "a record could not be planned");
    }
    return ERR_OK;
}

struct err
generate_mail(struct generator *g)
{
    struct maker m = {.g = g};
    for (int64_t i = 0; i < g->g->alerts; i++) {
        m.base = g->start + dice_between(&g->dice, 0, g->length);
        int64_t at = m.base - dice_between(&g->dice, 60, 7200) * CLOCK_SECOND -
                     dice_between(&g->dice, 0, g->g->history_s) * CLOCK_SECOND;
        m.c = mail_case_make(&g->dice, g->arena, g->tenant->id, at);
        m.c.missing_percent = (int)g->g->missing_percent;
        m.c.wrong_percent = (int)g->g->wrong_percent;
        m.c.note = generator_big(g, m.c.note);
        alert_records(&m);
        signals(&m);
    }
    if (m.n > 1)
        qsort(m.records, m.n, sizeof(*m.records), record_cmp);
    return blobs_make(&m);
}
