/* Law: whatever of file, environment and flags sets a name, the value is the flag's (the last of
 * them), else the environment's, else the file's, else the default, and conf_each names that
 * origin. SEED chooses who sets what; the seed is printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/conf.h"

enum { ROUNDS = 300, NAMES = 6, FLAGS_MAX = 2 * NAMES };

static const struct opt OPTS[] = {
    OPT_INT("a.one", "s", 1, 0, 1000, "One."),
    OPT_INT("a.two_words", "s", 2, 0, 1000, "Two."),
    OPT_INT("a.b.deep", "s", 3, 0, 1000, "Three."),
    OPT_INT("region.*.size", "s", 4, 0, 1000, "Four."),
    OPT_END,
};
static const struct opt *const TABLES[] = {OPTS, NULL};

static const struct {
    const char *name, *env;
    int64_t fallback;
} ROWS[NAMES] = {
    {"a.one", "WEIR_A_ONE", 1},
    {"a.two_words", "WEIR_A_TWO_WORDS", 2},
    {"a.b.deep", "WEIR_A_B_DEEP", 3},
    {"region.eu.size", "WEIR_REGION_EU_SIZE", 4},
    {"region.uk.size", "WEIR_REGION_UK_SIZE", 4},
    {"region.us_2.size", "WEIR_REGION_US_2_SIZE", 4},
};

static uint64_t state_of_random;

/* splitmix64 */
static unsigned
next(unsigned below)
{
    uint64_t z = (state_of_random += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (unsigned)((z ^ (z >> 31)) % below);
}

struct expected {
    int64_t value;
    const char *origin; /* its beginning */
    bool given;
};

static char flag_texts[FLAGS_MAX][64];

/* One name set by none, some or all, into the file's text, the environment and the flags. */
static struct expected
scatter(size_t i, FILE *file, const char **flags, size_t *flags_n)
{
    struct expected e = {ROWS[i].fallback, "default", false};
    if (next(2)) {
        e = (struct expected){next(1000), "file ", true};
        fprintf(file, next(2) ? "%s: %d\n" : "%s: '%d'\n", ROWS[i].name, (int)e.value);
    }
    unsetenv(ROWS[i].env);
    if (next(2)) {
        char value[16];
        e = (struct expected){next(1000), "environment", true};
        (void)snprintf(value, sizeof value, "%d", (int)e.value);
        setenv(ROWS[i].env, value, 1);
    }
    for (unsigned n = next(3); n > 0; n--) {
        e = (struct expected){next(1000), "flag", true};
        (void)snprintf(flag_texts[*flags_n], sizeof flag_texts[0], "%s=%d", ROWS[i].name,
                       (int)e.value);
        flags[*flags_n] = flag_texts[*flags_n];
        ++*flags_n;
    }
    return e;
}

static void
check_origin(void *ctx, const struct opt *o, const char *name, const char *value,
             const char *origin)
{
    const struct expected *all = ctx;
    for (size_t i = 0; i < NAMES; i++)
        if (strcmp(ROWS[i].name, name) == 0) {
            assert_memory_equal(origin, all[i].origin, strlen(all[i].origin));
            assert_int_equal(strtoll(value, NULL, 10), all[i].value);
        }
    assert_non_null(o);
}

static void
one_round(void)
{
    char path[] = "/tmp/weir-precedence-XXXXXX";
    const char *flags[FLAGS_MAX + 1] = {NULL};
    size_t flags_n = 0, regions = 0;
    struct expected all[NAMES];
    struct conf *c = NULL;
    int fd = mkstemp(path);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    assert_non_null(file);
    for (size_t i = 0; i < NAMES; i++)
        all[i] = scatter(i, file, flags, &flags_n);
    fclose(file);
    struct err e = conf_load(TABLES, path, flags, &c);
    unlink(path);
    assert_string_equal(e.text, "");
    for (size_t i = 0; i < NAMES; i++) {
        assert_int_equal(conf_int(c, ROWS[i].name), all[i].value);
        regions += i >= 3 && all[i].given;
    }
    conf_each(c, check_origin, all);
    const char *const *names;
    assert_int_equal(conf_names(c, "region.*.size", &names), regions);
    for (size_t i = 1; i < regions; i++)
        assert_true(strcmp(names[i - 1], names[i]) < 0);
    conf_free(c);
}

static void
test_the_strongest_source_of_a_setting_wins(void **state)
{
    for (int i = 0; i < ROUNDS; i++)
        one_round();
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_strongest_source_of_a_setting_wins),
    };
    const char *seed = getenv("SEED");
    state_of_random = seed != NULL ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL);
    printf("SEED=%llu\n", (unsigned long long)state_of_random);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
