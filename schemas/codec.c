#include "schemas/codec.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <avro.h>

#include "avsc.h"

enum {
    FRAME_HEAD = 5,   /* byte 0, number */
    SCHEMAS_MAX = 64, /* of all records and versions together */
    FIELDS_MAX = 32,  /* of one record */
    ALLOCATION_MAX = CODEC_VALUE_MAX + 64 * 1024,
};

extern const char schema_index[]; /* schemas/index, built in */

/* ---- our side: where a field of a struct is, and what it is */

enum kind {
    KIND_END = 0,
    KIND_OID,
    KIND_I32,
    KIND_U32,
    KIND_I64,
    KIND_TEXT,
    KIND_BYTES,
    KIND_STATE
};

struct field {
    enum kind kind;
    const char *name;
    size_t at;
};

struct record {
    const char *name;
    size_t size;
    const struct field *fields; /* a field that a schema lacks becomes 0 or empty */
};

#define FIELD(k, type, member)                                                                     \
    {                                                                                              \
        .kind = (k), .name = #member, .at = offsetof(struct type, member)                          \
    }

static const struct field tenant_fields[] = {
    FIELD(KIND_OID, tenant_record, oid),
    FIELD(KIND_I32, tenant_record, epoch),
    FIELD(KIND_STATE, tenant_record, state),
    FIELD(KIND_I32, tenant_record, shard),
    FIELD(KIND_U32, tenant_record, sources),
    FIELD(KIND_I32, tenant_record, identity_channel),
    FIELD(KIND_I64, tenant_record, settings_version),
    {.kind = KIND_END},
};
static const struct field raw_fields[] = {
    FIELD(KIND_OID, raw_record, oid),       FIELD(KIND_I32, raw_record, epoch),
    FIELD(KIND_TEXT, raw_record, source),   FIELD(KIND_TEXT, raw_record, native_id),
    FIELD(KIND_I64, raw_record, version),   FIELD(KIND_I64, raw_record, received),
    FIELD(KIND_BYTES, raw_record, payload), {.kind = KIND_END},
};
static const struct field control_fields[] = {
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
static const struct field event_fields[] = {
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
static const struct field incident_fields[] = {
    FIELD(KIND_OID, incident_record, oid),         FIELD(KIND_I32, incident_record, epoch),
    FIELD(KIND_I64, incident_record, incident_id), FIELD(KIND_I64, incident_record, version),
    FIELD(KIND_BYTES, incident_record, sealed),    {.kind = KIND_END},
};

enum { TENANT, RAW, CONTROL, EVENT, INCIDENT, RECORDS };

static const struct record records[RECORDS] = {
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

struct schema {
    int32_t number;
    const struct record *record; /* ours of this name */
    avro_schema_t schema;
    avro_value_iface_t *class;
    avro_value_t value; /* reused by every record */
    size_t n_fields;
    int index[FIELDS_MAX]; /* of our field i in this schema; -1: it lacks it */
};

struct codec {
    struct schema schemas[SCHEMAS_MAX];
    size_t n;
    const struct schema *write[RECORDS]; /* the newest of each that schemas/index has */
    avro_reader_t reader;
    avro_writer_t writer;
};

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
fits_kind(enum kind kind, avro_schema_t s)
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

static const struct record *
record_named(const char *name)
{
    for (size_t i = 0; name != NULL && i < RECORDS; i++)
        if (strcmp(records[i].name, name) == 0)
            return &records[i];
    return NULL;
}

/* Looks up our fields in the schema, once. */
static bool
schema_map(struct schema *s)
{
    size_t n = avro_schema_record_size(s->schema);
    if (n > FIELDS_MAX)
        return false;
    s->n_fields = n;
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
    }
    return true;
}

static void
schema_fini(struct schema *s)
{
    if (s->class != NULL) {
        avro_value_decref(&s->value);
        avro_value_iface_decref(s->class);
    }
    if (s->schema != NULL)
        avro_schema_decref(s->schema);
    *s = (struct schema){.number = 0};
}

static struct schema *
schema_numbered(struct codec *c, int32_t number)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->schemas[i].number == number)
            return &c->schemas[i];
    return NULL;
}

struct err
codec_schema_add(struct codec *c, int32_t number, const char *text)
{
    struct schema s = {.number = number};
    if (c->n == SCHEMAS_MAX || number <= 0 || schema_numbered(c, number) != NULL)
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
        size_t r = (size_t)(c->schemas[i].record - records);
        if (c->write[r] == NULL || c->write[r]->number < c->schemas[i].number)
            c->write[r] = &c->schemas[i];
    }
    for (size_t r = 0; r < RECORDS; r++) {
        const struct schema *s = c->write[r];
        size_t n = 0;
        while (records[r].fields[n].kind != KIND_END && s != NULL && s->index[n] >= 0)
            n++;
        if (s == NULL || records[r].fields[n].kind != KIND_END || n != s->n_fields)
            return err_make(ERR_STOP, "codec.schema",
                            "the newest %s has other fields than the code", records[r].name);
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
    c->writer = avro_writer_memory("", 0);
    if (e.kind == ERR_NONE && (c->reader == NULL || c->writer == NULL))
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
    if (c->writer != NULL)
        avro_writer_free(c->writer);
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

/* ---- writing */

static int
set_text(avro_value_t *v, struct slice s, struct arena *a)
{
    /* avro-c wants the NUL behind a string */
    char *text = slice_cstr(a, s.p != NULL ? s : SLICE(""));
    return text == NULL ? ENOMEM : avro_value_set_string_len(v, text, s.n + 1);
}

static int
set_bytes(avro_value_t *v, struct slice s)
{
    static char nothing;
    return avro_value_set_bytes(v, s.p != NULL ? (void *)(uintptr_t)s.p : &nothing, s.n);
}

static int
set_field(avro_value_t *v, const struct field *f, const char *base, struct arena *a)
{
    const void *p = base + f->at;
    switch (f->kind) {
    case KIND_OID:
        return avro_value_set_fixed(v, (void *)(uintptr_t)p, OID_BYTES);
    case KIND_I32:
        return avro_value_set_int(v, *(const int32_t *)p);
    case KIND_U32:
        return avro_value_set_long(v, (int64_t) * (const uint32_t *)p);
    case KIND_I64:
        return avro_value_set_long(v, *(const int64_t *)p);
    case KIND_TEXT:
        return set_text(v, *(const struct slice *)p, a);
    case KIND_BYTES:
        return set_bytes(v, *(const struct slice *)p);
    case KIND_STATE:
        return set_text(v, slice_of(tenant_state_word(*(const enum tenant_state *)p)), a);
    default:
        return EINVAL;
    }
}

/* An upper bound is enough: what does not fit is refused before anything is copied. */
static bool
too_large(const struct record *r, const char *base)
{
    size_t total = FRAME_HEAD;
    for (const struct field *f = r->fields; f->kind != KIND_END; f++) {
        size_t n = 10;
        if (f->kind == KIND_TEXT || f->kind == KIND_BYTES)
            n += ((const struct slice *)(const void *)(base + f->at))->n;
        if (n > CODEC_VALUE_MAX || total + n > CODEC_VALUE_MAX)
            return true;
        total += n;
    }
    return false;
}

static struct err
write_record(struct codec *c, size_t which, const void *record, struct arena *a, struct slice *out)
{
    const struct schema *s = c->write[which];
    avro_value_t value = s->value, field;
    size_t n = 0;
    if (too_large(s->record, record))
        return err_make(ERR_REJECT, "codec.too_large", "a %s of over %d bytes", s->record->name,
                        CODEC_VALUE_MAX);
    int bad = avro_value_reset(&value);
    for (size_t i = 0; bad == 0 && s->record->fields[i].kind != KIND_END; i++) {
        bad = avro_value_get_by_index(&value, (size_t)s->index[i], &field, NULL);
        if (bad == 0)
            bad = set_field(&field, &s->record->fields[i], record, a);
    }
    if (bad == 0)
        bad = avro_value_sizeof(&value, &n);
    char *frame = bad == 0 ? arena_alloc(a, FRAME_HEAD + n) : NULL;
    if (frame == NULL)
        return err_make(ERR_RETRY, "codec.memory", "no memory to write a %s", s->record->name);
    frame[0] = 0;
    for (int i = 0; i < 4; i++)
        frame[1 + i] = (char)(((uint32_t)s->number >> (24 - 8 * i)) & 0xff);
    avro_writer_memory_set_dest(c->writer, frame + FRAME_HEAD, (int64_t)n);
    if (avro_value_write(c->writer, &value) != 0)
        return err_make(ERR_RETRY, "codec.memory", "avro-c could not write a %s", s->record->name);
    *out = (struct slice){frame, FRAME_HEAD + n};
    return ERR_OK;
}

/* ---- reading */

static struct schema *
frame_schema(struct codec *c, struct slice frame)
{
    if (frame.p == NULL || frame.n < FRAME_HEAD || frame.n > CODEC_VALUE_MAX || frame.p[0] != 0)
        return NULL;
    uint32_t number = 0;
    for (int i = 1; i < FRAME_HEAD; i++)
        number = number << 8 | (uint8_t)frame.p[i];
    return number <= INT32_MAX ? schema_numbered(c, (int32_t)number) : NULL;
}

const char *
codec_schema(struct codec *c, struct slice frame)
{
    const struct schema *s = frame_schema(c, frame);
    return s != NULL ? s->record->name : NULL;
}

/* One zigzag varint; false: cut off, or longer than 64 bits. */
static bool
walk_long(struct slice *body, int64_t *out)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64 && body->n > 0; shift += 7) {
        uint8_t byte = (uint8_t)body->p[0];
        body->p++;
        body->n--;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            *out = (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
            return shift < 63 || byte <= 1;
        }
    }
    return false;
}

static bool
walk_skip(struct slice *body, int64_t n)
{
    if (n < 0 || (uint64_t)n > body->n)
        return false;
    body->p += n;
    body->n -= (size_t)n;
    return true;
}

static bool
walk_field(avro_schema_t s, struct slice *body)
{
    int64_t v = 0;
    switch (avro_typeof(s)) {
    case AVRO_STRING:
    case AVRO_BYTES:
        return walk_long(body, &v) && walk_skip(body, v);
    case AVRO_INT32:
        return walk_long(body, &v) && v >= INT32_MIN && v <= INT32_MAX;
    case AVRO_INT64:
        return walk_long(body, &v);
    case AVRO_BOOLEAN:
        return walk_skip(body, 1);
    case AVRO_FIXED:
        return walk_skip(body, avro_schema_fixed_size(s));
    case AVRO_FLOAT:
        return walk_skip(body, 4);
    case AVRO_DOUBLE:
        return walk_skip(body, 8);
    default:
        return avro_typeof(s) == AVRO_NULL;
    }
}

/* All lengths lie within the frame and nothing is left over: avro-c allocates what a length claims
 * and leaks it when the bytes end early (AVRO-4246), so it sees only records that are whole. */
static bool
frame_fits(const struct schema *s, struct slice body)
{
    for (size_t i = 0; i < s->n_fields; i++)
        if (!walk_field(avro_schema_record_field_get_by_index(s->schema, (int)i), &body))
            return false;
    return body.n == 0;
}

static int
get_slice(const avro_value_t *v, enum kind kind, struct arena *a, struct slice *out)
{
    const void *p = NULL;
    const char *text = NULL;
    size_t n = 0;
    int bad = 0;
    if (kind == KIND_BYTES) {
        bad = avro_value_get_bytes(v, &p, &n);
    } else {
        bad = avro_value_get_string(v, &text, &n);
        p = text;
        n = n > 0 ? n - 1 : 0; /* with its NUL */
    }
    if (bad != 0)
        return bad;
    *out = slice_dup(a, (struct slice){p != NULL ? p : "", n});
    return out->p != NULL ? 0 : ENOMEM;
}

static int
get_long(const avro_value_t *v, int64_t *out)
{
    int32_t small = 0;
    if (avro_value_get_type(v) == AVRO_INT64)
        return avro_value_get_long(v, out);
    int bad = avro_value_get_int(v, &small);
    *out = small;
    return bad;
}

static int
get_state(const avro_value_t *v, enum tenant_state *out)
{
    const char *text = NULL;
    size_t n = 0;
    int bad = avro_value_get_string(v, &text, &n);
    struct slice word = {text, n > 0 ? n - 1 : 0};
    if (bad != 0)
        return bad;
    *out = tenant_state_of(word);
    return *out != TENANT_NONE || slice_eq(word, slice_of(state_words[TENANT_NONE])) ? 0 : EILSEQ;
}

static int
get_field(const avro_value_t *v, const struct field *f, char *base, struct arena *a)
{
    void *p = base + f->at;
    const void *bytes = NULL;
    int64_t wide = 0;
    size_t n = 0;
    int bad = 0;
    switch (f->kind) {
    case KIND_OID:
        bad = avro_value_get_fixed(v, &bytes, &n);
        return bad != 0 ? bad : oid_from((struct slice){bytes, n}, p) ? 0 : EILSEQ;
    case KIND_I32:
        return avro_value_get_int(v, (int32_t *)p);
    case KIND_U32:
        bad = get_long(v, &wide);
        *(uint32_t *)p = (uint32_t)wide;
        return bad != 0 ? bad : wide < 0 || wide > UINT32_MAX ? EILSEQ : 0;
    case KIND_I64:
        return get_long(v, p);
    case KIND_TEXT:
    case KIND_BYTES:
        return get_slice(v, f->kind, a, p);
    case KIND_STATE:
        return get_state(v, p);
    default:
        return EINVAL;
    }
}

/* A field that the writer's schema lacks. Without an oid a record is nobody's. */
static int
default_field(const struct field *f, char *base)
{
    if (f->kind == KIND_OID)
        return EILSEQ;
    if (f->kind == KIND_TEXT || f->kind == KIND_BYTES)
        *(struct slice *)(void *)(base + f->at) = SLICE("");
    return 0; /* numbers are 0 already */
}

enum { RECORD_SIZE_MAX = 512 };

static struct err
read_record(struct codec *c, size_t which, struct slice frame, struct arena *a, void *out)
{
    _Alignas(8) char copy[RECORD_SIZE_MAX] = {0}; /* so that a failure writes nothing */
    struct schema *s = frame_schema(c, frame);
    const struct record *r = &records[which];
    avro_value_t field;
    if (s == NULL)
        return err_make(ERR_REJECT, "codec.frame", "no frame, or of a schema that is not known");
    if (s->record != r)
        return err_make(ERR_REJECT, "codec.frame", "a %s where a %s was expected", s->record->name,
                        r->name);
    struct slice body = {frame.p + FRAME_HEAD, frame.n - FRAME_HEAD};
    if (!frame_fits(s, body))
        return err_make(ERR_REJECT, "codec.record", "lengths of a %s do not fit", r->name);
    avro_reader_memory_set_source(c->reader, body.p, (int64_t)body.n);
    int bad = avro_value_reset(&s->value);
    if (bad == 0)
        bad = avro_value_read(c->reader, &s->value);
    for (size_t i = 0; bad == 0 && r->fields[i].kind != KIND_END; i++) {
        if (s->index[i] < 0) {
            bad = default_field(&r->fields[i], copy);
            continue;
        }
        bad = avro_value_get_by_index(&s->value, (size_t)s->index[i], &field, NULL);
        if (bad == 0)
            bad = get_field(&field, &r->fields[i], copy, a);
    }
    if (bad == ENOMEM)
        return err_make(ERR_RETRY, "codec.memory", "no memory to read a %s", r->name);
    if (bad != 0)
        return err_make(ERR_REJECT, "codec.record", "not a %s", r->name);
    memcpy(out, copy, r->size);
    return ERR_OK;
}

/* ---- what codec.h offers */

_Static_assert(sizeof(struct event_record) <= RECORD_SIZE_MAX, "raise RECORD_SIZE_MAX");

#define CODEC_PAIR(name, which, type)                                                              \
    struct err codec_##name(struct codec *c, const struct type *r, struct arena *a,                \
                            struct slice *out)                                                     \
    {                                                                                              \
        return write_record(c, which, r, a, out);                                                  \
    }                                                                                              \
    struct err codec_##name##_read(struct codec *c, struct slice frame, struct arena *a,           \
                                   struct type *out)                                               \
    {                                                                                              \
        return read_record(c, which, frame, a, out);                                               \
    }

CODEC_PAIR(tenant, TENANT, tenant_record)
CODEC_PAIR(raw, RAW, raw_record)
CODEC_PAIR(control, CONTROL, control_record)
CODEC_PAIR(event, EVENT, event_record)
CODEC_PAIR(incident, INCIDENT, incident_record)
