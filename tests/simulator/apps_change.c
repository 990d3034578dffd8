/* Changes to alerts of Cloud App Security: read, closed, aggregated. Ref: sources.md 4.2, 4.5. */
#include <string.h>

#include "tests/simulator/apps.h"
#include "tests/simulator/apps_filter.h"
#include "tests/simulator/edit.h"

enum { EDITS_MAX = 8 };

static struct slice
milli(int64_t t, struct arena *a)
{
    struct clock_text text = clock_format_full(t);
    return slice_printf(a, "\"%.23sZ\"", text.s);
}

static struct delivery *
alert_change(struct sim_call *c, struct delivery *d, const struct edit *edits, size_t n)
{
    struct plan *p = &c->tenant->plan;
    struct json row = plan_row(p, d, c->r->arena);
    struct slice text = slice_dup(p->arena, edit_object(row, edits, n, c->r->arena));
    return text.p != NULL ? plan_replace(p, d, text, sim_now(c->sim)) : NULL;
}

/* Closing shows itself in resolveTime only; the alert's own time stays. */
static void
alert_close(struct sim_call *c, struct delivery *d, const char *resolution, struct slice comment)
{
    struct arena *a = c->r->arena;
    struct edit edits[EDITS_MAX] = {
        {"resolutionStatusValue", slice_of(resolution)},
        {"statusValue", SLICE("2")},
        {"is_open", SLICE("false")},
        {"resolveTime", milli(sim_now(c->sim), a)},
        {"handledByUser", SLICE("\"administrator@contoso.com\"")},
        {"comment", comment.p != NULL ? edit_text(comment, a) : SLICE("\"\"")},
    };
    (void)alert_change(c, d, edits, 6);
}

void
apps_touch(struct sim_call *c, struct delivery *d)
{
    struct arena *a = c->r->arena;
    struct dice dice = dice_of(c->sim->scenario->seed, c->sim->requests[SIM_APPS], 7);
    struct edit moved[] = {
        {"timestamp", slice_printf(a, "%lld", (long long)(sim_now(c->sim) / 10000))}};
    const struct edit seen[] = {{"statusValue", SLICE("1")}};
    const struct edit graver[] = {{"severityValue", SLICE("2")}, {"threatScore", SLICE("91")}};
    switch (dice_below(&dice, 4)) {
    case 0:
        (void)alert_change(c, d, moved, 1);
        break;
    case 1:
        (void)alert_change(c, d, seen, 1);
        break;
    case 2:
        (void)alert_change(c, d, graver, 2);
        break;
    default:
        alert_close(c, d, "5", SLICE_NONE);
    }
}

/* ---- calls */

struct closing {
    const char *name;       /* what follows alerts/ */
    const char *counted;    /* member of the answer */
    const char *resolution; /* resolutionStatusValue */
    const char *reasons;    /* reasonId that it takes; NULL: none is asked */
};

static const struct closing closings[] = {
    {"close_benign", "closed_benign", "4", "2456"},
    {"close_false_positive", "closed_false_positive", "3", "0134"},
    {"close_true_positive", "closed_true_positive", "5", NULL},
    {"dismiss_bulk", "dismissed", "1", NULL},
    {"resolve", "resolved", "2", NULL},
};

static const struct closing *
closing_find(struct slice name)
{
    for (size_t i = 0; i < sizeof(closings) / sizeof(closings[0]); i++)
        if (slice_eq(name, slice_of(closings[i].name)))
            return &closings[i];
    return NULL;
}

/* The ids of filters.id.eq that no alert has. */
static struct json_out *
ids_missing(struct sim_call *c, struct json filters, size_t *n)
{
    struct plan *p = &c->tenant->plan;
    struct json_out *list = json_out_array(c->r->arena);
    struct slice name;
    struct json item;
    *n = 0;
    for (struct json_iter it = json_items(json_path(filters, "id.eq"));
         json_next(&it, &name, &item);) {
        bool found = false;
        for (size_t i = 0; !found && i < p->n; i++)
            found = plan_shows(&p->items[i], SIM_APPS) &&
                    slice_eq(p->items[i].native_id, json_text(item));
        if (!found) {
            json_out_add_text(list, json_text(item));
            ++*n;
        }
    }
    return list;
}

static bool
reason_good(const struct closing *how, struct json doc)
{
    int64_t reason = 0;
    if (how->reasons == NULL || !json_get_int(doc, "reasonId", &reason))
        return true;
    return reason >= 0 && reason <= 9 && strchr(how->reasons, '0' + (int)reason) != NULL;
}

static void
close_answer(struct sim_call *c, const struct closing *how)
{
    struct plan *p = &c->tenant->plan;
    struct apps_body body;
    size_t missing = 0;
    int64_t closed = 0;
    struct err e = apps_body_read(c->r, &body);
    if (e.kind == ERR_NONE)
        e = apps_filter_check(body.filters);
    if (e.kind || !reason_good(how, body.doc)) {
        apps_error(c->r, 400, e.kind ? e.text : "no such reasonId");
        return;
    }
    struct json_out *absent = ids_missing(c, body.filters, &missing);
    size_t n = p->n; /* new versions come behind */
    for (size_t i = 0; i < n; i++) {
        struct delivery *d = &p->items[i];
        if (!plan_shows(d, SIM_APPS) ||
            !apps_filter_match(body.filters, plan_row(p, d, c->r->arena), sim_now(c->sim) / 10000))
            continue;
        alert_close(c, d, how->resolution, json_get_text(body.doc, "comment"));
        closed++;
    }
    struct json_out *o = json_out_object(c->r->arena);
    json_out_int(o, how->counted, closed);
    if (missing > 0)
        json_out_set(o, "alertsNotFound", absent);
    sim_send(c->r, 200, "application/json", json_out_print(o, c->r->arena), NULL);
}

/* {_id}/read, unread, dismiss. */
static bool
single_change(struct sim_call *c, struct slice id, struct slice what)
{
    struct plan *p = &c->tenant->plan;
    struct delivery *d = NULL;
    const struct edit seen[] = {
        {"statusValue", slice_eq(what, SLICE("read")) ? SLICE("1") : SLICE("0")}};
    for (size_t i = 0; d == NULL && i < p->n; i++)
        if (plan_shows(&p->items[i], SIM_APPS) && slice_eq(p->items[i].native_id, id))
            d = &p->items[i];
    if (d == NULL)
        return false;
    if (slice_eq(what, SLICE("dismiss")))
        alert_close(c, d, "1", SLICE_NONE);
    else if (slice_eq(what, SLICE("read")) || slice_eq(what, SLICE("unread")))
        (void)alert_change(c, d, seen, 1);
    else
        return false;
    sim_send(c->r, 200, "application/json", SLICE("{}"), NULL);
    return true;
}

bool
apps_change(struct sim_call *c, struct slice path)
{
    struct slice rest = path;
    struct slice head = slice_split(&rest, '/');
    const struct closing *how = closing_find(head);
    if (how != NULL && rest.n == 0) {
        close_answer(c, how);
        return true;
    }
    return single_change(c, head, slice_split(&rest, '/'));
}
