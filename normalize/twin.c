#include "normalize/twin.h"

#include <stdlib.h>

/* ---- what a document says */

int64_t
twin_moment(const struct alert *al)
{
    return al->created < al->first_activity ? al->created : al->first_activity;
}

static struct slice
first_label(struct slice s, char by)
{
    return slice_split(&s, by);
}

static void
add_user(struct twin_view *v, const struct evidence *ev, struct arena *a)
{
    if (v->n_users == TWIN_NAMES_MAX)
        return;
    struct twin_name *u = &v->users[v->n_users];
    *u = (struct twin_name){
        .whole = alert_fold_upn(ev->upn, a),
        .short_ = {slice_lower(a, ev->account_name), slice_lower(a, ev->display_name)},
        .acts = ev->role == ROLE_SOURCE};
    u->short_[2] = first_label(u->whole, '@');
    v->n_users += u->whole.n + u->short_[0].n + u->short_[1].n > 0 ? 1 : 0;
}

static void
add_device(struct twin_view *v, const struct evidence *ev, struct arena *a)
{
    if (v->n_devices == TWIN_NAMES_MAX)
        return;
    struct slice full = alert_fold_host(ev->dns_name.n > 0 ? ev->dns_name : ev->host_name, a);
    struct twin_name *d = &v->devices[v->n_devices];
    *d = (struct twin_name){.short_ = {first_label(full, '.')}, .acts = ev->role == ROLE_SOURCE};
    if (d->short_[0].n < full.n)
        d->whole = full;
    v->n_devices += d->short_[0].n > 0 ? 1 : 0;
}

struct err
twin_view_of(const struct alert *al, int32_t source, struct slice native_id, struct slice detection,
             struct arena *a, struct twin_view *out)
{
    *out = (struct twin_view){.source = source,
                              .native_id = native_id,
                              .detection = detection,
                              .moment = twin_moment(al)};
    for (size_t i = 0; i < al->n_evidence; i++) {
        const struct evidence *ev = &al->evidence[i];
        if (ev->type == EVIDENCE_USER)
            add_user(out, ev, a);
        if (ev->type == EVIDENCE_DEVICE)
            add_device(out, ev, a);
        if (ev->type == EVIDENCE_IP && out->n_addresses < TWIN_NAMES_MAX)
            out->addresses[out->n_addresses++] = alert_fold_ip(ev->ip, a);
    }
    return arena_short(a) ? err_make(ERR_RETRY, "normalize.memory", "no memory left") : ERR_OK;
}

/* ---- do they speak of the same? */

static bool
same_text(struct slice x, struct slice y)
{
    return x.n > 0 && slice_eq(x, y);
}

/* Two whole names that differ are two things, whatever their short ones are. */
static bool
same_name(const struct twin_name *x, const struct twin_name *y)
{
    if (x->whole.n > 0 && y->whole.n > 0)
        return slice_eq(x->whole, y->whole);
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < 3; k++)
            if (same_text(x->short_[i], y->short_[k]))
                return true;
    return false;
}

static bool
any_acts(const struct twin_name *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (list[i].acts)
            return true;
    return false;
}

enum answer { SAYS_NOTHING, SAYS_NO, SAYS_YES };

/* Where both tell who acted, the others do not count: the domain controller is in every alert. */
static enum answer
compare(const struct twin_name *x, size_t nx, const struct twin_name *y, size_t ny)
{
    bool acting = any_acts(x, nx) && any_acts(y, ny);
    for (size_t i = 0; i < nx; i++)
        for (size_t k = 0; k < ny; k++)
            if ((!acting || (x[i].acts && y[k].acts)) && same_name(&x[i], &y[k]))
                return SAYS_YES;
    return nx == 0 || ny == 0 ? SAYS_NOTHING : SAYS_NO;
}

static bool
share_address(const struct twin_view *x, const struct twin_view *y)
{
    for (size_t i = 0; i < x->n_addresses; i++)
        for (size_t k = 0; k < y->n_addresses; k++)
            if (same_text(x->addresses[i], y->addresses[k]))
                return true;
    return false;
}

bool
twin_may_be(const struct twin_view *x, const struct twin_view *y)
{
    if (x->source == y->source || !slice_eq(x->detection, y->detection))
        return false;
    enum answer users = compare(x->users, x->n_users, y->users, y->n_users);
    enum answer devices = compare(x->devices, x->n_devices, y->devices, y->n_devices);
    if (devices == SAYS_NOTHING && share_address(x, y))
        devices = SAYS_YES; /* a sensor that could not resolve it gives the address */
    return users != SAYS_NO && devices != SAYS_NO && (users == SAYS_YES || devices == SAYS_YES);
}

/* ---- who is nearest */

static int64_t
distance(const struct twin_view *x, const struct twin_view *y)
{
    return x->moment < y->moment ? y->moment - x->moment : x->moment - y->moment;
}

static void
offer(struct twin_view *to, struct twin_view *other)
{
    const struct twin_view *best = to->nearest;
    if (best != NULL) {
        int64_t now = distance(to, best), then = distance(to, other);
        if (now < then || (now == then && slice_cmp(best->native_id, other->native_id) <= 0))
            return;
    }
    to->nearest = other;
}

static int
view_cmp(const void *x, const void *y)
{
    const struct twin_view *a = *(struct twin_view *const *)x, *b = *(struct twin_view *const *)y;
    int order = slice_cmp(a->detection, b->detection);
    if (order == 0)
        order = (a->moment > b->moment) - (a->moment < b->moment);
    if (order == 0)
        order = (a->source > b->source) - (a->source < b->source);
    return order != 0 ? order : slice_cmp(a->native_id, b->native_id);
}

void
twin_match(struct twin_view **list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        list[i]->nearest = list[i]->mate = NULL;
    if (n > 0)
        qsort(list, n, sizeof(struct twin_view *), view_cmp);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = i + 1; k < n && slice_eq(list[i]->detection, list[k]->detection) &&
                               distance(list[i], list[k]) <= TWIN_APART;
             k++) {
            if (!twin_may_be(list[i], list[k]))
                continue;
            offer(list[i], list[k]);
            offer(list[k], list[i]);
        }
    }
    for (size_t i = 0; i < n; i++)
        if (list[i]->nearest != NULL && list[i]->nearest->nearest == list[i])
            list[i]->mate = list[i]->nearest;
}
