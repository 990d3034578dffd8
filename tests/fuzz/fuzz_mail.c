/* Any bytes are an audit record, and lines of them the records of one alert. */
#include "common/clock.h"
#include "fuzz.h"
#include "ingest/source.h"

extern const struct source source_mail;

enum { RECORDS_MAX = 8 };

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new((size_t)32 << 20);
    struct slice rest = {(const char *)data, size};
    struct source_document docs[RECORDS_MAX];
    struct source_ident id = {.reason = NULL};
    struct alert al;
    size_t n = 0;
    if (a == NULL)
        return 0;
    while (rest.n > 0 && n < RECORDS_MAX) {
        struct slice record = slice_split(&rest, '\n');
        struct err e = source_mail.ident(record, IDENTITY_OFF, a, &id);
        if (e.kind == ERR_NONE && id.fate == FATE_ALERT)
            docs[n++] = (struct source_document){.payload = record, .received = 1};
    }
    if (n > 0) {
        struct err e = source_mail.map(docs, n, SLICE("tenant"), a, &al);
        if (e.kind == ERR_NONE) {
            if (al.native_id.n == 0 || al.title.n == 0 || al.created == CLOCK_NONE)
                abort();
            (void)alert_json(&al, a);
            FUZZ_PLANT(al.n_evidence == 3);
        }
    }
    arena_free(a);
    return 0;
}
