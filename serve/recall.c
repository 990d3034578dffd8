#include "serve/recall.h"

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
    return err_make(ERR_RETRY, "recall.memory", "no room to explain so many alerts");
}

static struct err
restore(struct incident_engine *e, const struct alerts_full *full, struct arena *scratch)
{
    const struct alerts_row *row = &full->row;
    const struct source *source = source_by_number(row->source);
    if (source == NULL)
        return err_make(ERR_STOP, "recall.source", "a stored alert of source %d", row->source);
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

struct err
recall_engine(const struct incidents_row *incidents, size_t n, const struct alerts_full *alerts,
              size_t n_alerts, const struct params *p, struct arena *a,
              struct incident_engine **out)
{
    struct err err = ERR_OK;
    *out = NULL;
    struct incident_engine *e = incident_engine_new(p, 1, ENGINE_LIMIT);
    if (e == NULL || !arena_defer(a, engine_free, e))
        return no_memory();
    struct arena *scratch = arena_new(SCRATCH_LIMIT);
    if (scratch == NULL)
        return no_memory();
    for (size_t i = 0; i < n && err.kind == ERR_NONE; i++) {
        const struct incident_stored s = {.id = incidents[i].id,
                                          .version = incidents[i].version,
                                          .name = incidents[i].name,
                                          .first_name = incidents[i].first_name};
        err = incident_restore_incident(e, &s);
    }
    for (size_t i = 0; i < n_alerts && err.kind == ERR_NONE; i++) {
        err = restore(e, &alerts[i], scratch);
        arena_reset(scratch);
    }
    arena_free(scratch);
    *out = e;
    return err;
}
