#include "tests/simulator/mail_feed.h"

#include <stdio.h>
#include <string.h>

#include "common/crypto.h"

enum { PAGES_MAX = 999999, HALF = 900000 };

const char *const mail_types[MAIL_TYPES] = {"Audit.General", "Audit.AzureActiveDirectory",
                                            "Audit.Exchange", "Audit.SharePoint", "DLP.All"};

static const struct mail_refusal granted = {0, NULL, NULL};

void
mail_feed_init(struct mail_feed *f, struct slice tenant)
{
    *f = (struct mail_feed){.tenant = tenant};
    for (size_t i = 0; i < MAIL_TYPES; i++)
        f->subs[i].stopped = CLOCK_NONE;
}

size_t
mail_type(struct slice name)
{
    size_t i = 0;
    while (i < MAIL_TYPES && !slice_eq_nocase(name, slice_of(mail_types[i])))
        i++;
    return i;
}

/* ---- subscriptions */

static bool
same_hook(const struct mail_hook *have, const struct mail_hook *want)
{
    if (want == NULL)
        return have->status == MAIL_HOOK_NONE;
    return have->status == MAIL_HOOK_ENABLED && strcmp(have->address, want->address) == 0 &&
           strcmp(have->auth_id, want->auth_id) == 0 &&
           strcmp(have->expiration, want->expiration) == 0;
}

struct mail_refusal
mail_start_check(const struct mail_feed *f, size_t type, const struct mail_hook *hook, int64_t now)
{
    const struct mail_subscription *s = &f->subs[type];
    if (s->on && same_hook(&s->hook, hook))
        return (struct mail_refusal){400, "AF20024",
                                     "The subscription is already enabled. No property change."};
    if (!s->on && s->stopped != CLOCK_NONE && now < s->stopped + f->traits.revive_s * CLOCK_SECOND)
        return (struct mail_refusal){400, "AF20023",
                                     "The subscription was disabled by a tenant admin."};
    return granted;
}

void
mail_start(struct mail_feed *f, size_t type, const struct mail_hook *hook, int64_t now)
{
    struct mail_subscription *s = &f->subs[type];
    if (type == 0 && s->known && !s->on && f->n_off > 0)
        f->off[f->n_off - 1].until = now;
    s->known = s->on = true;
    s->hook = (struct mail_hook){0};
    if (hook == NULL)
        return;
    s->hook = *hook;
    s->hook.status = MAIL_HOOK_ENABLED;
    s->hook.since = now;
    s->hook.failures = 0;
    s->hook.next_try = now;
}

void
mail_stop(struct mail_feed *f, size_t type, int64_t now)
{
    struct mail_subscription *s = &f->subs[type];
    if (!s->on)
        return;
    s->on = false;
    s->stopped = now;
    s->hook = (struct mail_hook){0};
    if (type != 0)
        return;
    if (f->n_off == MAIL_OFF_MAX) /* the oldest is long over */
        memmove(&f->off[0], &f->off[1], --f->n_off * sizeof(f->off[0]));
    f->off[f->n_off].from = now;
    f->off[f->n_off++].until = INT64_MAX;
}

struct mail_refusal
mail_content_check(const struct mail_feed *f, size_t type)
{
    const struct mail_subscription *s = &f->subs[type];
    if (s->on)
        return granted;
    if (s->known)
        return (struct mail_refusal){400, "AF20023",
                                     "The subscription was disabled by a tenant admin."};
    return (struct mail_refusal){400, "AF20022",
                                 "No subscription found for the specified content type."};
}

void
mail_hook_look(struct mail_hook *hook, int64_t now)
{
    if (hook->status == MAIL_HOOK_ENABLED && hook->expires != CLOCK_NONE && hook->expires <= now)
        hook->status = MAIL_HOOK_EXPIRED;
}

const char *
mail_hook_word(const struct mail_hook *hook)
{
    static const char *const words[] = {"", "enabled", "disabled", "expired"};
    return words[hook->status];
}

/* ---- windows */

static bool
window_time(struct slice text, int64_t *out)
{
    char whole[24];
    if (text.n > 0 && text.p[text.n - 1] == 'Z')
        text.n--;
    if (text.n != 10 && text.n != 16 && text.n != 19)
        return false;
    if (text.n > 10 && text.p[10] != 'T')
        return false;
    int n = snprintf(whole, sizeof(whole), "%.*s%s", SLICE_ARG(text), text.n == 16 ? ":00" : "");
    return clock_parse((struct slice){whole, (size_t)n}, out);
}

struct mail_refusal
mail_window(struct slice from, struct slice to, int64_t now, struct mail_window *out)
{
    if (from.p == NULL && to.p == NULL) {
        *out = (struct mail_window){now - MAIL_DAY, now + CLOCK_SECOND};
        return granted;
    }
    if (from.p == NULL || to.p == NULL)
        return (struct mail_refusal){
            400, "AF20030",
            "Start time and end time must both be specified (or both omitted) and must be less "
            "than or equal to 24 hours apart, with the start time no more than 7 days in the "
            "past."};
    if (!window_time(from, &out->from) || !window_time(to, &out->to))
        return (struct mail_refusal){
            400, "AF20002", "Invalid parameter type: startTime or endTime, expected datetime."};
    if (out->to <= out->from)
        return (struct mail_refusal){400, "AF20055", "Start time must be before end time."};
    if (out->to - out->from > MAIL_DAY)
        return (struct mail_refusal){400, "AF20030",
                                     "Start time and end time must be at most 24 hours apart."};
    if (out->from < now - 7 * MAIL_DAY - MAIL_HOUR)
        return (struct mail_refusal){400, "AF20030",
                                     "The start time must be no more than 7 days in the past."};
    return granted;
}

/* ---- blobs */

/* What came while the subscription was off is available when it is on again. */
static int64_t
after_off(const struct mail_feed *f, int64_t t)
{
    for (size_t i = 0; i < f->n_off; i++)
        if (t >= f->off[i].from && t < f->off[i].until)
            t = f->off[i].until;
    return t;
}

struct mail_atom *
mail_atoms(const struct mail_feed *f, const struct plan *p, int64_t now, struct arena *a, size_t *n)
{
    struct mail_atom *atoms = arena_alloc(a, (p->blobs + 1) * sizeof(*atoms));
    *n = p->blobs + 1;
    for (size_t i = 0; atoms != NULL && i < *n; i++)
        atoms[i] = (struct mail_atom){i, CLOCK_NONE, 0};
    for (size_t i = 0; atoms != NULL && i < p->n; i++) {
        const struct delivery *d = &p->items[i];
        if (d->source != SIM_MAIL || d->blob == 0 || d->blob > p->blobs)
            continue;
        struct mail_atom *m = &atoms[d->blob];
        int64_t at = d->released != CLOCK_NONE ? after_off(f, d->released) : INT64_MAX;
        if (at > now) {
            m->number = 0; /* it is there with the last of its records */
            continue;
        }
        if (at - d->late > m->created)
            m->created = at - d->late;
        m->n++;
    }
    for (size_t i = 0; atoms != NULL && i < *n; i++)
        if (atoms[i].n == 0)
            atoms[i].number = 0;
    return atoms;
}

static size_t
window_atoms(const struct mail_window *w, struct mail_atom *atoms, size_t n_atoms,
             const struct mail_atom **out)
{
    size_t n = 0;
    for (size_t i = 1; i < n_atoms; i++) {
        const struct mail_atom *m = &atoms[i];
        if (m->number == 0 || m->created < w->from || m->created >= w->to)
            continue;
        size_t at = n++;
        for (; at > 0 && out[at - 1]->created > m->created; at--)
            out[at] = out[at - 1];
        out[at] = m;
    }
    return n;
}

struct mail_blob *
mail_list(const struct mail_feed *f, const struct mail_window *w, struct mail_atom *atoms,
          size_t n_atoms, struct arena *a, size_t *n)
{
    const struct mail_atom **in = arena_alloc(a, n_atoms * sizeof(*in));
    struct mail_blob *out = arena_alloc(a, n_atoms * 2 * sizeof(*out));
    *n = 0;
    if (in == NULL || out == NULL)
        return NULL;
    size_t n_in = window_atoms(w, atoms, n_atoms, in);
    int64_t how = f->traits.cut != 0 ? w->from / CLOCK_SECOND % 3 : 0;
    for (size_t i = 0; i < n_in; i++) {
        const struct mail_atom *m = in[i];
        if (how == 1 && m->n > 1) {
            out[(*n)++] = (struct mail_blob){m, NULL, 1, m->created};
            out[(*n)++] = (struct mail_blob){m, NULL, 2, m->created};
        } else if (how == 2 && i + 1 < n_in) {
            out[(*n)++] = (struct mail_blob){m, in[i + 1], 0, in[i + 1]->created};
            i++;
        } else {
            out[(*n)++] = (struct mail_blob){m, NULL, 0, m->created};
        }
    }
    return out;
}

/* 23 digits: the time to the millisecond, and a number. */
static void
stamp(int64_t created, size_t number, char out[32])
{
    struct clock_text t = clock_format_full(created);
    snprintf(out, 32, "%.4s%.2s%.2s%.2s%.2s%.2s%.3s%06zu", t.s, t.s + 5, t.s + 8, t.s + 11,
             t.s + 14, t.s + 17, t.s + 20, number);
}

static struct slice
id_of_2015(const struct mail_feed *f, const struct mail_blob *b, size_t second, struct arena *a)
{
    uint8_t sha[CRYPTO_SHA256];
    char text[96];
    char bare[33];
    size_t n = 0;
    for (size_t i = 0; i < f->tenant.n && n < 32; i++)
        if (f->tenant.p[i] != '-')
            bare[n++] = f->tenant.p[i];
    int length = snprintf(text, sizeof(text), "%.*s %zu %zu", (int)n, bare, b->a->number, second);
    crypto_sha256((struct slice){text, (size_t)length}, sha);
    struct clock_text t = clock_format_full(b->created);
    return slice_printf(a, "492638%06zu$492638%06zu$%.*saud%.4s%.2s%.2s%.2s$%.*s$04", b->a->number,
                        second, (int)n, bare, t.s, t.s + 5, t.s + 8, t.s + 11,
                        SLICE_ARG(slice_hex(a, (struct slice){(const char *)sha, 16})));
}

struct slice
mail_blob_id(const struct mail_feed *f, const struct mail_blob *b, struct arena *a)
{
    char first[32];
    char last[32];
    size_t second = b->b != NULL   ? b->b->number
                    : b->part != 0 ? HALF + (size_t)b->part
                                   : b->a->number;
    if (b->a->number % 3 == 1)
        return id_of_2015(f, b, second, a);
    stamp(b->a->created, b->a->number, first);
    stamp(b->created, second, last);
    return slice_printf(a, "%s$%s$audit_general$Audit_General%s", first, last,
                        b->a->number % 3 == 2 ? "" : "$emea0029$emea0029");
}

/* The six digits before the first '$' at or after from. */
static bool
id_number(struct slice part, size_t *out)
{
    int64_t n = 0;
    if (part.n < 6 || !slice_int(slice_sub(part, part.n - 6, 6), &n) || n < 1)
        return false;
    *out = (size_t)n;
    return true;
}

static struct mail_refusal
expired(const struct mail_blob *b)
{
    static const int statuses[] = {410, 404, 400};
    return (struct mail_refusal){
        statuses[b->a->number % 3], "AF20051",
        "Content requested with the key has already expired. Content older "
        "than 7 days cannot be retrieved."};
}

struct mail_refusal
mail_blob_find(const struct mail_feed *f, struct slice id, const struct mail_atom *atoms,
               size_t n_atoms, int64_t now, struct arena *a, struct mail_blob *out)
{
    struct slice rest = id;
    struct slice one = slice_split(&rest, '$');
    struct slice two = slice_split(&rest, '$');
    size_t first = 0;
    size_t second = 0;
    if (!id_number(one, &first) || !id_number(two, &second) || rest.p == NULL)
        return (struct mail_refusal){400, "AF20052", "The content ID in the URL is invalid."};
    struct mail_refusal none = {404, "AF20050", "The specified content does not exist."};
    bool half = second > HALF && second <= HALF + 2;
    if (first >= n_atoms || atoms[first].number == 0 ||
        (!half && (second >= n_atoms || atoms[second].number == 0)))
        return none;
    *out = (struct mail_blob){&atoms[first], NULL, half ? (int)(second - HALF) : 0,
                              atoms[first].created};
    if (!half && second != first) {
        out->b = &atoms[second];
        out->created = atoms[second].created;
    }
    if (!slice_eq(mail_blob_id(f, out, a), id))
        return none;
    return out->created < now - 7 * MAIL_DAY ? expired(out) : granted;
}

static size_t
atom_records(const struct plan *p, const struct mail_atom *m, int part, struct delivery **out)
{
    size_t half = (m->n + 1) / 2;
    size_t seen = 0;
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++) {
        struct delivery *d = &p->items[i];
        if (d->source != SIM_MAIL || d->blob != m->number)
            continue;
        bool first = seen++ < half;
        if (part == 0 || (part == 1) == first)
            out[n++] = d;
    }
    return n;
}

struct delivery **
mail_blob_records(const struct mail_feed *f, const struct plan *p, const struct mail_blob *b,
                  struct arena *a, size_t *n)
{
    size_t room = b->a->n + (b->b != NULL ? b->b->n : 0);
    struct delivery **out = arena_alloc(a, (room + 1) * sizeof(struct delivery *));
    *n = 0;
    if (out == NULL)
        return NULL;
    *n = atom_records(p, b->a, b->part, out);
    if (b->b != NULL)
        *n += atom_records(p, b->b, 0, out + *n);
    for (size_t i = 0; f->traits.cut != 0 && i < *n / 2; i++) {
        struct delivery *d = out[i];
        out[i] = out[*n - 1 - i];
        out[*n - 1 - i] = d;
    }
    return out;
}

struct slice
mail_filler(const struct mail_feed *f, const struct mail_blob *b, struct arena *a)
{
    static const char form[] =
        ",{\"CreationTime\":\"%.19s\",\"Id\":\"%08zx-%04zx-4f11-8e00-%012zx\",\"Operation\":"
        "\"FileAccessed\",\"OrganizationId\":\"%.*s\",\"RecordType\":6,\"UserKey\":\"i:0h.f|m|1003"
        "@live.com\",\"UserType\":0,\"Version\":1,\"Workload\":\"SharePoint\",\"UserId\":"
        "\"filler@contoso.com\",\"ClientIP\":\"198.51.100.77\",\"ObjectId\":\"https://contoso."
        "sharepoint.com/sites/all/Shared Documents/report %zu.docx\",\"ItemType\":\"File\","
        "\"EventSource\":\"SharePoint\",\"SourceFileExtension\":\"docx\"}";
    enum { ROOM = sizeof(form) + 200 };
    int64_t every = f->traits.filler_every;
    if (every <= 0 || (int64_t)b->a->number % every != 0 || f->traits.filler_bytes <= 0)
        return SLICE("");
    size_t want = (size_t)f->traits.filler_bytes;
    char *p = arena_alloc(a, want + ROOM);
    struct clock_text t = clock_format(b->created);
    size_t n = 0;
    for (size_t i = 0; p != NULL && n < want; i++)
        n += (size_t)snprintf(p + n, ROOM, form, t.s, b->a->number, (size_t)b->part, i,
                              SLICE_ARG(f->tenant), i);
    return p != NULL ? (struct slice){p, n} : SLICE_NONE;
}

/* ---- pages */

/* Six digits that only this window and page have. */
static unsigned
page_sum(const struct mail_feed *f, const struct mail_window *w, size_t page, int64_t minted_s)
{
    char text[160];
    uint8_t sha[CRYPTO_SHA256];
    int n = snprintf(text, sizeof(text), "%.*s %lld %lld %zu %lld", SLICE_ARG(f->tenant),
                     (long long)w->from, (long long)w->to, page, (long long)minted_s);
    crypto_sha256((struct slice){text, (size_t)n}, sha);
    return ((unsigned)sha[0] << 16 | (unsigned)sha[1] << 8 | sha[2]) % 1000000;
}

struct slice
mail_page_name(const struct mail_feed *f, const struct mail_window *w, size_t page, int64_t now,
               struct arena *a)
{
    int64_t minted_s = now / CLOCK_SECOND;
    return slice_printf(a, "%010lldR%06zu%06u", (long long)minted_s, page,
                        page_sum(f, w, page, minted_s));
}

struct mail_refusal
mail_page_find(const struct mail_feed *f, const struct mail_window *w, struct slice name,
               int64_t now, size_t *page)
{
    struct mail_refusal bad = {400, "AF20031", "Invalid nextPage Input."};
    int64_t minted_s = 0;
    int64_t number = 0;
    int64_t sum = 0;
    if (name.n != 23 || name.p[10] != 'R' || !slice_int(slice_sub(name, 0, 10), &minted_s) ||
        !slice_int(slice_sub(name, 11, 6), &number) || !slice_int(slice_sub(name, 17, 6), &sum) ||
        number < 0 || number > PAGES_MAX || sum != page_sum(f, w, (size_t)number, minted_s))
        return bad;
    if (f->traits.page_life_s > 0 && (minted_s + f->traits.page_life_s) * CLOCK_SECOND < now)
        return bad;
    *page = (size_t)number;
    return granted;
}
