/*
 * Windows of blobs. Ref: sources.md 3.3, 3.5.
 *
 * The cursor has two ends: `since`, up to which all blobs were listed and published, and `closed`,
 * before which no more are expected: what was listed at least the overlap after it became
 * available. A window begins at the second and ends at most a width behind the first, so that the
 * overlap is listed again and again, and its blobs, which notes remember, are not fetched again.
 *
 * A window is listed whole before its first blob is fetched; what is new on its pages is carried
 * from page to page. When that is more than one round may fetch, the same is listed with an
 * earlier end.
 */
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/plant.h"
#include "ingest/mail_wire.h"

#define MINUTE (60 * CLOCK_SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define OLDEST (7 * DAY - 5 * MINUTE) /* minutes less: our clocks differ (sources.md 3.12) */
#define OLDEST_REFUSED (7 * DAY - HOUR)
#define NOTE_RESERVE (30 * MINUTE) /* for rounds that fail and are begun again */

enum {
    BLOBS_MAX = 300,   /* of a round: with the ones that wait under SOURCE_REQUESTS_MAX */
    PAGES_MAX = 10000, /* of a round: a server that pages in a circle ends here */
    RELISTS_MAX = 3,   /* of a round: after a page that is not known any more */
    NOTES_MANY = 4096, /* from here on the overlap gets shorter */
    NOTES_MORE = 8192,
    CLAMPED = 1 << MAIL_CALL_BITS, /* in step: the window was cut to what the feed takes */
    RELIST = CLAMPED << 1,         /* in step: counted from this bit on */
};

/* One blob that is to be fetched. */
struct blob {
    int64_t created;
    struct slice uri;
};

struct blobs {
    struct blob *list;
    size_t n, capacity;
};

/* ---- windows */

static int64_t
whole_second(int64_t t)
{
    return t - t % CLOCK_SECOND;
}

static int64_t
max_of(int64_t x, int64_t y)
{
    return x > y ? x : y;
}

static int64_t
min_of(int64_t x, int64_t y)
{
    return x < y ? x : y;
}

/* Shorter for a tenant with so many blobs that the notes of an hour would not fit. */
static int64_t
overlap_of(const struct source_conf *c)
{
    int64_t overlap = mail_option(c, "ingest.mail.overlap_s", 3600) * CLOCK_SECOND;
    return c->notes.n >= NOTES_MORE   ? overlap / 16
           : c->notes.n >= NOTES_MANY ? overlap / 4
                                      : overlap;
}

/* The window [from, until): the same address but for the end is the same listing (3.3). */
static struct err
list_window(const struct source_conf *c, const struct source_request *like, int64_t from,
            int64_t until, struct arena *a, struct source_request *out)
{
    struct clock_text begin = clock_format(from), end = clock_format(until);
    begin.s[19] = end.s[19] = '\0'; /* without the Z: YYYY-MM-DDTHH:MM:SS */
    struct slice url = slice_printf(
        a, "%.*s&startTime=%s&endTime=%s",
        SLICE_ARG(mail_feed_url(c, "subscriptions/content?contentType=Audit.General", a)), begin.s,
        end.s);
    *out = (struct source_request){
        .step = like->step, .at = like->at, .from = from, .until = until, .skip = like->skip};
    return mail_request(c, "GET", url, a, out);
}

struct err
mail_list_request(const struct source_conf *c, const struct cursor *at, enum mail_call call,
                  struct arena *a, struct source_request *out)
{
    const struct source_request like = {.step = (int)call, .at = *at};
    int64_t width = mail_option(c, "ingest.mail.window_s", 86400) * CLOCK_SECOND;
    int64_t now = whole_second(c->now);
    int64_t since = at->since != CLOCK_NONE ? at->since : c->start;
    int64_t from = at->closed != CLOCK_NONE ? at->closed : since;
    from = max_of(whole_second(from), whole_second(now - OLDEST));
    if (from >= now) /* the clock was set back: ask for the last second, the cursor stays */
        from = now - CLOCK_SECOND;
    int64_t until = max_of(whole_second(since), from) + width;
    return list_window(c, &like, from, min_of(min_of(until, from + DAY), now), a, out);
}

/* All of the window up to `until` is published when this round ends. */
static void
window_done(const struct answer *got, int64_t until, struct page *out)
{
    const struct source_conf *c = got->conf;
    out->at.since = max_of(out->at.since, until);
    out->at.closed = max_of(out->at.closed, min_of(until, whole_second(c->now) - overlap_of(c)));
    if (PLANT(mail_expects_nothing_late))
        out->at.closed = out->at.since;
    out->again = c->now - until > MINUTE;
}

/* What was between the cursor and the oldest that the feed still has cannot be got any more. */
static void
tell_gap(const struct answer *got, struct page *out)
{
    int64_t since = got->asked->at.since, from = got->asked->from;
    if (since == CLOCK_NONE || since >= from || out->warn.kind)
        return;
    out->warn = err_make(ERR_REJECT, "mail.gap",
                         "the feed keeps 7 days: what became available from %s to %s is lost",
                         clock_format(since).s, clock_format(from).s);
}

/* ---- the blobs of the pages so far */

static int
blob_cmp(const void *x, const void *y)
{
    const struct blob *a = x, *b = y;
    if (a->created != b->created)
        return a->created < b->created ? -1 : 1;
    return slice_cmp(a->uri, b->uri);
}

static struct err
add_blob(struct blobs *all, int64_t created, struct slice uri, struct arena *a)
{
    if (all->n == all->capacity) {
        void *larger = arena_grow(a, all->list, sizeof *all->list, &all->capacity);
        if (larger == NULL)
            return mail_no_memory();
        all->list = larger;
    }
    all->list[all->n++] = (struct blob){created, uri};
    return ERR_OK;
}

/* Carried as lines "<created> <uri>": neither holds a blank. */
static struct err
carried(struct slice text, struct arena *a, struct blobs *all)
{
    struct err e = ERR_OK;
    while (e.kind == ERR_NONE && text.n > 0) {
        struct slice line = slice_split(&text, '\n'), number = slice_split(&line, ' ');
        int64_t created = 0;
        if (!slice_int(number, &created))
            return err_make(ERR_RETRY, "mail.carry", "a carried list cannot be read");
        e = add_blob(all, created, line, a);
    }
    return e;
}

static struct err
carry(const struct blobs *all, struct arena *a, struct slice *out)
{
    enum { NUMBER_MAX = 24 };
    size_t bytes = 1, at = 0;
    for (size_t i = 0; i < all->n; i++)
        bytes += NUMBER_MAX + all->list[i].uri.n;
    char *text = arena_alloc(a, bytes);
    if (text == NULL)
        return mail_no_memory();
    for (size_t i = 0; i < all->n; i++)
        at += (size_t)snprintf(text + at, bytes - at, "%lld %.*s\n",
                               (long long)all->list[i].created, SLICE_ARG(all->list[i].uri));
    *out = (struct slice){text, at};
    return ERR_OK;
}

/* The blobs of this page that no round before has published. */
static struct err
take_page(const struct answer *got, struct json list, struct arena *a, struct blobs *all,
          struct page *out)
{
    const struct source_conf *c = got->conf;
    struct err e = ERR_OK;
    struct json item;
    struct json_iter it = json_items(list);
    while (e.kind == ERR_NONE && json_next(&it, NULL, &item)) {
        struct slice uri = json_get_text(item, "contentUri");
        int64_t created = source_time(item, "contentCreated");
        if (!mail_at_home(uri, c->base_url))
            out->warn = err_make(ERR_REJECT, "mail.content_uri",
                                 "a blob without contentUri, or one at another host: skipped");
        else if (!mail_blob_known(c, uri, a))
            e = add_blob(all, created != CLOCK_NONE ? created : whole_second(c->now), uri, a);
    }
    return e;
}

static void
sort_once(struct blobs *all)
{
    size_t n = 0;
    if (all->n > 0)
        qsort(all->list, all->n, sizeof *all->list, blob_cmp);
    for (size_t i = 0; i < all->n; i++)
        if (n == 0 || blob_cmp(&all->list[i], &all->list[n - 1]) != 0)
            all->list[n++] = all->list[i];
    all->n = n;
}

/* ---- what follows a page */

static struct err
next_page(const struct answer *got, struct slice url, const struct blobs *all, struct arena *a,
          struct page *out)
{
    const struct source_request *asked = got->asked;
    struct source_request *r;
    if (!mail_at_home(url, got->conf->base_url))
        return err_make(ERR_RETRY, "mail.next_page",
                        "NextPageUri leads to another host than the configured one");
    if (asked->skip >= PAGES_MAX || slice_eq(url, asked->http.url))
        return err_make(ERR_RETRY, "mail.next_page", "the pages of a list do not end");
    struct err e = mail_one_more(out, a, &r);
    if (e.kind)
        return e;
    *r = (struct source_request){.step = asked->step,
                                 .at = asked->at,
                                 .from = asked->from,
                                 .until = asked->until,
                                 .skip = asked->skip + 1};
    e = carry(all, a, &r->carry);
    return e.kind ? e : mail_request(got->conf, "GET", url, a, r);
}

/* The same window anew, up to `until`. */
static struct err
list_again(const struct answer *got, int64_t until, int step, struct arena *a, struct page *out)
{
    struct source_request like = *got->asked, *r;
    like.step = step;
    like.skip++;
    if (like.skip > PAGES_MAX)
        return err_make(ERR_RETRY, "mail.next_page", "the pages of a list do not end");
    struct err e = mail_one_more(out, a, &r);
    return e.kind ? e : list_window(got->conf, &like, like.from, until, a, r);
}

/* A request for each blob; a note for those that a later window lists again. */
static struct err
fetch_all(const struct answer *got, const struct blobs *all, bool held, struct arena *a,
          struct page *out)
{
    const struct source_conf *c = got->conf;
    int64_t kept = overlap_of(c) + NOTE_RESERVE;
    struct err e = ERR_OK;
    out->next = arena_alloc(a, (all->n + 1) * sizeof *out->next);
    out->n_next = 0;
    if (out->next == NULL)
        return mail_no_memory();
    for (size_t i = 0; e.kind == ERR_NONE && i < all->n; i++) {
        const struct blob *b = &all->list[i];
        bool again = held || b->created >= out->at.closed;
        int64_t until = again ? max_of(b->created, c->now) + kept : CLOCK_NONE;
        e = mail_blob_request(c, &out->at, b->uri, until, a, &out->next[out->n_next++]);
    }
    return e;
}

/* More than a round may fetch: an earlier end; when the blobs are all of one second, the first of
 * them, and the window stays where it is. */
static struct err
too_many(const struct answer *got, struct blobs *all, struct arena *a, struct page *out)
{
    const struct source_request *asked = got->asked;
    sort_once(all);
    if (all->n <= BLOBS_MAX) /* some were listed twice */
        return ERR_OK;
    /* behind what is published already, or it would be listed for nothing */
    int64_t least = max_of(asked->from, whole_second(asked->at.since)) + CLOCK_SECOND;
    int64_t until = max_of(whole_second(all->list[BLOBS_MAX / 2].created), least);
    if (until < asked->until)
        return list_again(got, until, asked->step, a, out);
    all->n = BLOBS_MAX;
    out->again = true;
    return fetch_all(got, all, true, a, out);
}

static struct err
take_list(const struct answer *got, struct arena *a, struct page *out)
{
    struct json list;
    struct blobs all = {.n = 0};
    struct err e = source_page(got->body, a, &list);
    if (e.kind)
        return e;
    if (json_type(list) != JSON_ARRAY)
        return err_make(ERR_RETRY, "mail.shape", "the list of blobs is not a list");
    e = carried(got->asked->carry, a, &all);
    if (e.kind == ERR_NONE)
        e = take_page(got, list, a, &all, out);
    if (e.kind == ERR_NONE && all.n > BLOBS_MAX)
        e = too_many(got, &all, a, out);
    if (e.kind || out->n_next > 0)
        return e;
    struct slice url = slice_trim(fetch_header(got->headers, "NextPageUri"));
    if (url.n == 0)
        url = slice_trim(fetch_header(got->headers, "NextPageUrl"));
    if (url.n > 0) /* also behind an empty page */
        return next_page(got, url, &all, a, out);
    sort_once(&all);
    window_done(got, got->asked->until, out);
    tell_gap(got, out);
    return fetch_all(got, &all, false, a, out);
}

/* ---- refusals */

/* The window begins before what the feed keeps: by its clock, not by ours. */
static struct err
later_window(const struct answer *got, struct slice code, struct arena *a, struct page *out)
{
    const struct source_conf *c = got->conf;
    const struct source_request *asked = got->asked;
    int64_t from = whole_second(c->now - OLDEST_REFUSED);
    if ((asked->step & CLAMPED) != 0 || from <= asked->from)
        return mail_unexpected(got, code);
    if (from >= asked->until) { /* nothing of it is left */
        window_done(got, from, out);
        out->again = true;
        out->warn = err_make(ERR_REJECT, "mail.gap",
                             "the feed keeps 7 days: what became available from %s to %s is lost",
                             clock_format(asked->from).s, clock_format(from).s);
        return ERR_OK;
    }
    struct source_request like = *asked, *r;
    like.step |= CLAMPED;
    struct err e = mail_one_more(out, a, &r);
    return e.kind ? e : list_window(c, &like, from, asked->until, a, r);
}

/* No subscription: start it, but not more often than the feed wants to be asked. */
static struct err
subscribe_again(const struct answer *got, struct slice code, struct arena *a, struct page *out)
{
    static const char *const disabled[] = {"AF20023", NULL};
    int64_t wait_ms = mail_start_wait_ms(got->conf);
    if (wait_ms > 0)
        return err_retry(wait_ms, "mail.subscription",
                         "%.*s although the subscription was started lately; a first one can "
                         "take 12 hours",
                         SLICE_ARG(code));
    out->warn = err_make(ERR_RETRY, "mail.subscription",
                         mail_code_is(code, disabled)
                             ? "%.*s: an administrator has disabled the subscription; starting it"
                             : "%.*s: the subscription was off; starting it",
                         SLICE_ARG(code));
    if (mail_call_of(got->asked) == MAIL_LIST_AFTER_START)
        return ERR_OK; /* the note of this start is stored now, and the next round waits */
    struct source_request *r;
    struct err e = mail_one_more(out, a, &r);
    return e.kind ? e : mail_start_request(got->conf, &out->at, a, r);
}

struct err
mail_list_parse(const struct answer *got, struct slice code, struct arena *a, struct page *out)
{
    static const char *const off[] = {"AF20022", "AF20023", NULL};
    static const char *const window[] = {"AF20030", "AF20055", NULL};
    static const char *const page[] = {"AF20031", NULL};
    const struct source_request *asked = got->asked;
    if (mail_ok(got))
        return take_list(got, a, out);
    if (mail_code_is(code, off))
        return subscribe_again(got, code, a, out);
    struct err e = mail_refusal(got, code, a);
    if (e.kind)
        return e;
    if (mail_code_is(code, window))
        return later_window(got, code, a, out);
    if (mail_code_is(code, page) && asked->skip > 0 && asked->step / RELIST < RELISTS_MAX)
        return list_again(got, asked->until, asked->step + RELIST, a, out);
    return mail_unexpected(got, code);
}
