/* Frames: a record of ours written, and read with the schema it was written with. */
#include <errno.h>
#include <string.h>

#include "schemas/codec_internal.h"

enum {
    FRAME_HEAD = 5, /* byte 0, number */
    RECORD_SIZE_MAX = 512,
};

/* ---- writing: our records are flat, and avro-c's generic values cost eighteen times as much as
 * these few lines (libraries.md 1.1). Ref: Avro specification, binary encoding. */

enum { LONG_MAX_BYTES = 10 };

static char *
put_long(char *to, int64_t value)
{
    uint64_t v = (uint64_t)value << 1;
    if (value < 0)
        v = ~v;
    for (; v >= 0x80; v >>= 7)
        *to++ = (char)(0x80 | (v & 0x7f));
    *to++ = (char)v;
    return to;
}

static char *
put_bytes(char *to, struct slice s)
{
    to = put_long(to, (int64_t)s.n);
    if (s.n > 0)
        memcpy(to, s.p, s.n);
    return to + s.n;
}

/* What a text or bytes field holds; a number's is empty. */
static struct slice
content(const struct codec_field *f, const char *base)
{
    const void *p = base + f->at;
    if (f->kind == KIND_TEXT || f->kind == KIND_BYTES)
        return *(const struct slice *)p;
    if (f->kind == KIND_STATE)
        return slice_of(tenant_state_word(*(const enum tenant_state *)p));
    return SLICE_NONE;
}

static char *
put_field(char *to, const struct codec_field *f, const char *base)
{
    const void *p = base + f->at;
    switch (f->kind) {
    case KIND_OID:
        memcpy(to, p, OID_BYTES);
        return to + OID_BYTES;
    case KIND_I32:
        return put_long(to, *(const int32_t *)p);
    case KIND_U32:
        return put_long(to, (int64_t) * (const uint32_t *)p);
    case KIND_I64:
        return put_long(to, *(const int64_t *)p);
    default:
        return put_bytes(to, content(f, base));
    }
}

/* Bytes that are enough for the frame; 0: it would be too large. */
static size_t
frame_room(const struct codec_record *r, const char *base)
{
    size_t total = FRAME_HEAD;
    for (const struct codec_field *f = r->fields; f->kind != KIND_END; f++) {
        size_t n = content(f, base).n;
        if (n > CODEC_VALUE_MAX)
            return 0;
        total += n + (f->kind == KIND_OID ? (size_t)OID_BYTES : (size_t)LONG_MAX_BYTES);
    }
    return total <= CODEC_VALUE_MAX ? total : 0;
}

static struct err
write_record(struct codec *c, size_t which, const void *record, struct arena *a, struct slice *out)
{
    const struct codec_schema *s = c->write[which];
    size_t room = frame_room(s->record, record);
    if (room == 0)
        return err_make(ERR_REJECT, "codec.too_large", "a %s of over %d bytes", s->record->name,
                        CODEC_VALUE_MAX);
    char *frame = arena_alloc(a, room);
    if (frame == NULL)
        return err_make(ERR_RETRY, "codec.memory", "no memory to write a %s", s->record->name);
    frame[0] = 0;
    for (int i = 0; i < 4; i++)
        frame[1 + i] = (char)(((uint32_t)s->number >> (24 - 8 * i)) & 0xff);
    char *end = frame + FRAME_HEAD;
    for (size_t i = 0; i < s->n_fields; i++)
        end = put_field(end, &s->record->fields[s->ours[i]], record);
    *out = (struct slice){frame, (size_t)(end - frame)};
    return ERR_OK;
}

/* ---- reading */

static struct codec_schema *
frame_schema(struct codec *c, struct slice frame)
{
    if (frame.p == NULL || frame.n < FRAME_HEAD || frame.n > CODEC_VALUE_MAX || frame.p[0] != 0)
        return NULL;
    uint32_t number = 0;
    for (int i = 1; i < FRAME_HEAD; i++)
        number = number << 8 | (uint8_t)frame.p[i];
    return number <= INT32_MAX ? codec_schema_numbered(c, (int32_t)number) : NULL;
}

const char *
codec_schema(struct codec *c, struct slice frame)
{
    const struct codec_schema *s = frame_schema(c, frame);
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
frame_fits(const struct codec_schema *s, struct slice body)
{
    for (size_t i = 0; i < s->n_fields; i++)
        if (!walk_field(avro_schema_record_field_get_by_index(s->schema, (int)i), &body))
            return false;
    return body.n == 0;
}

static int
get_slice(const avro_value_t *v, enum codec_kind kind, struct arena *a, struct slice *out)
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
    return *out != TENANT_NONE || slice_eq(word, slice_of(tenant_state_word(TENANT_NONE))) ? 0
                                                                                           : EILSEQ;
}

static int
get_field(const avro_value_t *v, const struct codec_field *f, char *base, struct arena *a)
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
default_field(const struct codec_field *f, char *base)
{
    if (f->kind == KIND_OID)
        return EILSEQ;
    if (f->kind == KIND_TEXT || f->kind == KIND_BYTES)
        *(struct slice *)(void *)(base + f->at) = SLICE("");
    return 0; /* numbers are 0 already */
}

static struct err
read_record(struct codec *c, size_t which, struct slice frame, struct arena *a, void *out)
{
    _Alignas(8) char copy[RECORD_SIZE_MAX] = {0}; /* so that a failure writes nothing */
    struct codec_schema *s = frame_schema(c, frame);
    const struct codec_record *r = &codec_records[which];
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
