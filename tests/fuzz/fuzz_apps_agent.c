/* One line of the SIEM agent, as a listener takes it and as an alert. */
#include "fuzz.h"

#include "common/clock.h"
#include "common/json.h"
#include "ingest/source.h"

extern const struct source source_apps;

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new((size_t)64 << 20);
    struct source_conf c = {.now = 1000 * CLOCK_SECOND};
    const struct answer got = {.conf = &c, .body = {(const char *)data, size}};
    struct page page;
    if (a == NULL)
        return 0;
    struct err e = source_apps.parse(&got, a, &page);
    if (e.kind == ERR_NONE && page.n_alerts == 1) {
        const struct raw_alert *raw = page.alerts;
        struct source_document doc = {raw->payload, 1000 * CLOCK_SECOND};
        struct source_ident ident;
        struct alert al;
        if (raw->native_id.n == 0 || raw->payload.n != size)
            abort();
        e = source_apps.ident(raw->payload, IDENTITY_APPS, a, &ident);
        bool line = e.kind == ERR_NONE && ident.fate == FATE_ALERT;
        e = source_apps.map(&doc, 1, SLICE("d"), a, &al);
        if (e.kind == ERR_NONE) {
            struct json out;
            if (!line || al.id.n == 0 || al.title.n == 0 || al.detector.n == 0 ||
                al.category.n == 0 || al.created == CLOCK_NONE)
                abort();
            struct slice text = alert_json(&al, a);
            e = json_parse(text, a, &out);
            if (text.p != NULL && e.kind == ERR_REJECT)
                abort();
            /* the corpus has no line with a source address and without a user */
            FUZZ_PLANT(al.n_evidence > 0 && al.evidence[0].type == EVIDENCE_IP);
        }
    }
    arena_free(a);
    return 0;
}
