/* Any bytes are a frame of the identity listener: parse, ident and map agree on its key. */
#include "common/clock.h"
#include "fuzz.h"
#include "ingest/source.h"

extern const struct source source_identity;

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new((size_t)8 << 20);
    struct slice line = {(const char *)data, size};
    struct source_conf conf = {.workspace = SLICE("contoso-corp")};
    struct source_request asked = {.at = {.since = CLOCK_NONE}};
    struct answer got = {.asked = &asked, .conf = &conf, .status = 200, .body = line};
    struct source_document doc = {.payload = line, .received = 1};
    struct source_ident id = {.reason = NULL};
    struct page page;
    struct alert al;
    if (a == NULL)
        return 0;
    struct err e = source_identity.parse(&got, a, &page);
    bool taken = e.kind == ERR_NONE && page.n_alerts == 1;
    if (taken && !slice_eq(page.alerts[0].payload, line))
        abort();
    e = source_identity.ident(line, IDENTITY_SYSLOG, a, &id);
    if (e.kind == ERR_NONE && id.fate == FATE_ALERT) {
        e = source_identity.map(&doc, 1, SLICE("tenant"), a, &al);
        if (e.kind == ERR_NONE) {
            if (!slice_eq(al.native_id, id.native_id) || al.title.n == 0 ||
                al.created == CLOCK_NONE)
                abort();
            if (taken && !slice_eq(page.alerts[0].native_id, id.native_id))
                abort();
            (void)alert_json(&al, a);
            FUZZ_PLANT(al.severity == SEVERITY_LOW);
        }
    }
    arena_free(a);
    return 0;
}
