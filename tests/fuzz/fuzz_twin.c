/* One detection told twice: any line of the sensor and any object of the other channel, each filled
 * from the other. The line comes first, the object after it. */
#include "fuzz.h"

#include "common/clock.h"
#include "common/json.h"
#include "ingest/source.h"
#include "normalize/twin_fill.h"

extern const struct source source_apps, source_identity;

static size_t
filled(const struct alert *one, const struct alert *other, struct arena *a)
{
    struct alert al = *one;
    struct json doc;
    struct err e = twin_fill(&al, other, a);
    if (e.kind == ERR_RETRY)
        return 0;
    if (e.kind || !slice_eq(al.id, one->id) || !slice_eq(al.title, one->title) ||
        al.n_evidence < one->n_evidence || al.n_evidence > ALERT_EVIDENCE_MAX ||
        al.created != one->created || al.version != one->version)
        abort();
    struct slice text = alert_json(&al, a);
    if (text.p != NULL && json_parse(text, a, &doc).kind == ERR_REJECT)
        abort();
    return al.n_evidence - one->n_evidence;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new((size_t)64 << 20);
    struct slice rest = {(const char *)data, size};
    struct slice line = slice_split(&rest, '\n');
    struct source_document of_line = {line, 1000 * CLOCK_SECOND},
                           of_object = {rest, 1000 * CLOCK_SECOND};
    struct alert x, y;
    if (a == NULL)
        return 0;
    if (source_identity.map(&of_line, 1, SLICE("d"), a, &x).kind == ERR_NONE &&
        source_apps.map(&of_object, 1, SLICE("d"), a, &y).kind == ERR_NONE) {
        (void)filled(&x, &y, a);
        FUZZ_PLANT(filled(&y, &x, a) == 2); /* of the corpus none or one are added */
    }
    arena_free(a);
    return 0;
}
