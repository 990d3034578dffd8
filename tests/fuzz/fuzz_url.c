/* Ways of writing: any text through every folding function; a URL most of all. */
#include "fuzz.h"

#include "schemas/alert.h"

typedef struct slice fold(struct slice s, struct arena *a);

/* What is folded once is not changed by folding it again: keys of two sources must meet. */
static void
folds_once(fold *f, struct slice s, struct arena *a)
{
    struct slice once = f(s, a);
    if (once.p == NULL)
        return;
    struct slice twice = f(once, a);
    if (twice.p == NULL || !slice_eq(once, twice))
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice s = {(const char *)data, size};
    struct arena *a = arena_new((size_t)4 << 20);
    if (a == NULL)
        return 0;
    struct slice url = alert_fold_url(s, a);
    if (size < 65536) {
        folds_once(alert_fold_url, s, a);
        folds_once(alert_fold_upn, s, a);
        folds_once(alert_fold_host, s, a);
        folds_once(alert_fold_guid, s, a);
        folds_once(alert_fold_hash, s, a);
        folds_once(alert_fold_ip, s, a);
    }
    FUZZ_PLANT(url.n > 4 && url.n < size && slice_find(url, SLICE("@"), 0) < url.n &&
               slice_find(url, SLICE("://"), 0) < url.n);
    arena_free(a);
    return 0;
}
