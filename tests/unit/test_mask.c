/* Passwords in what people are shown. Ref: sources.md 8.2, line 7. */
#include "common/mask.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HUSH "hunter2"

static void
test_a_password_in_a_connection_string_is_hidden_and_the_rest_stays(void **state)
{
    static const char *const rows[][2] = {
        {"", ""},
        {"host=db dbname=weir", "host=db dbname=weir"},
        {"host=db password=" HUSH " dbname=weir", "host=db password=*** dbname=weir"},
        {"password=" HUSH, "password=***"},
        {"password = " HUSH "\tuser=w", "password = ***\tuser=w"},
        {"password='a " HUSH "' user=w", "password=*** user=w"},
        {"password='a\\' " HUSH "' user=w", "password=*** user=w"},
        {"password='a " HUSH, "password=***"},
        {"password=a\\ " HUSH " user=w", "password=*** user=w"},
        {"password=" HUSH "\\", "password=***"},
        {"password=a&" HUSH, "password=***"},
        {"PassWord=" HUSH, "PassWord=***"},
        {"sslpassword=" HUSH " password=" HUSH, "sslpassword=*** password=***"},
        {"password=", "password=***"},
        {"password", "password"},
        {"passwords=7 passfile=/p", "passwords=7 passfile=/p"},
        {"postgresql://w@db/weir", "postgresql://w@db/weir"},
        {"postgresql://db:5432/weir", "postgresql://db:5432/weir"},
        {"postgres://w:" HUSH "@db:5432/weir", "postgres://w:***@db:5432/weir"},
        {"postgres://w:a/" HUSH "@b@db/weir", "postgres://w:***@db/weir"},
        {"postgres://db/weir?password=" HUSH "&user=w", "postgres://db/weir?password=***&user=w"},
        {"postgres://w:" HUSH "@db/x?sslpassword=" HUSH, "postgres://w:***@db/x?sslpassword=***"},
        {"host=a://b password=" HUSH "&" HUSH, "host=a://b password=***"},
    };
    struct arena *a = arena_new(1 << 16);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct slice got = mask_secrets(slice_of(rows[i][0]), a);
        if (!slice_eq(got, slice_of(rows[i][1])))
            fail_msg("%s became %.*s", rows[i][0], SLICE_ARG(got));
    }
    arena_free(a);
    (void)state;
}

static void
test_without_memory_nothing_is_shown(void **state)
{
    struct arena *a = arena_new(16);
    struct slice got = mask_secrets(SLICE("host=db dbname=weir password=" HUSH), a);
    assert_null(got.p);
    arena_free(a);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_password_in_a_connection_string_is_hidden_and_the_rest_stays),
        cmocka_unit_test(test_without_memory_nothing_is_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
