/* rows_memory.c: what the correlator remembers beside incidents, as rows of the store. */
#include "normalize/days_pack.h"
#include "normalize/rows.h"

static struct err
no_memory(void)
{
    return err_make(ERR_RETRY, "normalize.memory", "a batch needs more memory than it may have");
}

static int32_t
number_of(struct slice source)
{
    const struct source *s = source_by_name(source);
    return s == NULL ? 0 : s->number;
}

static struct correlator_clock
clock_of(const struct incident_engine *e)
{
    struct incident_clock c = incident_clock(e);
    return (struct correlator_clock){.watermark_s = c.watermark_s,
                                     .jump_day = c.jump_day,
                                     .jump_alerts = c.jump_alerts,
                                     .days_told = c.days_told,
                                     .next_seq = c.next_seq};
}

/* As the day tables forget. */
static int32_t
kept_of(const struct tenant *t, const struct incident_changes *c, int32_t days_told)
{
    int64_t kept = (int64_t)days_told - t->params.history_days;
    return c->n_days == 0 || kept < INT32_MIN ? INT32_MIN : (int32_t)kept;
}

static struct err
aliases(const struct incident_changes *c, struct arena *a, struct rows_memory *out)
{
    out->aliases = arena_alloc(a, (c->n_aliases + 1) * sizeof *out->aliases);
    if (out->aliases == NULL)
        return no_memory();
    for (size_t i = 0; i < c->n_aliases; i++)
        out->aliases[out->n_aliases++] = (struct correlator_alias){
            (int32_t)c->aliases[i].type, c->aliases[i].a, c->aliases[i].b};
    return ERR_OK;
}

static struct err
pins(const struct incident_changes *c, struct arena *a, struct rows_memory *out)
{
    out->pins = arena_alloc(a, (c->n_pins + 1) * sizeof *out->pins);
    out->free = arena_alloc(a, (c->n_pins + 1) * sizeof *out->free);
    if (out->pins == NULL || out->free == NULL)
        return no_memory();
    for (size_t i = 0; i < c->n_pins; i++) {
        const struct incident_pin *p = &c->pins[i];
        const struct pins_row row = {number_of(p->source), p->native_id, p->incident_id,
                                     p->together};
        if (p->off)
            out->free[out->n_free++] = row;
        else
            out->pins[out->n_pins++] = row;
    }
    return ERR_OK;
}

static struct err
splits(const struct incident_changes *c, int64_t at, struct arena *a, struct rows_memory *out)
{
    out->splits = arena_alloc(a, (c->n_splits + 1) * sizeof *out->splits);
    if (out->splits == NULL)
        return no_memory();
    for (size_t i = 0; i < c->n_splits; i++) {
        const struct incident_split *s = &c->splits[i];
        out->splits[out->n_splits++] = (struct splits_row){.incident_id = s->incident_id,
                                                           .a_source = number_of(s->a.source),
                                                           .a_id = s->a.native_id,
                                                           .b_source = number_of(s->b.source),
                                                           .b_id = s->b.native_id,
                                                           .score = s->score,
                                                           .a_alerts = (int32_t)s->alerts_a,
                                                           .b_alerts = (int32_t)s->alerts_b,
                                                           .at = at};
    }
    return ERR_OK;
}

struct err
rows_memory(const struct tenant *t, const struct incident_changes *c, int64_t at, struct arena *a,
            struct rows_memory *out)
{
    *out = (struct rows_memory){.clock = clock_of(t->engine), .moved = c->n_pins > 0};
    out->kept = kept_of(t, c, out->clock.days_told);
    for (size_t i = 0; i < c->n_rows && !out->moved; i++)
        out->moved = c->rows[i].redirect_to != 0;
    struct err e = days_pack(c->days, c->n_days, a, &out->days, &out->n_days);
    if (e.kind == ERR_NONE)
        e = aliases(c, a, out);
    if (e.kind == ERR_NONE)
        e = pins(c, a, out);
    return e.kind ? e : splits(c, at, a, out);
}
