/* Which schemas there are, and where each has our fields. */
#include "schemas/codec.h"

#include <stdlib.h>
#include <string.h>

#include "avsc.h"
#include "schemas/codec_internal.h"

enum { ALLOCATION_MAX = CODEC_VALUE_MAX + 64 * 1024 };

extern const char schema_index[]; /* schemas/index, built in */

/* ---- our records */

#define FIELD(k, type, member)                                                                     \
    {                                                                                              \
        .kind = (k), .name = #member, .at = offsetof(struct type, member)                          \
    }

static const struct codec_field tenant_fields[] = {
    FIELD(KIND_OID, tenant_record, oid),
    FIELD(KIND_I32, tenant_record, epoch),
    FIELD(KIND_STATE, tenant_record, state),
    FIELD(KIND_I32, tenant_record, shard),
    FIELD(KIND_U32, tenant_record, sources),
    FIELD(KIND_I32, tenant_record, identity_channel),
    FIELD(KIND_I64, tenant_record, settings_version),
    {.kind = KIND_END},
};
static const struct codec_field raw_fields[] = {
    FIELD(KIND_OID, raw_record, oid),       FIELD(KIND_I32, raw_record, epoch),
    FIELD(KIND_TEXT, raw_record, source),   FIELD(KIND_TEXT, raw_record, native_id),
    FIELD(KIND_I64, raw_record, version),   FIELD(KIND_I64, raw_record, received),
    FIELD(KIND_BYTES, raw_record, payload), {.kind = KIND_END},
};
static const struct codec_field control_fields[] = {
    FIELD(KIND_OID, control_record, oid),
    FIELD(KIND_I32, control_record, epoch),
    FIELD(KIND_TEXT, control_record, id),
    FIELD(KIND_TEXT, control_record, kind),
    FIELD(KIND_I64, control_record, incident_id),
    FIELD(KIND_I64, control_record, time),
    FIELD(KIND_BYTES, control_record, by),
    FIELD(KIND_BYTES, control_record, payload),
    {.kind = KIND_END},
};
static const struct codec_field event_fields[] = {
    FIELD(KIND_OID, event_record, oid),           FIELD(KIND_I32, event_record, epoch),
    FIELD(KIND_I64, event_record, incident_id),   FIELD(KIND_I64, event_record, version),
    FIELD(KIND_TEXT, event_record, kind),         FIELD(KIND_TEXT, event_record, severity),
    FIELD(KIND_TEXT, event_record, status),       FIELD(KIND_I32, event_record, alerts),
    FIELD(KIND_I32, event_record, users),         FIELD(KIND_I32, event_record, devices),
    FIELD(KIND_I32, event_record, sources),       FIELD(KIND_I64, event_record, created),
    FIELD(KIND_I64, event_record, updated),       FIELD(KIND_I64, event_record, first_activity),
    FIELD(KIND_I64, event_record, last_activity), FIELD(KIND_I64, event_record, merged_into),
    FIELD(KIND_TEXT, event_record, link),         {.kind = KIND_END},
};
static const struct codec_field incident_fields[] = {
    FIELD(KIND_OID, incident_record, oid),         FIELD(KIND_I32, incident_record, epoch),
    FIELD(KIND_I64, incident_record, incident_id), FIELD(KIND_I64, incident_record, version),
    FIELD(KIND_BYTES, incident_record, sealed),    {.kind = KIND_END},
};

const struct codec_record codec_records[RECORDS] = {
    [TENANT] = {"tenant_state", sizeof(struct tenant_record), tenant_fields},
    [RAW] = {"raw_alert", sizeof(struct raw_record), raw_fields},
    [CONTROL] = {"control_event", sizeof(struct control_record), control_fields},
    [EVENT] = {"incident_event", sizeof(struct event_record), event_fields},
    [INCIDENT] = {"incident", sizeof(struct incident_record), incident_fields},
};

/* The files; one line more for each new version of a record ("raw_alert_2"). */
static const struct {
    const char *name;
    const char *text;
} texts[] = {
    {"tenant_state", avsc_tenant_state},   {"raw_alert", avsc_raw_alert},
    {"control_event", avsc_control_event}, {"incident_event", avsc_incident_event},
    {"incident", avsc_incident},
};

/* ---- Avro's side */

/* avro-c allocates what a length claims; frame_fits refuses such records before, and this stands
 * behind it. It keeps no books, so that it may be set at any time. */
static void *
allocate(void *ctx, void *p, size_t old_bytes, size_t bytes)
{
    (void)ctx;
    (void)old_bytes;
    if (bytes == 0) {
        free(p);
        return NULL;
    }
    return bytes <= ALLOCATION_MAX ? realloc(p, bytes) : NULL;
}

/* A reader's way: types are these only, so that a record can be checked by walking over it. */
static bool
flat(avro_type_t type)
{
    return type == AVRO_STRING || type == AVRO_BYTES || type == AVRO_INT32 || type == AVRO_INT64 ||
           type == AVRO_BOOLEAN || type == AVRO_FIXED || type == AVRO_FLOAT ||
           type == AVRO_DOUBLE || type == AVRO_NULL;
}

static bool
fits_kind(enum codec_kind kind, avro_schema_t s)
{
    avro_type_t type = avro_typeof(s);
    switch (kind) {
    case KIND_OID:
        return type == AVRO_FIXED && avro_schema_fixed_size(s) == OID_BYTES;
    case KIND_I32:
        return type == AVRO_INT32;
    case KIND_U32:
    case KIND_I64:
        return type == AVRO_INT64 || type == AVRO_INT32;
    case KIND_TEXT:
    case KIND_STATE:
        return type == AVRO_STRING;
    case KIND_BYTES:
        return type == AVRO_BYTES;
    default:
        return false;
    }
}

static const struct codec_record *
record_named(const char *name)
{
    for (size_t i = 0; name != NULL && i < RECORDS; i++)
        if (strcmp(codec_records[i].name, name) == 0)
            return &codec_records[i];
    return NULL;
}

/* Looks up our fields in the schema, once. */
static bool
schema_map(struct codec_schema *s)
{
    size_t n = avro_schema_record_size(s->schema);
    if (n > CODEC_FIELDS_MAX)
        return false;
    s->n_fields = n;
    for (size_t i = 0; i < n; i++)
        s->ours[i] = -1;
    for (size_t i = 0; i < n; i++)
        if (!flat(avro_typeof(avro_schema_record_field_get_by_index(s->schema, (int)i))))
            return false;
    for (size_t i = 0; s->record->fields[i].kind != KIND_END; i++) {
        s->index[i] = avro_schema_record_field_get_index(s->schema, s->record->fields[i].name);
        if (s->index[i] < 0)
            continue;
        if (!fits_kind(s->record->fields[i].kind,
                       avro_schema_record_field_get_by_index(s->schema, s->index[i])))
            return false;
        s->ours[s->index[i]] = (int)i;
    }
    return true;
}

static void
schema_fini(struct codec_schema *s)
{
    if (s->class != NULL) {
        avro_value_decref(&s->value);
        avro_value_iface_decref(s->class);
    }
    if (s->schema != NULL)
        avro_schema_decref(s->schema);
    *s = (struct codec_schema){.number = 0};
}

struct codec_schema *
codec_schema_numbered(struct codec *c, int32_t number)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->schemas[i].number == number)
            return &c->schemas[i];
    return NULL;
}

struct err
codec_schema_add(struct codec *c, int32_t number, const char *text)
{
    struct codec_schema s = {.number = number};
    if (c->n == CODEC_SCHEMAS_MAX || number <= 0 || codec_schema_numbered(c, number) != NULL)
        return err_make(ERR_STOP, "codec.schema", "schema %d: used twice, or too many",
                        (int)number);
    if (avro_schema_from_json_length(text, strlen(text), &s.schema) != 0) {
        s.schema = NULL;
        goto bad;
    }
    if (!is_avro_record(s.schema))
        goto bad;
    s.record = record_named(avro_schema_name(s.schema));
    if (s.record == NULL || !schema_map(&s))
        goto bad;
    s.class = avro_generic_class_from_schema(s.schema);
    if (s.class == NULL)
        goto bad;
    if (avro_generic_value_new(s.class, &s.value) != 0) {
        avro_value_iface_decref(s.class);
        s.class = NULL;
        goto bad;
    }
    c->schemas[c->n++] = s;
    return ERR_OK;
bad:
    schema_fini(&s);
    return err_make(ERR_STOP, "codec.schema", "schema %d is not a flat record we know",
                    (int)number);
}

/* ---- schemas/index */

struct index_line {
    int32_t number;
    const char *text;
};

/* The next line of the index; false at its end. text NULL: a line that names no file of ours. */
static bool
index_next(struct slice *rest, struct index_line *out)
{
    while (rest->p != NULL) {
        struct slice name = slice_trim(slice_split(rest, '\n'));
        if (name.n == 0 || name.p[0] == '#')
            continue;
        struct slice number = slice_split(&name, ' ');
        int64_t value = 0;
        *out = (struct index_line){0, NULL};
        if (!slice_int(number, &value) || value <= 0 || value > INT32_MAX)
            return true;
        out->number = (int32_t)value;
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
            if (slice_eq(slice_trim(name), slice_of(texts[i].name)))
                out->text = texts[i].text;
        return true;
    }
    return false;
}

const char *
codec_schema_text(int32_t number)
{
    struct slice rest = slice_of(schema_index);
    struct index_line line;
    while (index_next(&rest, &line))
        if (line.number == number)
            return line.text;
    return NULL;
}

/* What we write must have all our fields and no other: those would never be set. */
static struct err
choose_writers(struct codec *c)
{
    for (size_t i = 0; i < c->n; i++) {
        size_t r = (size_t)(c->schemas[i].record - codec_records);
        if (c->write[r] == NULL || c->write[r]->number < c->schemas[i].number)
            c->write[r] = &c->schemas[i];
    }
    for (size_t r = 0; r < RECORDS; r++) {
        const struct codec_schema *s = c->write[r];
        size_t n = 0;
        while (codec_records[r].fields[n].kind != KIND_END && s != NULL && s->index[n] >= 0)
            n++;
        if (s == NULL || codec_records[r].fields[n].kind != KIND_END || n != s->n_fields)
            return err_make(ERR_STOP, "codec.schema",
                            "the newest %s has other fields than the code", codec_records[r].name);
    }
    return ERR_OK;
}

struct err
codec_new(struct codec **out)
{
    avro_set_allocator(allocate, NULL);
    struct codec *c = calloc(1, sizeof *c);
    if (c == NULL)
        return err_make(ERR_STOP, "codec.schema", "out of memory");
    struct err e = ERR_OK;
    struct slice rest = slice_of(schema_index);
    struct index_line line;
    while (e.kind == ERR_NONE && index_next(&rest, &line)) {
        if (line.text == NULL)
            e = err_make(ERR_STOP, "codec.schema", "schemas/index: number %d has no file",
                         (int)line.number);
        else
            e = codec_schema_add(c, line.number, line.text);
    }
    if (e.kind == ERR_NONE)
        e = choose_writers(c);
    c->reader = avro_reader_memory("", 0);
    if (e.kind == ERR_NONE && c->reader == NULL)
        e = err_make(ERR_STOP, "codec.schema", "out of memory");
    if (e.kind != ERR_NONE) {
        codec_free(c);
        return e;
    }
    *out = c;
    return ERR_OK;
}

void
codec_free(struct codec *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < c->n; i++)
        schema_fini(&c->schemas[i]);
    if (c->reader != NULL)
        avro_reader_free(c->reader);
    free(c);
}

/* ---- states */

static const char *const state_words[] = {
    [TENANT_NONE] = "none",       [TENANT_PROVISIONING] = "provisioning",
    [TENANT_ACTIVE] = "active",   [TENANT_SUSPENDED] = "suspended",
    [TENANT_PURGING] = "purging", [TENANT_PURGED] = "purged",
};

enum { STATES = sizeof state_words / sizeof state_words[0] };

const char *
tenant_state_word(enum tenant_state s)
{
    return (size_t)s < STATES ? state_words[s] : state_words[TENANT_NONE];
}

enum tenant_state
tenant_state_of(struct slice word)
{
    for (size_t i = 0; i < STATES; i++)
        if (slice_eq(word, slice_of(state_words[i])))
            return (enum tenant_state)i;
    return TENANT_NONE;
}
