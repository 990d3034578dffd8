#include "serve/event.h"

#include <string.h>

#include "common/clock.h"

enum { KEY_BYTES = OID_BYTES + 8, SOURCES = 32 };

static int32_t
count_sources(int32_t mask)
{
    int32_t n = 0;
    for (int bit = 0; bit < SOURCES; bit++)
        n += ((uint32_t)mask >> bit & 1) != 0 ? 1 : 0;
    return n;
}

static struct slice
key_of(const struct events_row *row, struct arena *a)
{
    char *key = arena_alloc(a, KEY_BYTES);
    if (key == NULL)
        return SLICE_NONE;
    memcpy(key, row->oid.b, OID_BYTES);
    for (int i = 0; i < 8; i++)
        key[OID_BYTES + i] = (char)((uint64_t)row->incident_id >> (56 - 8 * i));
    return (struct slice){key, KEY_BYTES};
}

static struct err
value_of(struct codec *c, const struct events_row *row, struct arena *a, struct slice *out)
{
    const struct event_record r = {
        .oid = row->oid,
        .epoch = row->epoch,
        .incident_id = row->incident_id,
        .version = row->version,
        .kind = row->kind,
        .severity = row->severity,
        .status = row->status,
        .alerts = row->alerts,
        .users = row->users,
        .devices = row->devices,
        .sources = count_sources(row->sources),
        .created = row->created,
        .updated = row->updated,
        .first_activity = row->first_activity,
        .last_activity = row->last_activity,
        .merged_into = row->merged_into,
        .link = slice_printf(a, "/api/incidents/%lld", (long long)row->incident_id),
    };
    return codec_event(c, &r, a, out);
}

struct err
event_record(struct codec *c, const struct events_row *row, const char *region, const char *topic,
             struct arena *a, struct bus_record *out)
{
    struct oid_text oid = oid_format(&row->oid);
    struct clock_text at = clock_format(row->updated);
    *out = (struct bus_record){.topic = topic, .partition = -1, .key = key_of(row, a)};
    const struct bus_header headers[] = {
        {"ce_specversion", SLICE("1.0")},
        {"ce_id", slice_printf(a, "%s/%lld/%lld", oid.s, (long long)row->incident_id,
                               (long long)row->version)},
        {"ce_source", slice_printf(a, "/weir/%s", region)},
        {"ce_type", slice_printf(a, "weir.incident.%.*s.v1", SLICE_ARG(row->kind))},
        {"ce_time", slice_dup(a, slice_of(at.s))},
        {"ce_partitionkey", slice_printf(a, "%s/%lld", oid.s, (long long)row->incident_id)},
        {"content-type", SLICE("application/avro")},
    };
    out->n_headers = sizeof headers / sizeof headers[0];
    memcpy(out->headers, headers, sizeof headers);
    for (size_t i = 0; i < out->n_headers; i++)
        if (headers[i].value.p == NULL)
            return err_make(ERR_RETRY, "event.memory", "no memory for an event");
    if (out->key.p == NULL)
        return err_make(ERR_RETRY, "event.memory", "no memory for an event");
    return value_of(c, row, a, &out->value);
}
