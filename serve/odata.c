#include "serve/odata.h"

#include "common/clock.h"
#include "schemas/alert.h"

enum operator{ OP_EQ, OP_NE, OP_GT, OP_GE, OP_LT, OP_LE, OP_NONE };

static const struct {
    const char *word;
    enum operator op;
} operators[] = {{"eq", OP_EQ}, {"ne", OP_NE}, {"gt", OP_GT},
                 {"ge", OP_GE}, {"lt", OP_LT}, {"le", OP_LE}};

/* A value as written: quoted text, or a word (a number, a time, null). */
struct value {
    struct slice text;
    bool quoted;
};

struct condition {
    struct slice property;
    enum operator op;
    struct value value;
};

struct reader {
    struct slice rest;
    struct arena *arena;
};

/* Shown in an error: a short piece of what the client wrote. */
#define PIECE(s) SLICE_ARG(slice_sub((s), 0, 40))

static struct err
wrong(const char *what, struct slice found)
{
    return err_make(ERR_REJECT, "odata.filter", "$filter: %s; found '%.*s'.", what, PIECE(found));
}

static struct err
no_memory(void)
{
    return err_make(ERR_RETRY, "odata.memory", "out of memory");
}

/* ---- words */

static bool
is_blank(char c)
{
    return c == ' ' || c == '+' || c == '\t' || c == '\r' || c == '\n';
}

static void
skip_blanks(struct reader *r)
{
    while (r->rest.n > 0 && is_blank(r->rest.p[0]))
        r->rest = slice_sub(r->rest, 1, r->rest.n);
}

static struct slice
take_word(struct reader *r)
{
    size_t n = 0;
    skip_blanks(r);
    while (n < r->rest.n && !is_blank(r->rest.p[n]) && r->rest.p[n] != '\'')
        n++;
    struct slice word = slice_sub(r->rest, 0, n);
    r->rest = slice_sub(r->rest, n, r->rest.n);
    return word;
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "+00:00" behind a time, whose sign may have become a blank on the way (Q2). */
static bool
is_offset(struct slice s)
{
    return s.n >= 6 && (s.p[0] == '+' || s.p[0] == ' ') && is_digit(s.p[1]) && is_digit(s.p[2]) &&
           s.p[3] == ':' && is_digit(s.p[4]) && is_digit(s.p[5]) && (s.n == 6 || is_blank(s.p[6]));
}

static bool
has_clock(struct slice word)
{
    return slice_find(word, SLICE("T"), 0) < word.n || slice_find(word, SLICE("t"), 0) < word.n;
}

static struct err
take_quoted(struct reader *r, struct value *out)
{
    char *text = arena_alloc(r->arena, r->rest.n + 1);
    size_t n = 0, i = 1;
    if (text == NULL)
        return no_memory();
    for (; i < r->rest.n; i++) {
        if (r->rest.p[i] != '\'') {
            text[n++] = r->rest.p[i];
        } else if (i + 1 < r->rest.n && r->rest.p[i + 1] == '\'') {
            text[n++] = r->rest.p[i++];
        } else {
            *out = (struct value){.text = {text, n}, .quoted = true};
            r->rest = slice_sub(r->rest, i + 1, r->rest.n);
            return ERR_OK;
        }
    }
    return wrong("a text has no closing quote", r->rest);
}

static struct err
take_value(struct reader *r, struct value *out)
{
    skip_blanks(r);
    if (r->rest.n > 0 && r->rest.p[0] == '\'')
        return take_quoted(r, out);
    *out = (struct value){.text = take_word(r)};
    if (out->text.n == 0)
        return wrong("a value is missing", r->rest);
    if (!has_clock(out->text) || !is_offset(r->rest))
        return ERR_OK;
    struct slice offset = slice_sub(r->rest, 1, 5);
    r->rest = slice_sub(r->rest, 6, r->rest.n);
    out->text = slice_printf(r->arena, "%.*s+%.*s", SLICE_ARG(out->text), SLICE_ARG(offset));
    return out->text.p != NULL ? ERR_OK : no_memory();
}

static enum operator operator_of(struct slice word)
{
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++)
        if (slice_eq_nocase(slice_of(operators[i].word), word))
            return operators[i].op;
    return OP_NONE;
}

static struct err
take_condition(struct reader *r, struct condition *out)
{
    out->property = take_word(r);
    if (out->property.n == 0)
        return wrong("the name of a property is missing", r->rest);
    struct slice word = take_word(r);
    out->op = operator_of(word);
    if (out->op == OP_NONE)
        return wrong("an operator must be one of eq, ne, gt, ge, lt, le", word);
    return take_value(r, &out->value);
}

/* ---- what the conditions mean */

static struct err
only_eq(const struct condition *c)
{
    return err_make(ERR_REJECT, "odata.filter",
                    "$filter: '%.*s' can be compared by eq only; ask for the values wanted.",
                    PIECE(c->property));
}

static struct err
only_equal(const struct condition *c)
{
    return err_make(ERR_REJECT, "odata.filter",
                    "$filter: '%.*s' can be compared by eq and ne only.", PIECE(c->property));
}

static struct err
too_many(void)
{
    return err_make(ERR_REJECT, "odata.filter", "$filter: more than %d conditions.",
                    ODATA_CONDITIONS_MAX);
}

/* A word that is not wanted. */
static struct err
add_not(struct slice list[INCIDENTS_NOT_MAX], size_t *n, struct slice word)
{
    if (*n == INCIDENTS_NOT_MAX)
        return too_many();
    list[(*n)++] = word;
    return ERR_OK;
}

static void
at_least(int64_t *bound, int64_t to)
{
    if (*bound == INT64_MIN || *bound < to)
        *bound = to;
}

static void
at_most(int64_t *bound, int64_t to)
{
    if (*bound == INT64_MIN || *bound > to)
        *bound = to;
}

/* The four bounds of a time, in the order of struct incidents_filter. */
static struct err
take_time(const struct condition *c, int64_t *gt, int64_t *ge, int64_t *lt, int64_t *le)
{
    int64_t t;
    if (!clock_parse(c->value.text, &t) || t == CLOCK_NONE)
        return wrong("a time must be written like 2021-04-05T00:00:00Z, without quotes",
                     c->value.text);
    if (c->op == OP_NE)
        return only_eq(c);
    if (c->op == OP_GT)
        at_least(gt, t);
    if (c->op == OP_GE || c->op == OP_EQ)
        at_least(ge, t);
    if (c->op == OP_LT)
        at_most(lt, t);
    if (c->op == OP_LE || c->op == OP_EQ)
        at_most(le, t);
    return ERR_OK;
}

static struct err
on_updated(const struct condition *c, struct odata_query *q)
{
    struct incidents_filter *f = &q->filter;
    return take_time(c, &f->updated_gt, &f->updated_ge, &f->updated_lt, &f->updated_le);
}

static struct err
on_created(const struct condition *c, struct odata_query *q)
{
    struct incidents_filter *f = &q->filter;
    return take_time(c, &f->created_gt, &f->created_ge, &f->created_lt, &f->created_le);
}

static struct err
on_status(const struct condition *c, struct odata_query *q)
{
    static const struct slice words[] = {
        {"active", 6}, {"inProgress", 10}, {"resolved", 8}, {"redirected", 10}};
    if (c->op != OP_EQ && c->op != OP_NE)
        return only_equal(c);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (!slice_eq_nocase(words[i], c->value.text))
            continue;
        if (c->op == OP_NE)
            return add_not(q->filter.not_status, &q->filter.n_not_status, words[i]);
        q->nothing =
            q->nothing || (q->filter.status.p != NULL && !slice_eq(q->filter.status, words[i]));
        q->filter.status = words[i];
        q->filter.redirected = i == 3;
        return ERR_OK;
    }
    return wrong("status is one of 'Active', 'InProgress', 'Resolved', 'Redirected'",
                 c->value.text);
}

static struct err
on_assigned(const struct condition *c, struct odata_query *q)
{
    if (c->op != OP_EQ && c->op != OP_NE)
        return only_equal(c);
    struct slice text = c->value.text, *owner = &q->filter.assigned_to;
    if (!c->value.quoted && slice_eq(text, SLICE("null")))
        text = SLICE("");
    else if (!c->value.quoted || text.n == 0)
        return wrong("assignedTo must be null or a text in single quotes, not empty", text);
    if (c->op == OP_NE)
        return add_not(q->filter.not_assigned_to, &q->filter.n_not_assigned_to, text);
    q->nothing = q->nothing || (owner->p != NULL && !slice_eq_nocase(*owner, text));
    *owner = text;
    return ERR_OK;
}

static struct err
on_severity(const struct condition *c, struct odata_query *q)
{
    if (c->op != OP_EQ && c->op != OP_NE)
        return only_equal(c);
    int32_t v = (int32_t)severity_of(c->value.text);
    if (v == SEVERITY_UNKNOWN && !slice_eq_nocase(c->value.text, SLICE("UnSpecified")))
        return wrong("severity is one of 'UnSpecified', 'Informational', 'Low', 'Medium', 'High'",
                     c->value.text);
    if (c->op == OP_NE) {
        if (q->filter.n_not_severity == INCIDENTS_NOT_MAX)
            return too_many();
        q->filter.not_severity[q->filter.n_not_severity++] = v;
        return ERR_OK;
    }
    q->nothing = q->nothing || (q->filter.severity >= 0 && q->filter.severity != v);
    q->filter.severity = v;
    return ERR_OK;
}

static struct err
on_id(const struct condition *c, struct odata_query *q)
{
    int64_t id;
    if (c->op != OP_EQ)
        return only_eq(c);
    if (!slice_int(c->value.text, &id))
        return wrong("incidentId must be a number", c->value.text);
    q->nothing = q->nothing || id <= 0 || (q->filter.id != 0 && q->filter.id != id);
    q->filter.id = id;
    q->filter.redirected = true;
    return ERR_OK;
}

static const struct {
    const char *name;
    struct err (*take)(const struct condition *c, struct odata_query *q);
} properties[] = {{"lastUpdateTime", on_updated}, {"createdTime", on_created},
                  {"status", on_status},          {"assignedTo", on_assigned},
                  {"severity", on_severity},      {"incidentId", on_id}};

static struct err
apply(const struct condition *c, struct odata_query *q)
{
    for (size_t i = 0; i < sizeof properties / sizeof properties[0]; i++)
        if (slice_eq(slice_of(properties[i].name), c->property))
            return properties[i].take(c, q);
    return wrong("properties are lastUpdateTime, createdTime, status, assignedTo, severity, "
                 "incidentId",
                 c->property);
}

/* ---- the options */

void
odata_init(struct odata_query *q)
{
    *q = (struct odata_query){.filter = incidents_filter_all()};
    q->filter.top = ODATA_TOP_MAX;
}

struct err
odata_filter(struct slice text, struct arena *a, struct odata_query *q)
{
    struct reader r = {.rest = text, .arena = a};
    struct condition c;
    for (int i = 0; i < ODATA_CONDITIONS_MAX; i++) {
        struct err e = take_condition(&r, &c);
        if (e.kind == ERR_NONE)
            e = apply(&c, q);
        if (e.kind)
            return e;
        struct slice word = take_word(&r);
        if (word.n == 0 && r.rest.n == 0)
            return ERR_OK;
        if (!slice_eq_nocase(word, SLICE("and")))
            return wrong("conditions can be joined by 'and' only", word.n > 0 ? word : r.rest);
    }
    return too_many();
}

struct err
odata_order(struct slice text, struct odata_query *q)
{
    struct reader r = {.rest = text};
    struct slice name = take_word(&r), direction = take_word(&r);
    skip_blanks(&r);
    bool down = slice_eq_nocase(direction, SLICE("desc"));
    bool known = slice_eq(name, SLICE("lastUpdateTime")) || slice_eq(name, SLICE("createdTime"));
    if (!known || r.rest.n > 0 ||
        (direction.n > 0 && !down && !slice_eq_nocase(direction, SLICE("asc"))))
        return err_make(ERR_REJECT, "odata.orderby",
                        "$orderby: must be lastUpdateTime or createdTime, then asc or desc; found "
                        "'%.*s'.",
                        PIECE(text));
    q->filter.order =
        slice_eq(name, SLICE("createdTime")) ? INCIDENTS_BY_CREATED : INCIDENTS_BY_UPDATED;
    q->filter.descending = down;
    return ERR_OK;
}

struct err
odata_page(struct slice top, struct slice skip, struct odata_query *q)
{
    int64_t n;
    if (top.p != NULL) {
        if (!slice_int(slice_trim(top), &n) || n < 0 || n > ODATA_TOP_MAX)
            return err_make(ERR_REJECT, "odata.top",
                            "$top: must be a number from 0 to %d; found '%.*s'.", ODATA_TOP_MAX,
                            PIECE(top));
        q->filter.top = n;
    }
    if (skip.p != NULL) {
        if (!slice_int(slice_trim(skip), &n) || n < 0 || n > ODATA_SKIP_MAX)
            return err_make(ERR_REJECT, "odata.skip",
                            "$skip: must be a number from 0 to %d; found '%.*s'.", ODATA_SKIP_MAX,
                            PIECE(skip));
        q->filter.skip = n;
    }
    return ERR_OK;
}

void
odata_order_default(struct odata_query *q)
{
    struct incidents_filter *f = &q->filter;
    f->order = INCIDENTS_BY_UPDATED;
    f->descending = f->updated_gt == INT64_MIN && f->updated_ge == INT64_MIN;
}
