#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "normalize/lines.h"

/* The lines of a text, joined by '|'; an error ends them with its code. */
static void
lines_of(const char *text, size_t n, char *out, size_t size)
{
    FILE *in = fmemopen((void *)(uintptr_t)text, n > 0 ? n : 1, "r");
    struct lines l;
    struct slice line;
    size_t used = 0;
    assert_non_null(in);
    if (n == 0)
        assert_int_equal(fgetc(in), 0);
    lines_init(&l, in, "text");
    for (;;) {
        struct err e = lines_next(&l, &line);
        int more =
            snprintf(out + used, size - used, "%s%.*s", used > 0 ? "|" : "", SLICE_ARG(line));
        if (e.kind)
            (void)snprintf(out + used, size - used, "|%s", e.code);
        if (e.kind || line.p == NULL)
            break;
        used += (size_t)more;
    }
    lines_fini(&l);
    (void)fclose(in);
}

static void
test_blank_lines_are_passed_over_and_the_last_needs_no_end(void **state)
{
    static const struct {
        const char *text, *lines;
    } ROWS[] = {
        {"", ""},   {"a", "a|"}, {"a\n", "a|"}, {"a\nb", "a|b|"}, {"\n\n a \r\n\t\nb\n\n", "a|b|"},
        {"\n", ""},
    };
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        char got[100];
        lines_of(ROWS[i].text, strlen(ROWS[i].text), got, sizeof(got));
        assert_string_equal(got, ROWS[i].lines);
    }
    (void)state;
}

static void
test_a_line_longer_than_the_buffer_is_whole(void **state)
{
    enum { LONG = 700 * 1024 };
    char *text = malloc(LONG + 3);
    assert_non_null(text);
    memset(text, 'x', LONG);
    memcpy(text + LONG, "\ny\n", 3);
    FILE *in = fmemopen(text, LONG + 3, "r");
    assert_non_null(in);
    struct lines l;
    struct slice line;
    lines_init(&l, in, "text");
    assert_int_equal(lines_next(&l, &line).kind, ERR_NONE);
    assert_int_equal(line.n, LONG);
    assert_int_equal(lines_next(&l, &line).kind, ERR_NONE);
    assert_true(slice_eq(line, SLICE("y")));
    assert_int_equal(lines_next(&l, &line).kind, ERR_NONE);
    assert_null(line.p);
    lines_fini(&l);
    (void)fclose(in);
    free(text);
    (void)state;
}

static ssize_t
endless(void *cookie, char *buf, size_t n)
{
    (void)cookie;
    memset(buf, 'x', n);
    return (ssize_t)n;
}

static void
test_a_line_without_an_end_is_refused_in_bounded_memory(void **state)
{
    FILE *in = fopencookie(NULL, "r", (cookie_io_functions_t){.read = endless});
    struct lines l;
    struct slice line;
    assert_non_null(in);
    lines_init(&l, in, "endless");
    struct err e = lines_at(&l, lines_next(&l, &line));
    assert_int_equal(e.kind, ERR_REJECT);
    assert_string_equal(e.code, "lines.long");
    assert_string_equal(e.text, "endless, line 1: longer than 64 MiB");
    assert_true(l.cap <= (size_t)2 * LINES_BYTES_MAX);
    lines_fini(&l);
    (void)fclose(in);
    (void)state;
}

static void
test_an_error_tells_the_file_and_the_line(void **state)
{
    char text[] = "a\n\nb\n";
    FILE *in = fmemopen(text, sizeof(text) - 1, "r");
    struct lines l;
    struct slice line;
    assert_non_null(in);
    lines_init(&l, in, "truth.jsonl");
    assert_int_equal(lines_next(&l, &line).kind, ERR_NONE);
    assert_int_equal(lines_next(&l, &line).kind, ERR_NONE);
    struct err e = lines_at(&l, err_make(ERR_REJECT, "x.y", "no good"));
    assert_string_equal(e.text, "truth.jsonl, line 3: no good");
    assert_int_equal(lines_at(&l, ERR_OK).kind, ERR_NONE);
    lines_fini(&l);
    (void)fclose(in);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blank_lines_are_passed_over_and_the_last_needs_no_end),
        cmocka_unit_test(test_a_line_longer_than_the_buffer_is_whole),
        cmocka_unit_test(test_a_line_without_an_end_is_refused_in_bounded_memory),
        cmocka_unit_test(test_an_error_tells_the_file_and_the_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
