/* db_value.c: parameters and results in PostgreSQL's binary format. Ref: libraries.md 5.2. */
#include "store/db.h"

#include <endian.h>
#include <string.h>

#include <libpq-fe.h>

#include "store/db_internal.h"

static const struct db_param unbuilt = {0}; /* type 0: did not fit the arena */

static void
put32(char **to, int64_t v)
{
    uint32_t be = htobe32((uint32_t)v);
    memcpy(*to, &be, sizeof be);
    *to += sizeof be;
}

static void
put64(char **to, int64_t v)
{
    uint64_t be = htobe64((uint64_t)v);
    memcpy(*to, &be, sizeof be);
    *to += sizeof be;
}

static int32_t
get32(const char *from)
{
    uint32_t be;
    memcpy(&be, from, sizeof be);
    return (int32_t)be32toh(be);
}

/* utf8_length - bytes of the valid sequence at p, 0 when there is none. NUL counts as invalid. */
static size_t
utf8_length(const unsigned char *p, size_t n)
{
    if (p[0] < 0x80)
        return p[0] != 0;
    size_t length = p[0] >= 0xc2 && p[0] <= 0xdf   ? 2
                    : p[0] >= 0xe0 && p[0] <= 0xef ? 3
                    : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4
                                                   : 0;
    if (length == 0 || length > n)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
    bool surrogate = p[0] == 0xed && p[1] > 0x9f;
    bool beyond = p[0] == 0xf4 && p[1] > 0x8f;
    return overlong || surrogate || beyond ? 0 : length;
}

/* plain_length - how many bytes from the start are ASCII without NUL; eight at a time. */
static size_t
plain_length(const char *p, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        uint64_t w;
        memcpy(&w, p + i, sizeof w);
        uint64_t zero = (w - UINT64_C(0x0101010101010101)) & ~w;
        if (((w | zero) & UINT64_C(0x8080808080808080)) != 0)
            break;
    }
    while (i < n && p[i] > 0)
        i++;
    return i;
}

bool
db_text_is_clean(const char *p, size_t n)
{
    for (size_t i = plain_length(p, n); i < n;) {
        size_t length = utf8_length((const unsigned char *)p + i, n - i);
        if (length == 0)
            return false;
        i += length;
        i += plain_length(p + i, n - i);
    }
    return true;
}

void
db_text_clean(char *to, const char *from, size_t n)
{
    memcpy(to, from, n);
    for (size_t i = plain_length(from, n); i < n;) {
        size_t length = utf8_length((const unsigned char *)from + i, n - i);
        if (length == 0) {
            to[i] = '?';
            length = 1;
        }
        i += length;
    }
}

/* ---- single values */

struct db_param
db_i64(struct arena *a, int64_t v)
{
    char *p = arena_alloc(a, 8);
    if (p == NULL)
        return unbuilt;
    char *at = p;
    put64(&at, v);
    return (struct db_param){DB_TYPE_INT8, {p, 8}};
}

struct db_param
db_i32(struct arena *a, int32_t v)
{
    char *p = arena_alloc(a, 4);
    if (p == NULL)
        return unbuilt;
    char *at = p;
    put32(&at, v);
    return (struct db_param){DB_TYPE_INT4, {p, 4}};
}

struct db_param
db_bool(struct arena *a, bool v)
{
    char *p = arena_alloc(a, 1);
    if (p == NULL)
        return unbuilt;
    *p = v ? 1 : 0;
    return (struct db_param){DB_TYPE_BOOL, {p, 1}};
}

struct db_param
db_text(struct slice v)
{
    return (struct db_param){DB_TYPE_TEXT, v};
}

struct db_param
db_bytes(struct slice v)
{
    return (struct db_param){DB_TYPE_BYTEA, v};
}

struct db_param
db_oid(const struct oid *v)
{
    return (struct db_param){DB_TYPE_BYTEA, {(const char *)v->b, OID_BYTES}};
}

/* ---- arrays: dimensions, flags, element type, length, lower bound, then the items */

enum { ARRAY_HEAD = 20, ARRAY_ITEMS_MAX = 1 << 26 };

static char *
array_begin(struct arena *a, uint32_t element, size_t n, size_t item_bytes, bool nulls,
            char **start)
{
    if (n > ARRAY_ITEMS_MAX)
        return NULL;
    char *p = arena_alloc(a, n == 0 ? 12 : ARRAY_HEAD + item_bytes);
    *start = p;
    if (p == NULL)
        return NULL;
    put32(&p, n == 0 ? 0 : 1);
    put32(&p, nulls);
    put32(&p, element);
    if (n > 0) {
        put32(&p, (int64_t)n);
        put32(&p, 1);
    }
    return p;
}

struct db_param
db_i64s(struct arena *a, const int64_t *v, size_t n)
{
    char *start;
    char *p = array_begin(a, DB_TYPE_INT8, n, n * 12, false, &start);
    if (p == NULL)
        return unbuilt;
    for (size_t i = 0; i < n; i++) {
        put32(&p, 8);
        put64(&p, v[i]);
    }
    return (struct db_param){DB_TYPE_INT8S, {start, (size_t)(p - start)}};
}

struct db_param
db_i32s(struct arena *a, const int32_t *v, size_t n)
{
    char *start;
    char *p = array_begin(a, DB_TYPE_INT4, n, n * 8, false, &start);
    if (p == NULL)
        return unbuilt;
    for (size_t i = 0; i < n; i++) {
        put32(&p, 4);
        put32(&p, v[i]);
    }
    return (struct db_param){DB_TYPE_INT4S, {start, (size_t)(p - start)}};
}

static struct db_param
slices(struct arena *a, uint32_t type, uint32_t element, const struct slice *v, size_t n)
{
    size_t bytes = 0;
    bool nulls = false;
    for (size_t i = 0; i < n; i++) {
        if (v[i].n > INT32_MAX)
            return unbuilt;
        bytes += 4 + v[i].n;
        nulls = nulls || v[i].p == NULL;
    }
    char *start;
    char *p = array_begin(a, element, n, bytes, nulls, &start);
    if (p == NULL)
        return unbuilt;
    for (size_t i = 0; i < n; i++) {
        if (v[i].p == NULL) {
            put32(&p, -1);
            continue;
        }
        put32(&p, (int64_t)v[i].n);
        if (element == DB_TYPE_TEXT)
            db_text_clean(p, v[i].p, v[i].n);
        else if (v[i].n > 0)
            memcpy(p, v[i].p, v[i].n);
        p += v[i].n;
    }
    return (struct db_param){type, {start, (size_t)(p - start)}};
}

struct db_param
db_texts(struct arena *a, const struct slice *v, size_t n)
{
    return slices(a, DB_TYPE_TEXTS, DB_TYPE_TEXT, v, n);
}

struct db_param
db_byteses(struct arena *a, const struct slice *v, size_t n)
{
    return slices(a, DB_TYPE_BYTEAS, DB_TYPE_BYTEA, v, n);
}

/* ---- results */

size_t
db_count(const struct db_rows *r)
{
    return (size_t)PQntuples(r->result);
}

bool
db_null(const struct db_rows *r, size_t row, size_t column)
{
    return PQgetisnull(r->result, (int)row, (int)column) != 0;
}

int64_t
db_get_i64(const struct db_rows *r, size_t row, size_t column)
{
    struct slice s = db_get(r, row, column);
    uint64_t be64;
    uint16_t be16;
    switch (s.n) {
    case 1:
        return s.p[0];
    case 2:
        memcpy(&be16, s.p, sizeof be16);
        return (int16_t)be16toh(be16);
    case 4:
        return get32(s.p);
    case 8:
        memcpy(&be64, s.p, sizeof be64);
        return (int64_t)be64toh(be64);
    default:
        return 0;
    }
}

struct slice
db_get(const struct db_rows *r, size_t row, size_t column)
{
    if (PQgetisnull(r->result, (int)row, (int)column))
        return SLICE_NONE;
    return (struct slice){PQgetvalue(r->result, (int)row, (int)column),
                          (size_t)PQgetlength(r->result, (int)row, (int)column)};
}

struct slice *
db_get_texts(const struct db_rows *r, size_t row, size_t column, struct arena *a, size_t *n)
{
    *n = 0;
    struct slice s = db_get(r, row, column);
    if (s.n < ARRAY_HEAD || get32(s.p) != 1 || get32(s.p + 8) != DB_TYPE_TEXT)
        return NULL;
    int32_t count = get32(s.p + 12);
    if (count <= 0 || (size_t)count > (s.n - ARRAY_HEAD) / 4)
        return NULL;
    struct slice *out = arena_alloc(a, (size_t)count * sizeof *out);
    size_t at = ARRAY_HEAD;
    for (int32_t i = 0; out != NULL && i < count; i++) {
        if (s.n - at < 4)
            return NULL;
        int32_t length = get32(s.p + at);
        at += 4;
        if (length < 0)
            continue; /* null */
        if ((size_t)length > s.n - at)
            return NULL;
        out[i] = (struct slice){s.p + at, (size_t)length};
        at += (size_t)length;
    }
    if (out != NULL)
        *n = (size_t)count;
    return out;
}

int64_t
db_affected(const struct db_rows *r)
{
    /* PQcmdTuples is not const although it changes nothing */
    int64_t n = 0;
    if (!slice_int(slice_of(PQcmdTuples((PGresult *)r->result)), &n))
        return 0;
    return n;
}
