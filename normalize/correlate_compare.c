#include "normalize/correlate_compare.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "normalize/correlate_diff.h"
#include "normalize/correlate_link.h"

enum { ROWS_MAX = 30, SIZES_MAX = 6, CHANGE_COLUMNS = 7, VALUE_COLUMNS = 3 };

/* A run: totals, and the changes of all tenants. */
struct compare {
    const struct correlate_log *log;
    const struct params *before, *after;
    struct arena *a; /* what is shown */
    struct diff total;
    struct tenant_diff {
        int64_t tenant;
        struct diff diff;
    } * tenants;
    size_t n_tenants;
};

static struct err
no_memory(void)
{
    return err_make(ERR_RETRY, "correlate.memory", "no memory for comparing");
}

/* ---- both runs */

static struct err
compare_tenant(struct compare *c, int64_t tenant)
{
    const struct correlate_tenant *t = &c->log->of[tenant];
    struct correlate_result was, is;
    struct arena *a = arena_new(SIZE_MAX / 2);
    struct tenant_diff *d = &c->tenants[c->n_tenants++];
    if (a == NULL)
        return no_memory();
    d->tenant = tenant;
    struct err e = correlate_link(c->log, t, c->before, false, a, &was);
    if (!e.kind)
        e = correlate_link(c->log, t, c->after, false, a, &is);
    if (!e.kind)
        e = correlate_diff(was.incident_of, is.incident_of, t->n_alerts, c->a, &d->diff);
    arena_free(a);
    c->total.alerts += d->diff.alerts;
    c->total.before += d->diff.before;
    c->total.after += d->diff.after;
    c->total.merged += d->diff.merged;
    c->total.split += d->diff.split;
    c->total.regrouped += d->diff.regrouped;
    c->total.moved += d->diff.moved;
    c->total.redirected += d->diff.redirected;
    c->total.n_changes += d->diff.n_changes;
    return e;
}

/* ---- parameters that differ */

struct values {
    struct arena *a;
    const char **cells; /* path, before, after */
    size_t n, cap, at;
    bool second, failed;
};

static void
take_value(void *ctx, const struct params_value *v)
{
    struct values *x = ctx;
    size_t row = x->at++;
    if (x->failed)
        return;
    if (x->second) {
        if (row < x->n)
            x->cells[row * VALUE_COLUMNS + 2] = slice_cstr(x->a, slice_of(v->value));
        return;
    }
    if (row == x->cap) {
        void *more = arena_grow(x->a, x->cells, sizeof(*x->cells) * VALUE_COLUMNS, &x->cap);
        x->failed = more == NULL;
        if (x->failed)
            return;
        x->cells = more;
    }
    x->cells[row * VALUE_COLUMNS] = slice_cstr(x->a, slice_of(v->path));
    x->cells[row * VALUE_COLUMNS + 1] = slice_cstr(x->a, slice_of(v->value));
    x->cells[row * VALUE_COLUMNS + 2] = NULL;
    x->n = row + 1;
}

/* The rows of parameters that are not the same; false: out of memory. */
static bool
values_differ(const struct compare *c, struct values *x)
{
    size_t n = 0;
    *x = (struct values){.a = c->a};
    params_each(c->before, take_value, x);
    x->second = true;
    x->at = 0;
    params_each(c->after, take_value, x);
    for (size_t i = 0; i < x->n && !x->failed; i++) {
        const char **row = &x->cells[i * VALUE_COLUMNS];
        x->failed = row[0] == NULL || row[1] == NULL || row[2] == NULL;
        if (!x->failed && strcmp(row[1], row[2]) != 0)
            memcpy(&x->cells[n++ * VALUE_COLUMNS], row, sizeof(*row) * VALUE_COLUMNS);
    }
    x->n = n;
    return !x->failed;
}

/* ---- for people */

/* "12 + 3 + 1" */
static const char *
sizes(struct arena *a, const struct diff_incident *list, size_t n)
{
    struct slice text = SLICE("");
    for (size_t i = 0; i < n && i < SIZES_MAX; i++)
        text = slice_printf(a, "%.*s%s%zu", SLICE_ARG(text), i > 0 ? " + " : "", list[i].alerts);
    if (n > SIZES_MAX)
        text = slice_printf(a, "%.*s + %zu more", SLICE_ARG(text), n - SIZES_MAX);
    return text.p != NULL ? slice_cstr(a, text) : NULL;
}

static struct slice
alert_name(const struct compare *c, const struct tenant_diff *d, const struct diff_change *change)
{
    return c->log->of[d->tenant].alerts[change->first].id;
}

static bool
change_row(const struct compare *c, const struct tenant_diff *d, const struct diff_change *x,
           const char **row)
{
    struct arena *a = c->a;
    row[0] = diff_kind_word(x->kind);
    row[1] = slice_cstr(a, names_text(c->log->tenants, d->tenant));
    row[2] = sizes(a, x->before, x->n_before);
    row[3] = sizes(a, x->after, x->n_after);
    row[4] = slice_cstr(a, slice_printf(a, "%zu", x->alerts));
    row[5] = slice_cstr(a, slice_printf(a, "%zu", x->moved));
    row[6] = slice_cstr(a, alert_name(c, d, x));
    for (size_t i = 0; i < CHANGE_COLUMNS; i++)
        if (row[i] == NULL)
            return false;
    return true;
}

/* The changes with the most alerts moved; each tenant's are sorted already. */
static bool
change_rows(const struct compare *c, const char **cells, size_t *n)
{
    size_t *next = arena_alloc(c->a, sizeof(*next) * (c->n_tenants + 1));
    if (next == NULL)
        return false;
    for (*n = 0; *n < ROWS_MAX && *n < c->total.n_changes; ++*n) {
        size_t best = c->n_tenants;
        for (size_t i = 0; i < c->n_tenants; i++) {
            const struct diff *d = &c->tenants[i].diff;
            if (next[i] < d->n_changes &&
                (best == c->n_tenants ||
                 d->changes[next[i]].moved > c->tenants[best].diff.changes[next[best]].moved))
                best = i;
        }
        const struct tenant_diff *d = &c->tenants[best];
        if (!change_row(c, d, &d->diff.changes[next[best]++], cells + *n * CHANGE_COLUMNS))
            return false;
    }
    return true;
}

static struct err
print_tables(const struct cli *cli, const struct compare *c, const struct values *x)
{
    static const char *const value_heads[] = {"PARAMETER", "NOW", "NEW", NULL};
    static const char *const change_heads[] = {"CHANGE", "TENANT", "NOW",         "NEW",
                                               "ALERTS", "MOVED",  "FIRST MOVED", NULL};
    const struct diff *t = &c->total;
    const char **cells = arena_alloc(c->a, sizeof(*cells) * ROWS_MAX * CHANGE_COLUMNS);
    size_t n;
    if (cells == NULL || !change_rows(c, cells, &n))
        return no_memory();
    if (x->n > 0)
        cli_table(&(struct cli_table){value_heads, x->cells, x->n});
    printf("%s%zu alerts of %zu tenant%s: %zu incidents now, %zu with the new parameters\n",
           x->n > 0 ? "\n" : "", t->alerts, c->n_tenants, c->n_tenants == 1 ? "" : "s", t->before,
           t->after);
    printf("%zu alerts would be in another incident, %zu incidents would be redirected\n", t->moved,
           t->redirected);
    printf("%zu merged, %zu split, %zu regrouped\n", t->merged, t->split, t->regrouped);
    if (n == 0)
        return ERR_OK;
    printf("\n");
    cli_table(&(struct cli_table){change_heads, cells, n});
    if (t->n_changes > n)
        cli_say(cli, "and %zu changes more, which --json has", t->n_changes - n);
    return ERR_OK;
}

/* ---- for programs */

static struct json_out *
incidents_json(const struct compare *c, const struct tenant_diff *d,
               const struct diff_incident *list, size_t n)
{
    struct json_out *out = json_out_array(c->a);
    struct slice tenant = names_text(c->log->tenants, d->tenant);
    for (size_t i = 0; i < n; i++) {
        struct json_out *o = json_out_object(c->a);
        json_out_text(o, "incident",
                      slice_printf(c->a, "%.*s/%lld", SLICE_ARG(tenant), (long long)list[i].id));
        json_out_int(o, "alerts", (int64_t)list[i].alerts);
        json_out_add(out, o);
    }
    return out;
}

static struct json_out *
change_json(const struct compare *c, const struct tenant_diff *d, const struct diff_change *x)
{
    struct json_out *o = json_out_object(c->a);
    json_out_text(o, "change", slice_of(diff_kind_word(x->kind)));
    json_out_text(o, "tenant", names_text(c->log->tenants, d->tenant));
    json_out_int(o, "alerts", (int64_t)x->alerts);
    json_out_int(o, "moved", (int64_t)x->moved);
    json_out_text(o, "firstMoved", alert_name(c, d, x));
    json_out_set(o, "now", incidents_json(c, d, x->before, x->n_before));
    json_out_set(o, "new", incidents_json(c, d, x->after, x->n_after));
    return o;
}

static struct json_out *
summary_json(const struct compare *c)
{
    const struct diff *t = &c->total;
    const struct {
        const char *name;
        size_t value;
    } rows[] = {
        {"tenants", c->n_tenants},   {"alerts", t->alerts},
        {"incidentsNow", t->before}, {"incidentsNew", t->after},
        {"alertsMoved", t->moved},   {"incidentsRedirected", t->redirected},
        {"merged", t->merged},       {"split", t->split},
        {"regrouped", t->regrouped},
    };
    struct json_out *o = json_out_object(c->a);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        json_out_int(o, rows[i].name, (int64_t)rows[i].value);
    return o;
}

static struct err
print_json(const struct compare *c, const struct values *x)
{
    struct json_out *o = json_out_object(c->a), *values = json_out_array(c->a),
                    *changes = json_out_array(c->a);
    json_out_set(o, "summary", summary_json(c));
    for (size_t i = 0; i < x->n; i++) {
        struct json_out *value = json_out_object(c->a);
        const char **row = &x->cells[i * VALUE_COLUMNS];
        json_out_text(value, "parameter", slice_of(row[0]));
        json_out_set_raw(value, "now", slice_of(row[1]));
        json_out_set_raw(value, "new", slice_of(row[2]));
        json_out_add(values, value);
    }
    json_out_set(o, "parameters", values);
    for (size_t i = 0; i < c->n_tenants; i++)
        for (size_t k = 0; k < c->tenants[i].diff.n_changes; k++)
            json_out_add(changes, change_json(c, &c->tenants[i], &c->tenants[i].diff.changes[k]));
    json_out_set(o, "changes", changes);
    return json_out_say(o, c->a);
}

struct err
correlate_compare(const struct cli *cli, const struct correlate_log *log,
                  const struct params *before, const struct params *after)
{
    struct compare c = {.log = log, .before = before, .after = after, .a = arena_new(SIZE_MAX / 2)};
    struct values x;
    int64_t n = names_count(log->tenants);
    struct err e = no_memory();
    if (c.a != NULL)
        c.tenants = arena_alloc(c.a, sizeof(*c.tenants) * (size_t)(n + 1));
    if (c.tenants != NULL)
        e = ERR_OK;
    for (int64_t i = 0; !e.kind && i < n; i++)
        e = compare_tenant(&c, i);
    if (!e.kind && !values_differ(&c, &x))
        e = no_memory();
    if (!e.kind)
        e = cli_json(cli) ? print_json(&c, &x) : print_tables(cli, &c, &x);
    if (!e.kind && fflush(stdout) != 0)
        e = err_make(ERR_STOP, "correlate.write", "standard output: %s", strerror(errno));
    arena_free(c.a);
    return e;
}
