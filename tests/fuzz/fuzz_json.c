/*
 * Any bytes through the reader, and everything it hands out walked: whatever json_parse accepts
 * must survive being printed and read again, and its items must be JSON themselves.
 */
#include "fuzz.h"

#include "common/json.h"

static void
must(bool good)
{
    if (!good)
        abort();
}

static size_t
walk(struct json v)
{
    struct slice name;
    struct json part;
    size_t n = 0;
    for (struct json_iter it = json_items(v); json_next(&it, &name, &part);) {
        walk(part);
        n++;
    }
    must(n == json_count(v));
    return n;
}

static bool
same(struct json x, struct json y)
{
    struct slice name_x, name_y;
    struct json part_x, part_y;
    int64_t i = 0, j = 0;
    if (json_type(x) != json_type(y) || !slice_eq(json_text(x), json_text(y)) ||
        json_int(x, &i) != json_int(y, &j) || i != j || json_count(x) != json_count(y))
        return false;
    struct json_iter at_y = json_items(y);
    for (struct json_iter at_x = json_items(x); json_next(&at_x, &name_x, &part_x);)
        if (!json_next(&at_y, &name_y, &part_y) || !slice_eq(name_x, name_y) ||
            !same(part_x, part_y))
            return false;
    return true;
}

static void
raw_items(struct slice text, struct json v, struct arena *a)
{
    struct slice items[64], name;
    struct json part, again;
    size_t n = json_raw_items(text, NULL, items, 64), i = 0;
    if (json_type(v) != JSON_ARRAY)
        return;
    must(n == json_count(v));
    for (struct json_iter it = json_items(v); i < 64 && json_next(&it, &name, &part); i++) {
        struct err e = json_parse(items[i], a, &again);
        must(e.kind == ERR_NONE && same(part, again));
    }
}

/* Two ways to one answer: the parser's own places, and a walk over the text. */
static void
same_items(struct slice text, const char *name, struct arena *a)
{
    struct slice walked[64], *items;
    struct json doc, list;
    size_t n;
    struct err e = json_parse_items(text, name, a, &doc, &list, &items, &n);
    must(e.kind == ERR_NONE && n == json_raw_items(text, name, walked, 64));
    for (size_t i = 0; i < n && i < 64; i++)
        must(items[i].p == walked[i].p && items[i].n == walked[i].n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = {(const char *)data, size}, items[4];
    struct arena *a = arena_new(16 << 20);
    struct json v, again;
    must(a != NULL);
    (void)json_raw_items(text, "value", items, 4);
    struct err e = json_parse(text, a, &v);
    if (e.kind == ERR_NONE) {
        (void)walk(v);
        raw_items(text, v, a);
        same_items(text, NULL, a);
        same_items(text, "value", a);
        struct slice small = json_minify(v, a);
        e = json_parse(small, a, &again);
        must(e.kind == ERR_NONE && same(v, again));
        struct json_out *list = json_out_array(a);
        json_out_add_raw(list, text);
        must(json_out_print(list, a).p != NULL);
        FUZZ_PLANT(json_count(v) == 3 && json_type(v) == JSON_ARRAY);
    } else {
        (void)json_raw_items(text, NULL, items, 4);
        must(e.kind == ERR_REJECT);
    }
    arena_free(a);
    return 0;
}
