#include "tests/simulator/odata.h"

#include <string.h>

#include "common/clock.h"

enum { ODATA_DEPTH_MAX = 16 };

enum op { OP_EQ, OP_NE, OP_GT, OP_GE, OP_LT, OP_LE, OP_STARTS, OP_AND, OP_OR, OP_NOT };
enum property_kind { PROPERTY_TEXT, PROPERTY_TIME, PROPERTY_NUMBER };

struct property {
    const char *name;
    enum property_kind kind;
};

static const struct property properties[] = {
    {"id", PROPERTY_TEXT},
    {"incidentId", PROPERTY_NUMBER},
    {"investigationId", PROPERTY_NUMBER},
    {"alertCreationTime", PROPERTY_TIME},
    {"lastUpdateTime", PROPERTY_TIME},
    {"firstEventTime", PROPERTY_TIME},
    {"lastEventTime", PROPERTY_TIME},
    {"resolvedTime", PROPERTY_TIME},
    {"status", PROPERTY_TEXT},
    {"severity", PROPERTY_TEXT},
    {"category", PROPERTY_TEXT},
    {"assignedTo", PROPERTY_TEXT},
    {"detectionSource", PROPERTY_TEXT},
    {"machineId", PROPERTY_TEXT},
};

struct odata {
    enum op op;
    const struct odata *left, *right; /* OP_NOT: left only */
    const struct property *property;
    bool null;
    int64_t number; /* also a time */
    struct slice text;
};

struct reader {
    struct slice s; /* what is left */
    struct arena *a;
    int depth;
};

static const struct property *
property_find(struct slice name)
{
    for (size_t i = 0; i < sizeof(properties) / sizeof(properties[0]); i++)
        if (slice_eq_nocase(name, slice_of(properties[i].name)))
            return &properties[i];
    return NULL;
}

static bool
word_end(char c)
{
    return c == ' ' || c == '(' || c == ')' || c == '\'';
}

/* The next word without taking it. */
static struct slice
word_peek(struct reader *r)
{
    r->s = slice_trim(r->s);
    size_t n = 0;
    while (n < r->s.n && !word_end(r->s.p[n]))
        n++;
    return slice_sub(r->s, 0, n);
}

static bool
word_take(struct reader *r, const char *word)
{
    struct slice w = word_peek(r);
    if (!slice_eq(w, slice_of(word)))
        return false;
    r->s = slice_sub(r->s, w.n, r->s.n);
    return true;
}

static bool
mark_take(struct reader *r, char mark)
{
    r->s = slice_trim(r->s);
    if (r->s.n == 0 || r->s.p[0] != mark)
        return false;
    r->s = slice_sub(r->s, 1, r->s.n);
    return true;
}

/* A text in single quotes; two of them inside stand for one. */
static struct err
quoted_take(struct reader *r, struct slice *out)
{
    char *text = arena_alloc(r->a, r->s.n + 1);
    size_t n = 0;
    size_t at = 0;
    for (; text != NULL && at < r->s.n; at++) {
        if (r->s.p[at] == '\'' && (at + 1 == r->s.n || r->s.p[at + 1] != '\''))
            break;
        at += r->s.p[at] == '\'' ? 1 : 0;
        text[n++] = r->s.p[at];
    }
    if (text == NULL || at == r->s.n)
        return err_make(ERR_REJECT, "odata.syntax", "a quote is not closed");
    *out = (struct slice){text, n};
    r->s = slice_sub(r->s, at + 1, r->s.n);
    return ERR_OK;
}

static struct err
literal_take(struct reader *r, struct odata *f)
{
    if (mark_take(r, '\'')) {
        if (f->property->kind != PROPERTY_TEXT)
            return err_make(ERR_REJECT, "odata.literal", "%s takes no text in quotes",
                            f->property->name);
        return quoted_take(r, &f->text);
    }
    struct slice w = word_peek(r);
    bool good = false;
    if (slice_eq(w, SLICE("null")))
        good = f->null = true;
    else if (f->property->kind == PROPERTY_TIME) {
        if (w.n == 11 && w.p[10] == 'Z') /* "2018-08-01Z" */
            good = clock_parse(slice_sub(w, 0, 10), &f->number);
        else
            good = clock_parse(w, &f->number);
    } else if (f->property->kind == PROPERTY_NUMBER)
        good = slice_int(w, &f->number);
    if (!good)
        return err_make(ERR_REJECT, "odata.literal", "'%.*s' is no value for %s", SLICE_ARG(w),
                        f->property->name);
    r->s = slice_sub(r->s, w.n, r->s.n);
    return ERR_OK;
}

/* startswith(property,'text') */
static struct err
function_take(struct reader *r, struct odata *f)
{
    f->op = OP_STARTS;
    if (!mark_take(r, '('))
        return err_make(ERR_REJECT, "odata.syntax", "startswith takes a property and a text");
    struct slice rest = r->s;
    f->property = property_find(slice_trim(slice_split(&rest, ',')));
    if (f->property == NULL || f->property->kind != PROPERTY_TEXT)
        return err_make(ERR_REJECT, "odata.property", "startswith takes a property that is text");
    r->s = rest;
    if (!mark_take(r, '\''))
        return err_make(ERR_REJECT, "odata.literal", "startswith takes a text in quotes");
    struct err e = quoted_take(r, &f->text);
    if (e.kind == ERR_NONE && !mark_take(r, ')'))
        e = err_make(ERR_REJECT, "odata.syntax", "a bracket is not closed");
    return e;
}

static struct err
comparison_take(struct reader *r, struct odata *f)
{
    static const char *const ops[] = {"eq", "ne", "gt", "ge", "lt", "le"};
    struct slice name = word_peek(r);
    f->property = property_find(name);
    if (f->property == NULL)
        return err_make(ERR_REJECT, "odata.property", "no filter by '%.*s'", SLICE_ARG(name));
    r->s = slice_sub(r->s, name.n, r->s.n);
    for (unsigned i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
        if (word_take(r, ops[i])) {
            f->op = (enum op)i;
            return literal_take(r, f);
        }
    return err_make(ERR_REJECT, "odata.syntax", "an operator must follow %s", f->property->name);
}

static struct err or_take(struct reader *r, const struct odata **out);

static struct err
term_take(struct reader *r, const struct odata **out)
{
    struct odata *f = arena_alloc(r->a, sizeof(*f));
    if (f == NULL || ++r->depth > ODATA_DEPTH_MAX)
        return err_make(ERR_REJECT, "odata.depth", "the filter is nested too deep");
    struct err e;
    *out = f;
    if (word_take(r, "not")) {
        f->op = OP_NOT;
        e = term_take(r, &f->left);
    } else if (mark_take(r, '(')) {
        e = or_take(r, out);
        if (e.kind == ERR_NONE && !mark_take(r, ')'))
            e = err_make(ERR_REJECT, "odata.syntax", "a bracket is not closed");
    } else if (word_take(r, "startswith"))
        e = function_take(r, f);
    else
        e = comparison_take(r, f);
    r->depth--;
    return e;
}

/* left-associative chain of one operator over what `take` reads */
static struct err
chain_take(struct reader *r, const char *word, enum op op,
           struct err (*take)(struct reader *r, const struct odata **out), const struct odata **out)
{
    struct err e = take(r, out);
    while (e.kind == ERR_NONE && word_take(r, word)) {
        struct odata *f = arena_alloc(r->a, sizeof(*f));
        if (f == NULL)
            return err_make(ERR_REJECT, "odata.depth", "the filter is too long");
        f->op = op;
        f->left = *out;
        *out = f;
        e = take(r, &f->right);
    }
    return e;
}

static struct err
and_take(struct reader *r, const struct odata **out)
{
    return chain_take(r, "and", OP_AND, term_take, out);
}

static struct err
or_take(struct reader *r, const struct odata **out)
{
    return chain_take(r, "or", OP_OR, and_take, out);
}

struct err
odata_parse(struct slice text, struct arena *a, const struct odata **out)
{
    *out = NULL;
    struct reader r = {.s = slice_trim(text), .a = a};
    if (r.s.n == 0)
        return ERR_OK;
    struct err e = or_take(&r, out);
    if (e.kind == ERR_NONE && slice_trim(r.s).n != 0)
        e = err_make(ERR_REJECT, "odata.syntax", "unexpected '%.*s'",
                     SLICE_ARG(slice_sub(slice_trim(r.s), 0, 40)));
    return e;
}

bool
odata_uses(const struct odata *f, const char *property)
{
    if (f == NULL)
        return false;
    if (f->property != NULL)
        return strcmp(f->property->name, property) == 0;
    return odata_uses(f->left, property) || odata_uses(f->right, property);
}

int64_t
odata_time(struct json row, const char *property)
{
    int64_t t = CLOCK_NONE;
    if (!clock_parse(json_get_text(row, property), &t) && strcmp(property, "lastUpdateTime") == 0)
        return odata_time(row, "alertCreationTime");
    return t;
}

static bool
order_holds(enum op op, int order)
{
    switch (op) {
    case OP_EQ:
        return order == 0;
    case OP_NE:
        return order != 0;
    case OP_GT:
        return order > 0;
    case OP_GE:
        return order >= 0;
    case OP_LT:
        return order < 0;
    default:
        return order <= 0;
    }
}

static bool
comparison_match(const struct odata *f, struct json row)
{
    int64_t have = CLOCK_NONE;
    struct slice text = SLICE_NONE;
    bool null;
    if (f->property->kind == PROPERTY_TIME) {
        have = odata_time(row, f->property->name);
        null = have == CLOCK_NONE;
    } else if (f->property->kind == PROPERTY_NUMBER) {
        null = !json_get_int(row, f->property->name, &have);
    } else {
        text = json_get_text(row, f->property->name);
        null = text.p == NULL;
    }
    if (f->op == OP_STARTS)
        return slice_starts(text, f->text);
    if (null || f->null)
        return f->op == OP_NE ? null != f->null : f->op == OP_EQ && null == f->null;
    int order = (have > f->number) - (have < f->number);
    if (f->property->kind == PROPERTY_TEXT)
        order = slice_cmp(text, f->text);
    return order_holds(f->op, order);
}

bool
odata_match(const struct odata *f, struct json row)
{
    if (f == NULL)
        return true;
    switch (f->op) {
    case OP_AND:
        return odata_match(f->left, row) && odata_match(f->right, row);
    case OP_OR:
        return odata_match(f->left, row) || odata_match(f->right, row);
    case OP_NOT:
        return !odata_match(f->left, row);
    default:
        return comparison_match(f, row);
    }
}

struct err
odata_order_parse(struct slice text, struct odata_order *out)
{
    *out = (struct odata_order){"alertCreationTime", true};
    struct slice rest = slice_trim(text);
    if (rest.n == 0)
        return ERR_OK;
    struct slice name = slice_split(&rest, ' ');
    const struct property *p = property_find(name);
    rest = slice_trim(rest);
    bool descending = slice_eq(rest, SLICE("desc"));
    if (p == NULL || p->kind != PROPERTY_TIME ||
        (!descending && rest.n != 0 && !slice_eq(rest, SLICE("asc"))))
        return err_make(ERR_REJECT, "odata.order", "no order by '%.*s'", SLICE_ARG(text));
    *out = (struct odata_order){p->name, descending};
    return ERR_OK;
}
