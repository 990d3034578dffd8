#include "ingest/frames.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LINES_MAX = 16, STREAM_MAX = 256 };

struct stream {
    const char *bytes;
    const char *lines[LINES_MAX]; /* ended by NULL */
    size_t left;                  /* bytes that are no whole line yet */
};

static const struct stream streams[] = {
    {"", {NULL}, 0},
    {"<36>1 a\n", {"<36>1 a", NULL}, 0},
    {"<36>1 a\r\n<36>1 b\n", {"<36>1 a", "<36>1 b", NULL}, 0},
    {"\n\r\nx\n", {"", "", "x", NULL}, 0},
    {"a\rb\n", {"a\rb", NULL}, 0},
    {"7 <36>1 a7 <36>1 b", {"<36>1 a", "<36>1 b", NULL}, 0},
    {"8 <36>1 a\n9 <36>1 b\r\n", {"<36>1 a", "<36>1 b", NULL}, 0},
    {"9 <36>\n1 abc", {"<36>\n1 ab", NULL}, 1},
    {"5 a\nb\ncx\n", {"a\nb\nc", "x", NULL}, 0},
    {"<36>1 a\n7 <36>1 b<36>1 c\n", {"<36>1 a", "<36>1 b", "<36>1 c", NULL}, 0},
    {"<36>1 no end", {NULL}, 12},
    {"20 <36>1 short", {NULL}, 14},
    {"123", {NULL}, 3},
    {"123\n", {"123", NULL}, 0},
    {"0 a\n", {"0 a", NULL}, 0},
    {"007 a\n", {"007 a", NULL}, 0},
    {"12a\n", {"12a", NULL}, 0},
    {"-5 a\n", {"-5 a", NULL}, 0},
    {" 5 a\n", {" 5 a", NULL}, 0},
    {"123456789 a\n", {"123456789 a", NULL}, 0},
    {"123456789012345678901234567890 a\nb\n", {"123456789012345678901234567890 a", "b", NULL}, 0},
};

/* Feeds n bytes; checks the lines that come, in order. */
static void
feed(const struct stream *s, char *held, size_t *n_held, const char *bytes, size_t n, size_t *line)
{
    memcpy(held + *n_held, bytes, n);
    *n_held += n;
    size_t at = 0;
    for (;;) {
        struct slice got;
        size_t used;
        enum frames_found f = frames_next((struct slice){held + at, *n_held - at}, &got, &used);
        assert_int_not_equal(f, FRAMES_TOO_LONG);
        if (f == FRAMES_MORE) {
            assert_int_equal(used, 0);
            break;
        }
        assert_non_null(s->lines[*line]);
        if (!slice_eq(got, slice_of(s->lines[*line])))
            fail_msg("'%s': '%.*s' instead of '%s'", s->bytes, SLICE_ARG(got), s->lines[*line]);
        (*line)++;
        assert_true(used > 0 && used <= *n_held - at);
        at += used;
    }
    memmove(held, held + at, *n_held - at);
    *n_held -= at;
}

static void
test_a_stream_gives_the_same_lines_wherever_it_is_cut(void **state)
{
    for (size_t i = 0; i < sizeof streams / sizeof streams[0]; i++) {
        const struct stream *s = &streams[i];
        size_t n = strlen(s->bytes);
        for (size_t cut = 0; cut <= n; cut++) {
            for (size_t second = cut; second <= n; second++) {
                char held[STREAM_MAX];
                size_t n_held = 0, line = 0;
                feed(s, held, &n_held, s->bytes, cut, &line);
                feed(s, held, &n_held, s->bytes + cut, second - cut, &line);
                feed(s, held, &n_held, s->bytes + second, n - second, &line);
                assert_null(s->lines[line]);
                assert_int_equal(n_held, s->left);
            }
        }
    }
    (void)state;
}

static char *
filled(size_t n, char with)
{
    char *p = malloc(n);
    assert_non_null(p);
    memset(p, with, n);
    return p;
}

static void
test_a_line_may_be_as_long_as_the_limit_and_no_longer(void **state)
{
    struct slice line;
    size_t used;
    char *p = filled(FRAMES_LINE_MAX + 2, 'a');
    p[FRAMES_LINE_MAX] = '\n';
    assert_int_equal(frames_next((struct slice){p, FRAMES_LINE_MAX + 1}, &line, &used),
                     FRAMES_LINE);
    assert_int_equal(line.n, FRAMES_LINE_MAX);
    assert_int_equal(used, FRAMES_LINE_MAX + 1);
    p[FRAMES_LINE_MAX] = 'a';
    assert_int_equal(frames_next((struct slice){p, FRAMES_LINE_MAX}, &line, &used), FRAMES_MORE);
    assert_int_equal(used, 0);
    assert_int_equal(frames_next((struct slice){p, FRAMES_LINE_MAX + 1}, &line, &used),
                     FRAMES_TOO_LONG);
    assert_int_equal(used, FRAMES_LINE_MAX + 1);
    p[FRAMES_LINE_MAX + 1] = '\n';
    assert_int_equal(frames_next((struct slice){p, FRAMES_LINE_MAX + 2}, &line, &used),
                     FRAMES_TOO_LONG);
    assert_int_equal(used, FRAMES_LINE_MAX + 2);
    free(p);
    (void)state;
}

static void
test_a_counted_line_may_be_as_long_as_the_limit(void **state)
{
    static const char head[] = "65536 ";
    struct slice line;
    size_t used;
    char *p = filled(FRAMES_LINE_MAX + sizeof head, 'a');
    memcpy(p, head, sizeof head - 1);
    struct slice data = {p, FRAMES_LINE_MAX + sizeof head - 2};
    assert_int_equal(frames_next(data, &line, &used), FRAMES_MORE);
    data.n++;
    assert_int_equal(frames_next(data, &line, &used), FRAMES_LINE);
    assert_int_equal(line.n, FRAMES_LINE_MAX);
    assert_int_equal(used, data.n);
    free(p);
    (void)state;
}

static void
test_a_false_count_is_dropped_and_what_follows_is_read(void **state)
{
    static const char *const heads[] = {"65537 ", "1000000 ", "99999999 "};
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        struct slice line;
        size_t used, n = strlen(heads[i]);
        char text[64] = "";
        memcpy(text, heads[i], n);
        memcpy(text + n, "rest\nnext\n", 10);
        assert_int_equal(frames_next((struct slice){text, n + 10}, &line, &used), FRAMES_TOO_LONG);
        assert_int_equal(used, n);
        assert_int_equal(frames_next((struct slice){text + n, 10}, &line, &used), FRAMES_LINE);
        assert_true(slice_eq(line, SLICE("rest")));
    }
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_stream_gives_the_same_lines_wherever_it_is_cut),
        cmocka_unit_test(test_a_line_may_be_as_long_as_the_limit_and_no_longer),
        cmocka_unit_test(test_a_counted_line_may_be_as_long_as_the_limit),
        cmocka_unit_test(test_a_false_count_is_dropped_and_what_follows_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
