/* Any parameters: what is written is read back the same, and says so by its digest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/crypto.h"
#include "normalize/params_internal.h"

enum { ROUNDS = 300 };

static uint64_t seed;

static uint64_t
draw(uint64_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 24) % below;
}

/* A value that is allowed; ends of the range are as likely as all between. */
static void
draw_value(struct params *p, const struct params_slot *s, struct arena *a)
{
    const struct params_row *row = s->row;
    struct slice text = SLICE("true");
    uint64_t range = (uint64_t)(row->most - row->least) + 1;
    int64_t n = row->least + (int64_t)draw(range);
    n = draw(3) == 0 ? row->least : draw(3) == 0 ? row->most : n;
    switch (row->kind) {
    case PARAMS_INT:
        text = slice_printf(a, "%lld", (long long)n);
        break;
    case PARAMS_BOOL:
        text = draw(2) ? text : SLICE("false");
        break;
    case PARAMS_WORD:
        text = slice_of(row->words[draw(row->n_words)]);
        break;
    case PARAMS_TYPES:
        text = SLICE("");
        for (int t = 0; t < KEY_TYPES; t++)
            if (draw(2))
                text = slice_printf(a, "%.*s%s,", SLICE_ARG(text), params_default.rules[t].name);
        break;
    default:
        text = slice_of(params_profiles[draw(5)].name);
    }
    struct err e = params_put(p, s, PARAMS_PLAIN, text);
    assert_string_equal(e.text, "");
}

/* Few values changed, or all; what must hold between them is made to hold. */
static void
draw_params(struct params *p, struct arena *a)
{
    uint64_t share = draw(5);
    *p = params_default;
    for (struct params_slot s = {.row = NULL}; params_next(&s);)
        if (draw(4) <= share)
            draw_value(p, &s, a);
    for (int i = 1; i < 4; i++)
        if (p->severity[i] < p->severity[i - 1])
            p->severity[i] = p->severity[i - 1];
    if (p->term_base > p->threshold)
        p->term_base = p->threshold;
}

/* The same values as lines, the last first. */
static struct slice
as_yaml(const struct params *p, struct arena *a)
{
    struct slice text = SLICE("");
    char path[PARAMS_PATH_MAX], value[PARAMS_VALUE_MAX];
    for (struct params_slot s = {.row = NULL}; params_next(&s);) {
        params_path(&s, path);
        params_get(p, &s, value);
        char *v = value;
        if (v[0] == '[') { /* there are no lists: words with commas between */
            char *to = v;
            for (char *from = v + 1; *from != ']'; from++)
                if (*from != '"')
                    *to++ = *from;
            *to = '\0';
        }
        text = slice_printf(a, "%s: %s%s%s\n%.*s", path, v[0] == '"' ? "" : "\"", v,
                            v[0] == '"' ? "" : "\"", SLICE_ARG(text));
    }
    return text;
}

static void
assert_read(struct err e, const struct params *p, const struct params *back, struct arena *a)
{
    char x[PARAMS_DIGEST_TEXT], y[PARAMS_DIGEST_TEXT];
    assert_string_equal(e.text, "");
    struct slice one = params_json(p, a), two = params_json(back, a);
    assert_non_null(one.p);
    if (!slice_eq(one, two))
        fail_msg("%.*s\n%.*s", SLICE_ARG(one), SLICE_ARG(two));
    params_digest_text(p, x);
    params_digest_text(back, y);
    assert_string_equal(x, y);
}

static void
test_what_is_written_reads_back_over_anything(void **state)
{
    struct arena *a = arena_new(16 << 20);
    assert_non_null(a);
    for (int i = 0; i < ROUNDS; i++) {
        struct params p, over;
        draw_params(&p, a);
        draw_params(&over, a);
        struct params back = over;
        struct err e = params_read(params_json(&p, a), &back);
        assert_read(e, &p, &back, a);
        back = over;
        e = params_read_text("f", as_yaml(&p, a), &back);
        assert_read(e, &p, &back, a);
        arena_reset(a);
    }
    arena_free(a);
    (void)state;
}

static void
test_one_other_value_is_another_digest(void **state)
{
    struct arena *a = arena_new(16 << 20);
    assert_non_null(a);
    for (int i = 0; i < ROUNDS; i++) {
        struct params p;
        char x[PARAMS_DIGEST_TEXT], y[PARAMS_DIGEST_TEXT], was[PARAMS_VALUE_MAX],
            is[PARAMS_VALUE_MAX];
        draw_params(&p, a);
        params_digest_text(&p, x);
        size_t pick = draw(100);
        struct params_slot s = {.row = NULL};
        while (params_next(&s) && pick-- > 0)
            ;
        params_get(&p, &s, was);
        draw_value(&p, &s, a);
        params_get(&p, &s, is);
        params_digest_text(&p, y);
        assert_int_equal(strcmp(was, is) == 0, strcmp(x, y) == 0);
        arena_reset(a);
    }
    arena_free(a);
    (void)state;
}

int
main(void)
{
    const char *given = getenv("SEED");
    if (given != NULL)
        seed = strtoull(given, NULL, 10);
    else
        crypto_random(&seed, sizeof(seed));
    printf("SEED=%llu\n", (unsigned long long)seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_reads_back_over_anything),
        cmocka_unit_test(test_one_other_value_is_another_digest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
