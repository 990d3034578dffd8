#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/plain.h"

static void
test_markup_goes_and_everything_else_stays(void **state)
{
    static const struct {
        const char *given, *expected;
    } table[] = {
        {"", ""},
        {"plain", "plain"},
        {"a < b && b > c", "a < b && b > c"},
        {"<b>bold</b> and <STRONG class=x>strong</STRONG>", "bold and strong"},
        {"one<br>two<br/>three<p>four</p>", "one\ntwo\nthree\nfour"},
        {"<ul><li>a</li><li>b</li></ul>", "a\nb"},
        {"Anna <anna@contoso.com>", "Anna <anna@contoso.com>"},
        {"<anonymous> logged on", "<anonymous> logged on"},
        {"<x onload=\"a>b()\">y", "y"},
        {"<a href='https://x/?a=1&b=2'>here</a>", "here"},
        {"before<script>alert('<b>')</script>after", "beforeafter"},
        {"<style>p{}</style >text", "text"},
        {"<script>never closed", ""},
        {"a<!-- <b>hidden</b> -->b", "ab"},
        {"a<!-- never closed", "a<!-- never closed"},
        {"<b", "<b"},
        {"<", "<"},
        {"</", "</"},
        {"<b <i>x</i>", "x"},
        {"&lt;script&gt; &amp;amp; &quot;q&quot; &#39;s&#x27; x&nbsp;y",
         "<script> &amp; \"q\" 's' x y"},
        {"&#8364;&#x1F600;", "\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"&#0;&#xD800;&#1114112;&#99999999999;&#;&#x;&#xG;&#7;",
         "&#0;&#xD800;&#1114112;&#99999999999;&#;&#x;&#xG;&#7;"},
        {"AT&T; &unknown; & &amp", "AT&T; &unknown; & &amp"},
        {"by __siteIcon__ Box, __init__, __, _", "by  Box, __init__, __, _"},
        {"**bold** [T1](https://x/)", "**bold** [T1](https://x/)"},
        {"  <p> spaced </p>  ", "spaced"},
    };
    struct arena *a = arena_new((size_t)1 << 20);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct slice got = plain_text(slice_of(table[i].given), a);
        if (!slice_eq(got, slice_of(table[i].expected)))
            fail_msg("%s: got \"%.*s\"", table[i].given, SLICE_ARG(got));
    }
    arena_free(a);
    (void)state;
}

static void
test_a_text_that_is_too_long_is_cut_at_a_character(void **state)
{
    struct arena *a = arena_new((size_t)1 << 20);
    char *p = arena_alloc(a, PLAIN_MAX + 10);
    memset(p, 'x', PLAIN_MAX + 10);
    memcpy(p + PLAIN_MAX - 1, "\xe2\x82\xac", 3);
    struct slice got = plain_text((struct slice){p, PLAIN_MAX + 10}, a);
    assert_int_equal(got.n, PLAIN_MAX - 1);
    p[0] = '&';
    got = plain_text((struct slice){p, PLAIN_MAX + 10}, a);
    assert_int_equal(got.n, PLAIN_MAX - 1);
    arena_free(a);
    (void)state;
}

static void
test_without_memory_there_is_no_text(void **state)
{
    struct arena *a = arena_new(1024);
    char text[4096];
    memset(text, '&', sizeof text);
    assert_null(plain_text((struct slice){text, sizeof text}, a).p);
    arena_free(a);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_markup_goes_and_everything_else_stays),
        cmocka_unit_test(test_a_text_that_is_too_long_is_cut_at_a_character),
        cmocka_unit_test(test_without_memory_there_is_no_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
