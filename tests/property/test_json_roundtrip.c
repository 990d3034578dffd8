/*
 * Laws over generated documents: what is composed and printed is read back as the same, its
 * minified form is what was printed, and the bytes of its items are those of the print.
 */
#include "common/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CASES = 2000, DEPTH_MAX = 6, PARTS_MAX = 5, TEXT_MAX = 12 };

static uint64_t
seed_print(void)
{
    const char *text = getenv("SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : 1;
    print_message("SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

/* splitmix64 */
static uint64_t
next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static struct slice
text(uint64_t *state, struct arena *a)
{
    static const char *const parts[] = {"a",           "\"",   "\\",       "\n",
                                        "/",           "]",    "}",        ",",
                                        "\x01",        "\x7f", "\xc3\xa9", "\xf0\x9f\x98\x80",
                                        "\xe2\x80\xa8"};
    struct slice s = SLICE("");
    for (uint64_t n = next(state) % TEXT_MAX; n > 0; n--)
        s = slice_join(a, s, slice_of(parts[next(state) % (sizeof parts / sizeof *parts)]));
    return s;
}

static struct json_out *value(uint64_t *state, struct arena *a, int depth);

/* Names carry their number: no duplicates. */
static struct json_out *
object(uint64_t *state, struct arena *a, int depth)
{
    struct json_out *o = json_out_object(a);
    for (uint64_t i = next(state) % PARTS_MAX; i > 0; i--) {
        struct slice name = text(state, a);
        const char *n = slice_printf(a, "%d%.*s", (int)i, SLICE_ARG(name)).p;
        switch (next(state) % 5) {
        case 0:
            json_out_int(o, n, (int64_t)next(state));
            break;
        case 1:
            json_out_text(o, n, text(state, a));
            break;
        case 2:
            json_out_bool(o, n, next(state) % 2 == 0);
            break;
        case 3:
            json_out_null(o, n);
            break;
        default:
            json_out_set(o, n, value(state, a, depth + 1));
        }
    }
    return o;
}

static struct json_out *
value(uint64_t *state, struct arena *a, int depth)
{
    if (next(state) % 2 == 0 && depth < DEPTH_MAX)
        return object(state, a, depth);
    struct json_out *list = json_out_array(a);
    for (uint64_t i = depth < DEPTH_MAX ? next(state) % PARTS_MAX : 0; i > 0; i--) {
        if (next(state) % 2 == 0)
            json_out_add_text(list, text(state, a));
        else
            json_out_add(list, value(state, a, depth + 1));
    }
    return list;
}

static void
items_are_the_bytes(struct slice printed, struct json v, struct arena *a)
{
    struct slice items[PARTS_MAX], name;
    struct json part;
    size_t n = json_raw_items(printed, NULL, items, PARTS_MAX), i = 0, n_parsed;
    struct slice *parsed;
    struct json again, list;
    struct err e = json_parse_items(printed, NULL, a, &again, &list, &parsed, &n_parsed);
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(n_parsed, n);
    for (size_t k = 0; k < n; k++)
        assert_true(slice_eq(parsed[k], items[k]));
    assert_int_equal(n, json_type(v) == JSON_ARRAY ? json_count(v) : 0);
    if (n == 0)
        return;
    for (struct json_iter it = json_items(v); json_next(&it, &name, &part); i++)
        assert_true(slice_eq(items[i], json_minify(part, a)));
}

static void
test_what_is_printed_is_read_back(void **unused)
{
    uint64_t state = seed_print();
    struct arena *a = arena_new(8 << 20);
    for (int i = 0; i < CASES; i++) {
        struct json v;
        struct slice printed = json_out_print(value(&state, a, 0), a);
        struct err e = json_parse(printed, a, &v);
        if (e.kind)
            fail_msg("%s: %.*s", e.text, SLICE_ARG(printed));
        struct slice small = json_minify(v, a);
        if (!slice_eq(small, printed))
            fail_msg("%.*s became %.*s", SLICE_ARG(printed), SLICE_ARG(small));
        items_are_the_bytes(printed, v, a);
        struct json_out *copy = json_out_array(a);
        json_out_add_raw(copy, printed);
        struct slice wrapped = slice_printf(a, "[%.*s]", SLICE_ARG(printed));
        assert_true(slice_eq(json_out_print(copy, a), wrapped));
        arena_reset(a);
    }
    arena_free(a);
    (void)unused;
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_printed_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
