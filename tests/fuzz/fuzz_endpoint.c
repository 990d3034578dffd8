/* One answer of the endpoint source, read as a page, a refusal, an alert that was asked for by its
 * id, a part of an alert without evidence, and as a raw document. */
#include "fuzz.h"

#include "common/clock.h"
#include "common/json.h"
#include "ingest/source.h"

extern const struct source source_endpoint;

static struct conf *
options(void)
{
    static struct conf *conf; /* loaded once for all inputs */
    const struct opt *const tables[] = {source_endpoint.opts, NULL};
    if (conf == NULL) {
        struct err e = conf_load(tables, "/dev/null", NULL, &conf);
        if (e.kind)
            abort();
    }
    return conf;
}

#define BASE "https://h/api"

/* What every page keeps to, whatever was read. */
static void
check(const struct source_conf *c, const struct page *page, struct arena *a)
{
    for (size_t i = 0; i < page->n_alerts; i++) {
        struct source_ident ident;
        struct slice payload = page->alerts[i].payload;
        if (page->alerts[i].native_id.n == 0 || payload.n == 0)
            abort();
        struct err e = source_endpoint.ident(payload, IDENTITY_OFF, a, &ident);
        if (e.kind == ERR_NONE && !slice_eq(ident.native_id, page->alerts[i].native_id))
            abort();
    }
    for (size_t i = 0; i < page->n_next; i++) /* the token goes to nobody else */
        if (!slice_starts(page->next[i].http.url, SLICE(BASE "/alerts")))
            abort();
    for (size_t i = 0; i < page->n_notes; i++) {
        struct slice key = page->notes[i].key;
        if (key.n == 0 || key.n > SOURCE_NOTE_KEY_MAX)
            abort();
        for (size_t k = 0; k < key.n; k++)
            if (key.p[k] <= ' ' || key.p[k] > '~')
                abort();
    }
    if (page->at.since != CLOCK_NONE && page->at.since > c->now)
        abort();
}

static void
as_answers(struct slice body, struct arena *a)
{
    enum { STEPS = 4, CALL_ALERT = 1, CALL_PARTS = 2 };
    static const long statuses[] = {200, 400, 403, 429};
    static const struct source_note parts = {{"m:parts", 7}, 1, INT64_MAX};
    const struct source_conf c = {.conf = options(),
                                  .base_url = SLICE(BASE),
                                  .now = 1000 * CLOCK_SECOND,
                                  .start = 0,
                                  .notes = {&parts, 1}};
    const struct cursor never = {CLOCK_NONE, CLOCK_NONE, CLOCK_NONE, false};
    struct source_request *r = NULL;
    size_t n = 0;
    struct page page;
    struct err e = source_endpoint.first(&c, &never, a, &r, &n);
    if (e.kind)
        abort();
    /* one call of one way of asking each time: the bytes choose, so that all have their turn */
    unsigned sum = 0;
    for (size_t i = 0; i < body.n; i++)
        sum += (unsigned char)body.p[i];
    struct source_request asked = *r;
    asked.call = (int)(sum % (CALL_PARTS + 5));
    asked.step = (int)(sum / 7 % STEPS);
    asked.carry = asked.call == CALL_ALERT ? SLICE("da1") : SLICE("{\"alert\":{\"id\":\"da1\"}}");
    for (int i = 0; i < 2; i++) {
        long status = i == 0 ? 200 : statuses[sum / 28 % 4];
        const struct answer got = {.asked = &asked, .conf = &c, .status = status, .body = body};
        e = source_endpoint.parse(&got, a, &page);
        if (e.kind == ERR_NONE)
            check(&c, &page, a);
    }
}

static void
as_alert(struct slice raw, struct arena *a)
{
    struct source_document doc = {raw, 1000 * CLOCK_SECOND};
    struct alert al;
    struct json out;
    struct err e = source_endpoint.map(&doc, 1, SLICE("d"), a, &al);
    if (e.kind)
        return;
    if (al.id.n == 0 || al.title.n == 0 || al.detector.n == 0 || al.category.n == 0 ||
        al.created == CLOCK_NONE || al.updated == CLOCK_NONE || al.version == CLOCK_NONE)
        abort();
    struct slice text = alert_json(&al, a);
    e = json_parse(text, a, &out);
    if (text.p != NULL && e.kind == ERR_REJECT)
        abort();
    FUZZ_PLANT(al.n_evidence > 0 && !slice_eq(al.title, SLICE("ab")) &&
               !slice_eq(al.title, SLICE("old one")) &&
               !slice_eq(al.title, SLICE("Alert without a title")));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new((size_t)64 << 20);
    if (a == NULL)
        return 0;
    as_answers((struct slice){(const char *)data, size}, a);
    as_alert((struct slice){(const char *)data, size}, a);
    arena_free(a);
    return 0;
}
