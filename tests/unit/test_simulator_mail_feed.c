/* The Management Activity API without its sockets, on a clock of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/simulator/mail_feed.h"

#define NOW INT64_C(15789900000000000) /* 2020-01-14T08:20:00Z */
#define MINUTE (60 * CLOCK_SECOND)
#define TENANT SLICE("3f2a8c1e-6b7d-4e59-9a40-1c5d7e8f9b20")

struct world {
    struct arena *a;
    struct plan plan;
    struct mail_feed feed;
};

static int
setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    *state = w;
    if (w == NULL)
        return 1;
    w->a = arena_new((size_t)64 << 20);
    w->plan.arena = w->a;
    mail_feed_init(&w->feed, TENANT);
    return w->a == NULL;
}

static int
teardown(void **state)
{
    struct world *w = *state;
    arena_free(w->a);
    free(w);
    return 0;
}

/* One record of a blob, released then. */
static struct delivery *
put(struct world *w, size_t blob, int64_t released)
{
    struct delivery d = {.source = SIM_MAIL, .blob = blob, .released = released};
    d.payload = slice_printf(w->a, "{\"n\":%zu}", w->plan.n);
    struct delivery *added = plan_add(&w->plan, &d);
    assert_non_null(added);
    if (blob > w->plan.blobs)
        w->plan.blobs = blob;
    return added;
}

static struct mail_blob *
list(struct world *w, struct mail_window window, int64_t now, size_t *n)
{
    size_t n_atoms;
    struct mail_atom *atoms = mail_atoms(&w->feed, &w->plan, now, w->a, &n_atoms);
    assert_non_null(atoms);
    struct mail_blob *blobs = mail_list(&w->feed, &window, atoms, n_atoms, w->a, n);
    assert_non_null(blobs);
    return blobs;
}

static const char *
find(struct world *w, struct slice id, int64_t now)
{
    size_t n_atoms;
    struct mail_atom *atoms = mail_atoms(&w->feed, &w->plan, now, w->a, &n_atoms);
    struct mail_blob b;
    return mail_blob_find(&w->feed, id, atoms, n_atoms, now, w->a, &b).code;
}

static struct slice
at(struct world *w, int64_t t)
{
    struct clock_text text = clock_format(t);
    return slice_dup(w->a, slice_sub(slice_of(text.s), 0, 19));
}

/* ---- subscriptions */

static void
test_a_second_start_that_changes_nothing_is_af20024(void **state)
{
    struct world *w = *state;
    assert_string_equal(mail_content_check(&w->feed, 0).code, "AF20022");
    assert_null(mail_start_check(&w->feed, 0, NULL, NOW).code);
    mail_start(&w->feed, 0, NULL, NOW);
    struct mail_refusal r = mail_start_check(&w->feed, 0, NULL, NOW);
    assert_string_equal(r.code, "AF20024");
    assert_int_equal(r.status, 400);
    assert_null(mail_content_check(&w->feed, 0).code);
    assert_string_equal(mail_content_check(&w->feed, 1).code, "AF20022");
}

static void
test_a_stopped_subscription_is_af20023_and_for_a_while_so_is_its_start(void **state)
{
    struct world *w = *state;
    w->feed.traits.revive_s = 60;
    mail_start(&w->feed, 0, NULL, NOW);
    mail_stop(&w->feed, 0, NOW);
    assert_string_equal(mail_content_check(&w->feed, 0).code, "AF20023");
    assert_string_equal(mail_start_check(&w->feed, 0, NULL, NOW + MINUTE - 1).code, "AF20023");
    assert_null(mail_start_check(&w->feed, 0, NULL, NOW + MINUTE).code);
}

static void
test_start_changes_revives_and_removes_a_webhook(void **state)
{
    struct world *w = *state;
    struct mail_hook hook = {.expires = NOW + MINUTE, .address = "https://a.example/x"};
    struct mail_hook other = hook;
    strcpy(other.auth_id, "weir");
    mail_start(&w->feed, 0, &hook, NOW);
    assert_string_equal(mail_start_check(&w->feed, 0, &hook, NOW).code, "AF20024");
    assert_null(mail_start_check(&w->feed, 0, &other, NOW).code);
    assert_null(mail_start_check(&w->feed, 0, NULL, NOW).code);
    mail_hook_look(&w->feed.subs[0].hook, NOW + MINUTE - 1);
    assert_string_equal(mail_hook_word(&w->feed.subs[0].hook), "enabled");
    mail_hook_look(&w->feed.subs[0].hook, NOW + MINUTE);
    assert_string_equal(mail_hook_word(&w->feed.subs[0].hook), "expired");
    assert_null(mail_start_check(&w->feed, 0, &hook, NOW + MINUTE).code);
    mail_start(&w->feed, 0, NULL, NOW + MINUTE);
    assert_int_equal(w->feed.subs[0].hook.status, MAIL_HOOK_NONE);
}

static void
test_what_comes_while_it_is_off_is_available_when_it_is_on_again(void **state)
{
    struct world *w = *state;
    struct mail_window all = {NOW - MAIL_HOUR, NOW + MAIL_HOUR};
    size_t n;
    mail_start(&w->feed, 0, NULL, NOW);
    mail_stop(&w->feed, 0, NOW + MINUTE);
    put(w, 1, NOW + 2 * MINUTE);
    list(w, all, NOW + 3 * MINUTE, &n);
    assert_int_equal(n, 0);
    mail_start(&w->feed, 0, NULL, NOW + 4 * MINUTE);
    struct mail_blob *blobs = list(w, all, NOW + 5 * MINUTE, &n);
    assert_int_equal(n, 1);
    assert_true(blobs[0].created == NOW + 4 * MINUTE);
}

/* ---- windows */

static void
test_windows_are_checked(void **state)
{
    struct world *w = *state;
    const int64_t s = CLOCK_SECOND;
    const struct {
        int64_t from, to;
        const char *code;
    } cases[] = {
        {NOW - MAIL_DAY, NOW, NULL},
        {NOW - MAIL_DAY - s, NOW, "AF20030"},
        {NOW - 7 * MAIL_DAY - MAIL_HOUR, NOW - 7 * MAIL_DAY, NULL},
        {NOW - 7 * MAIL_DAY - MAIL_HOUR - s, NOW - 7 * MAIL_DAY, "AF20030"},
        {NOW, NOW + MAIL_HOUR, NULL}, /* a future end is accepted */
        {NOW, NOW, "AF20055"},
        {NOW, NOW - s, "AF20055"},
    };
    struct mail_window got;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mail_refusal r = mail_window(at(w, cases[i].from), at(w, cases[i].to), NOW, &got);
        if (cases[i].code == NULL) {
            assert_null(r.code);
            assert_true(got.from == cases[i].from && got.to == cases[i].to);
        } else {
            assert_non_null(r.code);
            assert_string_equal(r.code, cases[i].code);
        }
    }
    assert_string_equal(mail_window(at(w, NOW), SLICE_NONE, NOW, &got).code, "AF20030");
    assert_string_equal(mail_window(SLICE_NONE, at(w, NOW), NOW, &got).code, "AF20030");
    assert_null(mail_window(SLICE_NONE, SLICE_NONE, NOW, &got).code);
    assert_true(got.to - got.from >= MAIL_DAY);
}

static void
test_times_of_windows_have_three_forms_with_or_without_z(void **state)
{
    const char *good[] = {"2020-01-14", "2020-01-14T08:00", "2020-01-14T08:00:00",
                          "2020-01-14T08:00:00Z", "2020-01-14T08:00Z"};
    const char *bad[] = {"",
                         "2020-01-14 08:00:00",
                         "2020-01-14T08",
                         "2020-01-14T08:00:00.000Z",
                         "2020-13-14",
                         "1/14/2020 8:00:00 AM",
                         "2020-01-14T08:00:00+00:00"};
    struct mail_window got;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_null(mail_window(slice_of(good[i]), SLICE("2020-01-14T09:00"), NOW, &got).code);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_string_equal(
            mail_window(slice_of(bad[i]), SLICE("2020-01-14T09:00"), NOW, &got).code, "AF20002");
    (void)state;
}

static void
test_adjoining_windows_neither_overlap_nor_gap(void **state)
{
    struct world *w = *state;
    size_t before, after, n = 0;
    for (size_t blob = 1; blob <= 9; blob++)
        put(w, blob, NOW + (int64_t)blob * CLOCK_SECOND);
    for (int cut = 0; cut < 2; cut++)
        for (int64_t s = 0; s <= 10; s++) {
            struct mail_window early = {NOW, NOW + s * CLOCK_SECOND};
            struct mail_window late = {NOW + s * CLOCK_SECOND, NOW + MINUTE};
            w->feed.traits.cut = cut;
            struct mail_blob *one = list(w, early, NOW + MINUTE, &before);
            struct mail_blob *two = list(w, late, NOW + MINUTE, &after);
            n = 0;
            for (size_t i = 0; i < before; i++)
                n += one[i].b != NULL ? 2 : 1;
            for (size_t i = 0; i < after; i++)
                n += two[i].b != NULL ? 2 : 1;
            assert_int_equal(n, 9);
        }
}

/* ---- blobs */

static void
test_a_blob_is_there_with_the_last_of_its_records(void **state)
{
    struct world *w = *state;
    struct mail_window all = {NOW - MAIL_HOUR, NOW + MAIL_HOUR};
    size_t n;
    put(w, 1, NOW);
    struct delivery *second = put(w, 1, CLOCK_NONE);
    list(w, all, NOW + MINUTE, &n);
    assert_int_equal(n, 0);
    second->released = NOW + MINUTE;
    struct mail_blob *blobs = list(w, all, NOW + MINUTE, &n);
    assert_int_equal(n, 1);
    assert_true(blobs[0].created == NOW + MINUTE);
}

static void
test_a_late_blob_is_listed_before_those_already_seen(void **state)
{
    struct world *w = *state;
    struct mail_window all = {NOW - MAIL_HOUR, NOW + MAIL_HOUR};
    size_t n;
    put(w, 1, NOW);
    put(w, 2, NOW + MINUTE)->late = 30 * MINUTE;
    struct mail_blob *blobs = list(w, all, NOW, &n);
    assert_int_equal(n, 1);
    blobs = list(w, all, NOW + MINUTE, &n);
    assert_int_equal(n, 2);
    assert_int_equal(blobs[0].a->number, 2);
    assert_true(blobs[0].created == NOW - 29 * MINUTE);
}

/* Whatever the start, a window's blobs hold each record once, under names that are found again. */
static void
test_another_start_cuts_other_blobs_of_the_same_records(void **state)
{
    struct world *w = *state;
    size_t ids = 0;
    struct slice seen[64];
    w->feed.traits.cut = 1;
    for (size_t blob = 1; blob <= 5; blob++)
        for (size_t i = 0; i < blob; i++)
            put(w, blob, NOW + (int64_t)blob);
    for (int64_t s = 0; s < 3; s++) {
        struct mail_window window = {NOW - s * CLOCK_SECOND, NOW + MINUTE};
        size_t n, records, total = 0;
        struct mail_blob *blobs = list(w, window, NOW + MINUTE, &n);
        for (size_t i = 0; i < n; i++) {
            struct slice id = mail_blob_id(&w->feed, &blobs[i], w->a);
            size_t k = 0;
            assert_null(find(w, id, NOW + MINUTE));
            assert_non_null(mail_blob_records(&w->feed, &w->plan, &blobs[i], w->a, &records));
            assert_true(records > 0);
            total += records;
            while (k < ids && !slice_eq(seen[k], id))
                k++;
            if (k == ids)
                seen[ids++] = id;
        }
        assert_int_equal(total, 15);
    }
    assert_true(ids > 5 + 3); /* other starts, other names */
}

static void
test_names_of_blobs_have_three_generations(void **state)
{
    struct world *w = *state;
    struct mail_window all = {NOW - MAIL_HOUR, NOW + MAIL_HOUR};
    size_t n;
    for (size_t blob = 1; blob <= 3; blob++)
        put(w, blob, NOW + (int64_t)blob);
    struct mail_blob *blobs = list(w, all, NOW + MINUTE, &n);
    size_t dollars[3] = {0};
    for (size_t i = 0; i < n; i++) {
        struct slice id = mail_blob_id(&w->feed, &blobs[i], w->a);
        for (size_t k = 0; k < id.n; k++)
            dollars[i] += id.p[k] == '$' ? 1 : 0;
    }
    assert_int_equal(dollars[0], 4);
    assert_int_equal(dollars[1], 3);
    assert_int_equal(dollars[2], 5);
}

static void
test_foreign_names_of_blobs_are_refused(void **state)
{
    struct world *w = *state;
    struct mail_window all = {NOW - MAIL_HOUR, NOW + MAIL_HOUR};
    size_t n;
    put(w, 2, NOW);
    struct slice good = mail_blob_id(&w->feed, list(w, all, NOW, &n), w->a);
    assert_null(find(w, good, NOW));
    char *forged = slice_cstr(w->a, good);
    forged[3] = forged[3] == '9' ? '8' : '9';
    assert_string_equal(find(w, slice_of(forged), NOW), "AF20050");
    assert_string_equal(find(w, SLICE("nothing"), NOW), "AF20052");
    assert_string_equal(find(w, SLICE("492638000007$492638000007$x$y$04"), NOW), "AF20050");
}

static void
test_a_blob_of_last_week_has_expired(void **state)
{
    struct world *w = *state;
    struct mail_window all = {NOW - MAIL_HOUR, NOW + MAIL_HOUR};
    size_t n;
    put(w, 2, NOW);
    struct slice id = mail_blob_id(&w->feed, list(w, all, NOW, &n), w->a);
    assert_null(find(w, id, NOW + 7 * MAIL_DAY));
    assert_string_equal(find(w, id, NOW + 7 * MAIL_DAY + 1), "AF20051");
}

static void
test_filler_is_as_large_as_wanted_and_json(void **state)
{
    struct world *w = *state;
    struct mail_atom atom = {6, NOW, 1};
    struct mail_blob b = {&atom, NULL, 0, NOW};
    struct json list;
    assert_int_equal(mail_filler(&w->feed, &b, w->a).n, 0);
    w->feed.traits.filler_every = 3;
    w->feed.traits.filler_bytes = 2 << 20;
    struct slice filler = mail_filler(&w->feed, &b, w->a);
    assert_true(filler.n >= 2 << 20 && filler.n < (2 << 20) + 1000);
    struct slice text = slice_printf(w->a, "[0%.*s]", SLICE_ARG(filler));
    struct err e = json_parse(text, w->a, &list);
    assert_int_equal(e.kind, ERR_NONE);
    assert_true(json_count(list) > 1000);
    atom.number = 7;
    assert_int_equal(mail_filler(&w->feed, &b, w->a).n, 0);
}

/* ---- pages */

static void
test_a_name_of_a_page_is_good_for_its_window_and_time(void **state)
{
    struct world *w = *state;
    struct mail_window window = {NOW, NOW + MINUTE};
    struct mail_window other = {NOW - CLOCK_SECOND, NOW + MINUTE};
    size_t page = 0;
    w->feed.traits.page_life_s = 60;
    struct slice name = mail_page_name(&w->feed, &window, 5, NOW, w->a);
    assert_int_equal(name.n, strlen("2015101900R022885001761"));
    assert_null(mail_page_find(&w->feed, &window, name, NOW + MINUTE, &page).code);
    assert_int_equal(page, 5);
    assert_string_equal(mail_page_find(&w->feed, &other, name, NOW, &page).code, "AF20031");
    assert_string_equal(
        mail_page_find(&w->feed, &window, name, NOW + MINUTE + CLOCK_SECOND, &page).code,
        "AF20031");
    assert_string_equal(mail_page_find(&w->feed, &window, SLICE("x"), NOW, &page).code, "AF20031");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_second_start_that_changes_nothing_is_af20024),
        TEST(test_a_stopped_subscription_is_af20023_and_for_a_while_so_is_its_start),
        TEST(test_start_changes_revives_and_removes_a_webhook),
        TEST(test_what_comes_while_it_is_off_is_available_when_it_is_on_again),
        TEST(test_windows_are_checked),
        TEST(test_times_of_windows_have_three_forms_with_or_without_z),
        TEST(test_adjoining_windows_neither_overlap_nor_gap),
        TEST(test_a_blob_is_there_with_the_last_of_its_records),
        TEST(test_a_late_blob_is_listed_before_those_already_seen),
        TEST(test_another_start_cuts_other_blobs_of_the_same_records),
        TEST(test_names_of_blobs_have_three_generations),
        TEST(test_foreign_names_of_blobs_are_refused),
        TEST(test_a_blob_of_last_week_has_expired),
        TEST(test_filler_is_as_large_as_wanted_and_json),
        TEST(test_a_name_of_a_page_is_good_for_its_window_and_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
