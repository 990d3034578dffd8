/*
 * Any bytes are an answer of the feed. The first line is "<call> <status> <tries>", then header
 * lines up to an empty one, then the body; the page's own requests get the same body again.
 */
#include <string.h>

#include "common/clock.h"
#include "fuzz.h"
#include "ingest/mail_wire.h"

extern const struct source source_mail;

#define NOW (INT64_C(1579000000) * CLOCK_SECOND)

static struct source_conf
conf(void)
{
    return (struct source_conf){.directory_id = SLICE("8a1a1157-0272-492d-ab10-3f9853ac8183"),
                                .base_url = SLICE("https://manage.office.com"),
                                .publisher_id = SLICE("p1"),
                                .now = NOW,
                                .start = NOW - 86400 * CLOCK_SECOND};
}

/* What holds for every page of whatever answer. */
static void
check(const struct source_conf *c, const struct page *p)
{
    if (p->n_next > SOURCE_REQUESTS_MAX || p->n_notes > 8)
        abort();
    for (size_t i = 0; i < p->n_next; i++)
        if (!mail_at_home(p->next[i].http.url, c->base_url))
            abort(); /* our token would go to a stranger */
    for (size_t i = 0; i < p->n_alerts; i++)
        if (p->alerts[i].native_id.n == 0)
            abort();
    for (size_t i = 0; i < p->n_notes; i++)
        if (p->notes[i].key.n == 0 || p->notes[i].key.n > SOURCE_NOTE_KEY_MAX)
            abort();
}

static int64_t
number(struct slice *line, int64_t fallback)
{
    int64_t n;
    return slice_int(slice_split(line, ' '), &n) ? n : fallback;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new((size_t)64 << 20);
    struct slice rest = {(const char *)data, size};
    struct source_conf c = conf();
    if (a == NULL)
        return 0;
    struct slice line = slice_split(&rest, '\n');
    struct source_request asked = {.step = (int)(number(&line, 1) & 3),
                                   .at = {.since = NOW, .closed = CLOCK_NONE, .until = CLOCK_NONE},
                                   .http.url = SLICE("https://manage.office.com/audit/1$x"),
                                   .from = NOW - 3600 * CLOCK_SECOND,
                                   .until = NOW};
    struct answer got = {.asked = &asked, .conf = &c};
    got.status = (long)(number(&line, 200) % 1000);
    got.tries = (unsigned)number(&line, 0) & 15;
    size_t end = slice_find(rest, SLICE("\n\n"), 0);
    got.headers = end < rest.n ? slice_sub(rest, 0, end + 1) : SLICE_NONE;
    got.body = end < rest.n ? slice_sub(rest, end + 2, rest.n) : rest;
    for (int depth = 0; depth < 4; depth++) {
        struct page p = {.n_alerts = 0};
        struct err e = source_mail.parse(&got, a, &p);
        if (e.kind)
            break;
        check(&c, &p);
        FUZZ_PLANT(p.n_alerts == 1 && p.alerts[0].version != CLOCK_NONE &&
                   p.alerts[0].native_id.n > 2);
        if (p.n_next == 0)
            break;
        asked = p.next[p.n_next - 1];
    }
    arena_free(a);
    return 0;
}
