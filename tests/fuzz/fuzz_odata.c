/* Any bytes as $filter, $orderby, $top and $skip: a filter within its bounds, or a sentence. */
#include "fuzz.h"

#include <string.h>

#include "serve/odata.h"

static void
check(struct err e)
{
    if (e.kind != ERR_NONE && e.kind != ERR_REJECT)
        abort();
    if (e.kind == ERR_REJECT && e.text[0] == '\0')
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new(4 * 1024 * 1024);
    struct slice text = {(const char *)data, size < 8192 ? size : 8192};
    struct odata_query q, page;
    if (a == NULL)
        return 0;
    odata_init(&q);
    struct err e = odata_filter(text, a, &q);
    check(e);
    odata_order_default(&q);
    if (e.kind == ERR_NONE && q.filter.id < 0 && !q.nothing)
        abort();
    FUZZ_PLANT(e.kind == ERR_NONE && q.filter.id > 0 && q.filter.id != 7);
    odata_init(&page);
    struct slice top = text, skip = slice_split(&top, '&');
    check(odata_page(top, skip, &page));
    if (page.filter.top < 0 || page.filter.top > ODATA_TOP_MAX || page.filter.skip < 0)
        abort();
    check(odata_order(text, &page));
    arena_free(a);
    return 0;
}
