/* One answer of the apps source, read as a page and as a single alert. */
#include "fuzz.h"

#include "common/clock.h"
#include "common/json.h"
#include "ingest/source.h"

extern const struct source source_apps;

static struct conf *
options(void)
{
    static struct conf *conf; /* loaded once for all inputs */
    const struct opt *const tables[] = {source_apps.opts, NULL};
    if (conf == NULL) {
        struct err e = conf_load(tables, "/dev/null", NULL, &conf);
        if (e.kind)
            abort();
    }
    return conf;
}

/* since: CLOCK_NONE asks for what was raised, a time lists what is open. */
static void
as_page(struct slice body, int64_t since, struct arena *a)
{
    const struct source_note open = {SLICE("o.5e1d8b2a0c204203a335a3fb"), 7, 2000 * CLOCK_SECOND};
    const struct source_conf c = {.conf = options(),
                                  .base_url = SLICE("https://h"),
                                  .now = 1000 * CLOCK_SECOND,
                                  .notes = {&open, 1}};
    const struct cursor at = {since, CLOCK_NONE, CLOCK_NONE, false};
    struct source_request *r = NULL;
    size_t n = 0;
    struct page page;
    struct err e = source_apps.first(&c, &at, a, &r, &n);
    if (e.kind)
        abort();
    const struct answer got = {.asked = r, .conf = &c, .status = 200, .body = body};
    e = source_apps.parse(&got, a, &page);
    if (e.kind)
        return;
    for (size_t i = 0; i < page.n_alerts; i++)
        if (page.alerts[i].native_id.n == 0 || page.alerts[i].payload.n == 0)
            abort();
    if (page.at.since != CLOCK_NONE && page.at.since > c.now)
        abort();
}

static void
as_alert(struct slice raw, struct arena *a)
{
    struct source_document doc = {raw, 1000 * CLOCK_SECOND};
    struct alert al;
    struct json out;
    struct err e = source_apps.map(&doc, 1, SLICE("d"), a, &al);
    if (e.kind)
        return;
    if (al.id.n == 0 || al.title.n == 0 || al.detector.n == 0 || al.category.n == 0 ||
        al.created == CLOCK_NONE || al.updated == CLOCK_NONE || al.version == CLOCK_NONE)
        abort();
    struct slice text = alert_json(&al, a);
    e = json_parse(text, a, &out);
    if (text.p != NULL && e.kind == ERR_REJECT)
        abort();
    /* the seeds' titles have 1, 2 or 17 bytes, that of an alert without one 21 */
    FUZZ_PLANT(al.n_evidence > 0 && al.title.n > 2 && al.title.n != 17 && al.title.n != 21);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new((size_t)64 << 20);
    if (a == NULL)
        return 0;
    as_page((struct slice){(const char *)data, size}, CLOCK_NONE, a);
    as_page((struct slice){(const char *)data, size}, 0, a);
    as_alert((struct slice){(const char *)data, size}, a);
    arena_free(a);
    return 0;
}
