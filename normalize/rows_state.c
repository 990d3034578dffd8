/* rows_state.c: what the engine has to know again, in the column `keys` and around it. */
#include <string.h>

#include "ingest/source.h"
#include "normalize/packing.h"
#include "normalize/rows.h"
#include "schemas/decision.h"

/* Numbers of fixed size, the detector's text, then the packed keys. What can change with a version
 * is here as the engine holds it, which may be another version's than the row's. */
enum {
    STATE_VERSION = 3,
    STATE_FIRST = 1,
    STATE_LAST = 9,
    STATE_CREATED = 17,
    STATE_SEQ = 25,
    STATE_TACTICS = 33, /* two bytes */
    STATE_PRODUCT = 35,
    STATE_FLAGS = 36,
    STATE_POINTS = 37, /* four bytes, in two's complement; rarity likewise */
    STATE_RARITY = 41,
    STATE_HEAD = 45,
    FLAG_LEVEL = 3,
    FLAG_FALSE_POSITIVE = 4,
    FLAG_RESOLVED = 8,
    FLAGS = FLAG_LEVEL | FLAG_FALSE_POSITIVE | FLAG_RESOLVED,
    DETECTOR_BYTES = 64 * 1024
};

static void
put_number(char *p, size_t bytes, uint64_t v)
{
    for (size_t i = 0; i < bytes; i++)
        p[i] = (char)(v >> (8 * (bytes - 1 - i)) & 0xff);
}

static uint64_t
get_number(const char *p, size_t bytes)
{
    uint64_t v = 0;
    for (size_t i = 0; i < bytes; i++)
        v = v << 8 | (unsigned char)p[i];
    return v;
}

static void
put_head(const struct incident_alert *al, char *head)
{
    head[0] = STATE_VERSION;
    put_number(head + STATE_FIRST, 8, (uint64_t)al->first_s);
    put_number(head + STATE_LAST, 8, (uint64_t)al->last_s);
    put_number(head + STATE_CREATED, 8, (uint64_t)al->created_s);
    put_number(head + STATE_SEQ, 8, (uint64_t)al->seq);
    put_number(head + STATE_TACTICS, 2, al->tactics);
    head[STATE_PRODUCT] = (char)al->product_number;
    head[STATE_FLAGS] = (char)(al->level | (al->false_positive ? FLAG_FALSE_POSITIVE : 0) |
                               (al->resolved ? FLAG_RESOLVED : 0));
    put_number(head + STATE_POINTS, 4, (uint32_t)al->points);
    put_number(head + STATE_RARITY, 4, (uint32_t)al->rarity);
}

struct slice
rows_state(const struct incident_alert *al, struct arena *a)
{
    struct slice keys = keys_pack(al->keys, a);
    struct slice detector = slice_sub(al->detector, 0, DETECTOR_BYTES);
    struct packing_out count = {NULL, 0};
    packing_put_text(&count, detector);
    size_t n = STATE_HEAD + count.n + keys.n;
    char *all = keys.p != NULL ? arena_alloc(a, n) : NULL;
    if (all == NULL)
        return SLICE_NONE;
    put_head(al, all);
    struct packing_out made = {(uint8_t *)all + STATE_HEAD, 0};
    packing_put_text(&made, detector);
    memcpy(all + STATE_HEAD + made.n, keys.p, keys.n);
    return (struct slice){all, n};
}

static struct err
no_state(void)
{
    return err_make(ERR_REJECT, "normalize.state", "no state of an alert");
}

struct err
rows_state_read(struct slice column, struct arena *a, struct incident_alert *al)
{
    struct key_set *keys = arena_alloc(a, sizeof *keys);
    if (keys == NULL)
        return err_make(ERR_RETRY, "normalize.memory", "no room for the state of an alert");
    if (column.n < STATE_HEAD || column.p[0] != STATE_VERSION || column.p[STATE_PRODUCT] < 0 ||
        column.p[STATE_FLAGS] < 0 || column.p[STATE_FLAGS] > FLAGS)
        return no_state();
    const char *head = column.p;
    struct packing_in in = {(const uint8_t *)head + STATE_HEAD, column.n - STATE_HEAD, false};
    struct slice detector = packing_get_text(&in, DETECTOR_BYTES);
    if (in.bad)
        return no_state();
    struct err e = keys_unpack((struct slice){(const char *)in.p, in.n}, a, keys);
    if (e.kind)
        return e.kind == ERR_REJECT ? err_make(ERR_REJECT, "normalize.state", "%s", e.text) : e;
    al->first_s = (int64_t)get_number(head + STATE_FIRST, 8);
    al->last_s = (int64_t)get_number(head + STATE_LAST, 8);
    al->created_s = (int64_t)get_number(head + STATE_CREATED, 8);
    al->seq = (int64_t)get_number(head + STATE_SEQ, 8);
    al->tactics = (uint16_t)get_number(head + STATE_TACTICS, 2);
    al->product_number = (uint8_t)head[STATE_PRODUCT];
    al->level = (uint8_t)(head[STATE_FLAGS] & FLAG_LEVEL);
    al->false_positive = (head[STATE_FLAGS] & FLAG_FALSE_POSITIVE) != 0;
    al->resolved = (head[STATE_FLAGS] & FLAG_RESOLVED) != 0;
    al->points = (int32_t)(uint32_t)get_number(head + STATE_POINTS, 4);
    al->rarity = (int32_t)(uint32_t)get_number(head + STATE_RARITY, 4);
    al->detector = detector;
    al->keys = keys;
    return ERR_OK;
}

struct err
rows_alert_stored(const struct alerts_loaded *row, struct arena *a, struct incident_alert *out)
{
    const struct source *source = source_by_number(row->source);
    if (source == NULL)
        return err_make(ERR_STOP, "normalize.source", "a stored alert of source %d", row->source);
    *out = (struct incident_alert){
        .source = slice_of(source->name),
        .source_number = (uint8_t)row->source,
        .native_id = row->native_id,
        .version = row->version,
        .title = row->title,
        .product = slice_of(service_product((enum service_source)row->service)),
        .category = row->category,
        .threat = row->threat,
    };
    return rows_state_read(row->keys, a, out);
}

static enum incident_status
status_of(struct slice word)
{
    int status = decision_status_of(word);
    return status < 0 ? INCIDENT_ACTIVE : (enum incident_status)status; /* "redirected" */
}

void
rows_incident_stored(const struct incidents_loaded *row, struct slice digest,
                     struct incident_stored *out)
{
    *out = (struct incident_stored){
        .id = row->id,
        .version = row->version,
        .redirect_to = row->redirect_to,
        .name = row->name,
        .first_name = row->first_name,
        .status = status_of(row->status),
        .assigned_to = row->assigned_to,
        .classification = row->classification,
        .determination = row->determination,
        .worked = row->worked,
        .by_rule = slice_eq(row->params, digest),
        .updated = row->updated,
    };
}
