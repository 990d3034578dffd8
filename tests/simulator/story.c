/* The built-in attack: tests/simulator/story/contoso.jsonl, put to the time of this run. */
#include <string.h>

#include "tests/simulator/sim.h"
#include "tests/simulator/template.h"

enum { STORY_STEPS_MAX = 1000 };

struct reader {
    struct plan *plan;
    struct template_clock clock;
    int64_t start, speed;
    struct slice names[STORY_STEPS_MAX]; /* of the steps so far: their n is the index + 1 */
    int64_t length_s;                    /* from the first line */
};

static size_t
step_find(const struct reader *r, struct slice name)
{
    for (size_t i = 0; name.p != NULL && i < r->plan->n; i++)
        if (slice_eq(r->names[i], name))
            return i + 1;
    return 0;
}

static struct err
source_read(struct json step, struct delivery *d)
{
    struct slice name = json_get_text(step, "source");
    for (unsigned i = 0; i < SIM_SOURCES; i++)
        if (slice_eq(name, slice_of(sim_source_names[i]))) {
            struct slice by = json_get_text(step, "by");
            d->source = (enum sim_source)i;
            d->transport = slice_eq(by, SLICE("udp"))       ? SIM_UDP
                           : slice_eq(by, SLICE("counted")) ? SIM_COUNTED
                                                            : SIM_LF;
            return ERR_OK;
        }
    return err_make(ERR_STOP, "story.source", "unknown source '%.*s'", SLICE_ARG(name));
}

/* The payload's own bytes: of an object as they stand in the line, of a syslog line its text. */
static struct err
payload_read(struct reader *r, struct json step, struct delivery *d)
{
    struct json payload = json_get(step, "payload");
    struct slice text = json_text(payload);
    if (text.p == NULL)
        text = json_minify(payload, r->plan->arena);
    if (text.p == NULL)
        return err_make(ERR_STOP, "story.payload", "a step has no payload");
    return template_fill(text, &r->clock, r->plan->arena, &d->payload);
}

static struct err
step_read(struct reader *r, struct json step)
{
    struct delivery d = {.released = CLOCK_NONE};
    int64_t at = 0;
    int64_t late = 0;
    int64_t blob = 0;
    struct err e = source_read(step, &d);
    if (e.kind)
        return e;
    if (r->plan->n == STORY_STEPS_MAX || !json_get_int(step, "at", &at))
        return err_make(ERR_STOP, "story.step", "a step without time, or too many of them");
    if (!json_get_int(step, "late", &late))
        late = 0;
    d.planned = r->start + (at + late) * CLOCK_SECOND / r->speed;
    r->clock.release = d.planned;
    d.expect = json_get_text(step, "expect");
    d.truth = json_get_text(step, "truth");
    d.repeat_of = step_find(r, json_get_text(step, "repeats"));
    d.replaces = step_find(r, json_get_text(step, "replaces"));
    int64_t older = 0;
    if (json_get_int(step, "older", &older))
        d.late = older * CLOCK_SECOND;
    d.hasty = json_bool(json_get(step, "hasty"), false);
    if (json_get_int(step, "blob", &blob) && blob > 0)
        d.blob = (size_t)blob;
    if (d.blob > r->plan->blobs)
        r->plan->blobs = d.blob;
    if (d.repeat_of != 0)
        d.payload = r->plan->items[d.repeat_of - 1].payload;
    else
        e = payload_read(r, step, &d);
    if (e.kind == ERR_NONE)
        e = plan_name(r->plan, &d);
    if (e.kind)
        return e;
    r->names[r->plan->n] = json_get_text(step, "name");
    if (plan_add(r->plan, &d) == NULL)
        return err_make(ERR_STOP, "story.memory", "out of memory");
    return ERR_OK;
}

struct err
story_load(struct plan *p, struct slice tenant, int64_t start, int64_t speed)
{
    struct slice rest = slice_of(story_contoso);
    struct reader *r = arena_alloc(p->arena, sizeof(*r));
    struct json line;
    if (r == NULL)
        return err_make(ERR_STOP, "story.memory", "out of memory");
    *r = (struct reader){.plan = p, .start = start, .speed = speed};
    r->clock.tenant = tenant;
    struct err e = json_parse(slice_split(&rest, '\n'), p->arena, &line);
    if (e.kind == ERR_NONE && !json_get_int(line, "length_s", &r->length_s))
        e = err_make(ERR_STOP, "story.head", "the story does not say how long it is");
    r->clock.zero = start - r->length_s * CLOCK_SECOND;
    while (e.kind == ERR_NONE && slice_trim(rest).n > 0) {
        e = json_parse(slice_split(&rest, '\n'), p->arena, &line);
        if (e.kind == ERR_NONE)
            e = step_read(r, line);
    }
    return e;
}

struct err
story_steps(struct plan *p, struct json steps, struct slice tenant, int64_t start, int64_t speed)
{
    struct reader *r = arena_alloc(p->arena, sizeof(*r));
    struct err e = ERR_OK;
    struct slice name;
    struct json step;
    if (r == NULL)
        return err_make(ERR_STOP, "story.memory", "out of memory");
    *r = (struct reader){.plan = p, .start = start, .speed = speed};
    r->clock = (struct template_clock){.zero = start, .tenant = tenant};
    for (struct json_iter it = json_items(steps);
         e.kind == ERR_NONE && json_next(&it, &name, &step);)
        e = step_read(r, step);
    return e;
}
