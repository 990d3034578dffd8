#include "serve/scene.h"

#include "common/clock.h"
#include "ingest/source.h"
#include "normalize/rows.h"

enum { ENGINE_LIMIT = 256 * 1024 * 1024, SCRATCH_LIMIT = 4 * 1024 * 1024 };

static void
engine_free(void *engine)
{
    incident_engine_free(engine);
}

static struct err
no_memory(void)
{
    return err_make(ERR_RETRY, "scene.memory", "no room to explain so many alerts");
}

static struct err
restore(struct incident_engine *e, const struct alerts_full *full, struct arena *scratch)
{
    const struct alerts_row *row = &full->row;
    const struct source *source = source_by_number(row->source);
    if (source == NULL)
        return err_make(ERR_STOP, "scene.source", "a stored alert of source %d", row->source);
    struct incident_alert al = {
        .source = slice_of(source->name),
        .source_number = (uint8_t)row->source,
        .product_number = (uint8_t)row->source,
        .native_id = row->native_id,
        .version = row->version,
        .created_s = row->created / CLOCK_SECOND,
        .tactics = (uint16_t)row->tactics,
        .detector = row->detector,
        .title = row->title,
        .product = slice_of(service_product((enum service_source)row->service)),
        .category = row->category,
    };
    struct err err = rows_state_read(row->keys, scratch, &al);
    if (err.kind)
        return err;
    return incident_restore_alert(e, &al, (uint16_t)row->leads, full->incident_id);
}

static struct err
restore_pin(struct incident_engine *e, const struct pins_row *pin)
{
    const struct source *source = source_by_number(pin->source);
    if (source == NULL)
        return err_make(ERR_STOP, "scene.source", "a stored pin of source %d", pin->source);
    return incident_restore_pin(e, slice_of(source->name), pin->native_id, pin->incident_id,
                                pin->together != 0);
}

static struct err
fill(struct incident_engine *e, const struct scene *r, struct arena *scratch)
{
    struct err err = ERR_OK;
    for (size_t i = 0; i < r->n_aliases && err.kind == ERR_NONE; i++)
        err = incident_restore_alias(e, &r->aliases[i]);
    for (size_t i = 0; i < r->n && err.kind == ERR_NONE; i++) {
        const struct incident_stored s = {.id = r->incidents[i].id,
                                          .version = r->incidents[i].version,
                                          .name = r->incidents[i].name,
                                          .first_name = r->incidents[i].first_name};
        err = incident_restore_incident(e, &s);
    }
    for (size_t i = 0; i < r->n_pins && err.kind == ERR_NONE; i++)
        err = restore_pin(e, &r->pins[i]);
    for (size_t i = 0; i < r->n_alerts && err.kind == ERR_NONE; i++) {
        err = restore(e, &r->alerts[i], scratch);
        arena_reset(scratch);
    }
    return err;
}

struct err
scene_engine(const struct scene *r, struct arena *a, struct incident_engine **out)
{
    *out = NULL;
    struct incident_engine *e = incident_engine_new(r->params, 1, ENGINE_LIMIT);
    if (e == NULL || !arena_defer(a, engine_free, e))
        return no_memory();
    struct arena *scratch = arena_new(SCRATCH_LIMIT);
    if (scratch == NULL)
        return no_memory();
    struct err err = fill(e, r, scratch);
    arena_free(scratch);
    *out = e;
    return err;
}
