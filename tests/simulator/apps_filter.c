#include "tests/simulator/apps_filter.h"

#include "common/clock.h"

#define DAY_MS INT64_C(86400000)

enum kind { KIND_TIME, KIND_NUMBER, KIND_TEXT, KIND_OPEN, KIND_READ, KIND_ORIGIN, KIND_ENTITY };

struct filter {
    const char *name;
    enum kind kind;
    const char *member; /* of the alert; KIND_ENTITY: the entity's type, NULL: any */
};

static const struct filter filters_known[] = {
    {"date", KIND_TIME, "timestamp"},
    {"resolutionDate", KIND_TIME, "resolveTime"},
    {"alertOpen", KIND_OPEN, "is_open"},
    {"resolutionStatus", KIND_NUMBER, "resolutionStatusValue"},
    {"severity", KIND_NUMBER, "severityValue"},
    {"alertType", KIND_NUMBER, "idValue"},
    {"id", KIND_TEXT, "_id"},
    {"ID", KIND_TEXT, "_id"}, /* as the documentation prints it */
    {"risk", KIND_NUMBER, "threatScore"},
    {"read", KIND_READ, "statusValue"},
    {"source", KIND_ORIGIN, "isSystemAlert"},
    {"entity.entity", KIND_ENTITY, NULL},
    {"entity.ip", KIND_ENTITY, "ip"},
    {"entity.service", KIND_ENTITY, "service"},
    {"entity.instance", KIND_ENTITY, "account"},
    {"entity.policy", KIND_ENTITY, "policyRule"},
    {"entity.file", KIND_ENTITY, "file"},
    {"entity.user", KIND_ENTITY, "user"},
};

static const struct filter *
filter_find(struct slice name)
{
    for (size_t i = 0; i < sizeof(filters_known) / sizeof(filters_known[0]); i++)
        if (slice_eq(name, slice_of(filters_known[i].name)))
            return &filters_known[i];
    return NULL;
}

static bool
is_word(struct slice op, const char *const *words)
{
    for (; *words != NULL; words++)
        if (slice_eq(op, slice_of(*words)))
            return true;
    return false;
}

/* A range is one {"start","end"} or a list of them, of which here the first. */
static struct json
range_of(struct json value)
{
    struct slice name;
    struct json first = value;
    struct json_iter it = json_items(value);
    if (json_type(value) == JSON_ARRAY && !json_next(&it, &name, &first))
        first = json_get(value, "");
    return first;
}

static struct err
operator_check(const struct filter *f, struct slice op, struct json value)
{
    static const char *const bounds[] = {"gte", "lte", "gt", "lt", "gte_ndays", "lte_ndays", NULL};
    static const char *const equals[] = {"eq", "neq", NULL};
    int64_t n = 0;
    bool good = false;
    if (f->kind == KIND_TIME && slice_eq(op, SLICE("range")))
        good =
            json_get_int(range_of(value), "start", &n) && json_get_int(range_of(value), "end", &n);
    else if (f->kind == KIND_TIME)
        good = is_word(op, bounds) && json_int(value, &n);
    else
        good = is_word(op, equals) && json_type(value) != JSON_ABSENT;
    if (!good)
        return err_make(ERR_REJECT, "apps.filter", "%s does not take '%.*s' with such a value",
                        f->name, SLICE_ARG(op));
    return ERR_OK;
}

struct err
apps_filter_check(struct json filters)
{
    struct slice name;
    struct json ops;
    if (json_type(filters) != JSON_ABSENT && json_type(filters) != JSON_NULL &&
        json_type(filters) != JSON_OBJECT)
        return err_make(ERR_REJECT, "apps.filter", "filters must be an object");
    for (struct json_iter it = json_items(filters); json_next(&it, &name, &ops);) {
        const struct filter *f = filter_find(name);
        if (f == NULL || json_type(ops) != JSON_OBJECT)
            return err_make(ERR_REJECT, "apps.filter", "no filter '%.*s' of this shape",
                            SLICE_ARG(name));
        struct slice op;
        struct json value;
        for (struct json_iter each = json_items(ops); json_next(&each, &op, &value);) {
            struct err e = operator_check(f, op, value);
            if (e.kind)
                return e;
        }
    }
    return ERR_OK;
}

/* ---- matching */

static bool
row_open(struct json row)
{
    int64_t n = 0;
    if (json_get_int(row, "resolutionStatusValue", &n))
        return n == 0;
    return json_bool(json_get(row, "is_open"), true);
}

static bool
row_ms(const struct filter *f, struct json row, int64_t *ms)
{
    if (json_get_int(row, f->member, ms))
        return true;
    int64_t t = CLOCK_NONE;
    if (!clock_parse(json_get_text(row, f->member), &t) || t == CLOCK_NONE)
        return false;
    *ms = t / 10000;
    return true;
}

static bool
time_holds(struct slice op, struct json value, int64_t have, int64_t now_ms)
{
    int64_t from = 0;
    int64_t to = 0;
    if (slice_eq(op, SLICE("range")) && json_type(value) == JSON_ARRAY) {
        struct slice name;
        struct json range;
        for (struct json_iter it = json_items(value); json_next(&it, &name, &range);)
            if (time_holds(op, range, have, now_ms))
                return true;
        return false;
    }
    if (slice_eq(op, SLICE("range")))
        return json_get_int(value, "start", &from) && json_get_int(value, "end", &to) &&
               have >= from && have <= to;
    if (!json_int(value, &from))
        return false;
    if (slice_eq(op, SLICE("gte")))
        return have >= from;
    if (slice_eq(op, SLICE("gt")))
        return have > from;
    if (slice_eq(op, SLICE("lte")))
        return have <= from;
    if (slice_eq(op, SLICE("lt")))
        return have < from;
    from = from < 0 ? 0 : from > 100000 ? 100000 : from; /* days */
    return slice_eq(op, SLICE("gte_ndays")) ? have >= now_ms - from * DAY_MS
                                            : have <= now_ms - from * DAY_MS;
}

/* An id as number or text, or an object that holds it. */
static bool
id_equals(struct json want, struct json have)
{
    int64_t a = 0;
    int64_t b = 0;
    if (json_type(want) == JSON_OBJECT)
        want = json_get(want, "id");
    if (json_int(want, &a) && json_int(have, &b))
        return a == b;
    return json_text(want).p != NULL && slice_eq_nocase(json_text(want), json_text(have));
}

static bool
has_entity(const char *type, struct json want, struct json row)
{
    struct slice name;
    struct json item;
    for (struct json_iter it = json_items(json_get(row, "entities")); json_next(&it, &name, &item);)
        if ((type == NULL || slice_eq(json_get_text(item, "type"), slice_of(type))) &&
            (id_equals(want, json_get(item, "id")) || id_equals(want, json_get(item, "label"))))
            return true;
    return false;
}

static bool
equals(const struct filter *f, struct json want, struct json row)
{
    if (f->kind == KIND_ENTITY)
        return has_entity(f->member, want, row);
    if (f->kind == KIND_ORIGIN)
        return slice_eq(json_text(want), json_bool(json_get(row, f->member), false)
                                             ? SLICE("built-in")
                                             : SLICE("policy"));
    int64_t a = 0;
    int64_t b = 0;
    if (f->kind == KIND_OPEN)
        return json_bool(want, true) == row_open(row);
    if (f->kind == KIND_READ)
        return json_get_int(row, f->member, &b) ? json_bool(want, true) == (b != 0)
                                                : !json_bool(want, true);
    if (f->kind == KIND_TEXT)
        return slice_eq(json_text(want), json_get_text(row, f->member));
    if (!json_get_int(row, f->member, &b))
        b = 0; /* fields come and go: OPEN, LOW */
    return json_int(want, &a) && a == b;
}

static bool
any_equals(const struct filter *f, struct json value, struct json row)
{
    if (json_type(value) != JSON_ARRAY)
        return equals(f, value, row);
    struct slice name;
    struct json item;
    for (struct json_iter it = json_items(value); json_next(&it, &name, &item);)
        if (equals(f, item, row))
            return true;
    return false;
}

static bool
filter_holds(const struct filter *f, struct json ops, struct json row, int64_t now_ms)
{
    struct slice op;
    struct json value;
    for (struct json_iter it = json_items(ops); json_next(&it, &op, &value);) {
        int64_t have = 0;
        bool holds;
        if (f->kind == KIND_TIME)
            holds = row_ms(f, row, &have) && time_holds(op, value, have, now_ms);
        else
            holds = any_equals(f, value, row) == slice_eq(op, SLICE("eq"));
        if (!holds)
            return false;
    }
    return true;
}

bool
apps_filter_match(struct json filters, struct json row, int64_t now_ms)
{
    struct slice name;
    struct json ops;
    for (struct json_iter it = json_items(filters); json_next(&it, &name, &ops);) {
        const struct filter *f = filter_find(name);
        if (f == NULL || !filter_holds(f, ops, row, now_ms))
            return false;
    }
    return true;
}
