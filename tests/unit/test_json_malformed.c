/*
 * JSON of other people's making, read in place from $SHARED/data/json-malformed: each file behaves
 * as its name says, also as the body of an answer of each source.
 */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/json.h"
#include "ingest/source.h"

extern const struct source source_apps, source_endpoint, source_identity, source_mail;

enum { FILE_MAX = 16 << 20, ARENA_BYTES = 256 << 20, PLAIN_FILES = 239, INPUTS_MIN = 100 };

/* y: must be read, n: must be refused, i: either, without a crash. */
typedef void take(const char *name, char verdict, struct slice text, struct arena *a);

static char
verdict_of(const char *path)
{
    static const struct {
        const char *folder, *prefix;
        char verdict;
    } rows[] = {
        {"/JSONTestSuite-parsing/", "y_", 'y'},    {"/JSONTestSuite-parsing/", "n_", 'n'},
        {"/JSONTestSuite-parsing/", "i_", 'i'},    {"/JSONTestSuite-transform/", "", 'i'},
        {"/nativejson-jsonchecker/", "pass", 'y'}, {"/nativejson-jsonchecker/", "fail", 'n'},
        {"/nativejson-roundtrip/", "", 'y'},       {"/naughty-strings/", "", 'y'},
    };
    const char *name = strrchr(path, '/') + 1;
    if (strstr(name, "EXCLUDE") != NULL) /* its origin leaves it out: a text is a document today */
        return 'i';
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strstr(path, rows[i].folder) != NULL &&
            strncmp(name, rows[i].prefix, strlen(rows[i].prefix)) == 0)
            return rows[i].verdict;
    fail_msg("%s: nobody said what to expect", path);
    return 0;
}

static struct slice
read_all(FILE *f, struct arena *a)
{
    char *text = arena_alloc(a, FILE_MAX);
    assert_non_null(f);
    assert_non_null(text);
    size_t n = fread(text, 1, FILE_MAX, f);
    assert_true(n < FILE_MAX);
    return (struct slice){text, n};
}

/* One file in its own memory of exactly its size, so that reading beyond its end is seen. */
static void
take_exact(take *t, const char *name, char verdict, struct slice text, struct arena *a)
{
    char *exact = malloc(text.n > 0 ? text.n : 1);
    assert_non_null(exact);
    memcpy(exact, text.p, text.n);
    t(name, verdict, (struct slice){exact, text.n}, a);
    free(exact);
}

static void
each_file(take *t)
{
    const char *shared = getenv("SHARED");
    char pattern[512];
    glob_t found;
    (void)snprintf(pattern, sizeof pattern, "%s/data/json-malformed/*/*.json",
                   shared != NULL ? shared : "../shared");
    if (glob(pattern, 0, NULL, &found) != 0) {
        print_message("skipped, no ../shared/data\n");
        skip();
    }
    struct arena *a = arena_new(ARENA_BYTES);
    assert_int_equal(found.gl_pathc, PLAIN_FILES);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        const char *path = found.gl_pathv[i];
        arena_reset(a);
        FILE *f = fopen(path, "rb");
        struct slice text = read_all(f, a);
        fclose(f);
        take_exact(t, strrchr(path, '/') + 1, verdict_of(path), text, a);
    }
    arena_free(a);
    globfree(&found);
}

static struct slice
base64_decode(struct slice s, struct arena *a)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *out = arena_alloc(a, s.n + 1);
    size_t n = 0;
    unsigned bits = 0, have = 0;
    assert_non_null(out);
    for (size_t i = 0; i < s.n && s.p[i] != '='; i++) {
        const char *at = memchr(digits, s.p[i], 64);
        if (at == NULL)
            fail_msg("'%c' is no digit", s.p[i]);
        bits = bits << 6 | (unsigned)(at - digits);
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[n++] = (char)(bits >> have & 0xff);
        }
    }
    return (struct slice){out, n};
}

/* The inputs that a fuzzer of another reader found: nobody says what becomes of them. */
static void
each_input(take *t)
{
    const char *shared = getenv("SHARED");
    char command[600];
    (void)snprintf(command, sizeof command,
                   "gzip -dc '%s/data/json-malformed/go-fuzz-json-corpus.jsonl.gz' 2>/dev/null",
                   shared != NULL ? shared : "../shared");
    FILE *f = popen(command, "r"); /* NOLINT(cert-env33-c): a test, with the folder as given */
    struct arena *all = arena_new(ARENA_BYTES), *a = arena_new(ARENA_BYTES);
    struct slice rest = read_all(f, all);
    if (pclose(f) != 0) {
        print_message("skipped, no ../shared/data\n");
        arena_free(a);
        arena_free(all);
        skip();
    }
    size_t n = 0;
    while (rest.n > 0) {
        struct json row;
        arena_reset(a);
        struct slice line = slice_split(&rest, '\n');
        assert_int_equal(json_parse(line, a, &row).kind, ERR_NONE);
        assert_int_equal(json_type(json_get(row, "base64")), JSON_TEXT);
        struct slice text = base64_decode(json_get_text(row, "base64"), a);
        take_exact(t, "go-fuzz", 'i', text, a);
        n++;
    }
    assert_true(n > INPUTS_MIN);
    arena_free(a);
    arena_free(all);
}

/* ---- through the reader */

static void
walk(struct json v)
{
    struct slice name;
    struct json part;
    int64_t number;
    (void)json_text(v);
    (void)json_int(v, &number);
    for (struct json_iter it = json_items(v); json_next(&it, &name, &part);)
        walk(part);
}

static void
through_the_reader(const char *name, char verdict, struct slice text, struct arena *a)
{
    struct json v;
    struct err e = json_parse(text, a, &v);
    if (e.kind != ERR_NONE && e.kind != ERR_REJECT)
        fail_msg("%s: kind %d, %s", name, (int)e.kind, e.text);
    if ((verdict == 'y' && e.kind) || (verdict == 'n' && !e.kind))
        fail_msg("%s was %s: %s", name, e.kind ? "refused" : "taken", e.text);
    if (e.kind) {
        assert_true(e.text[0] != '\0');
        return;
    }
    walk(v);
    struct slice small = json_minify(v, a);
    struct json again;
    e = json_parse(small, a, &again);
    if (e.kind || !slice_eq(json_minify(again, a), small))
        fail_msg("%s does not come back as it was", name);
    struct slice bare = slice_trim(text);
    if (strncmp(name, "roundtrip", 9) == 0 && !slice_eq(small, bare))
        fail_msg("%s: %.*s became %.*s", name, SLICE_ARG(bare), SLICE_ARG(small));
}

static void
test_each_file_behaves_as_its_name_says(void **state)
{
    each_file(through_the_reader);
    (void)state;
}

static void
test_what_another_reader_was_fuzzed_with_does_no_harm(void **state)
{
    each_input(through_the_reader);
    (void)state;
}

/* ---- as an answer */

static struct conf *
options(const struct source *s)
{
    struct conf *conf = NULL;
    const struct opt *const tables[] = {s->opts, NULL};
    assert_int_equal(conf_load(tables, "/dev/null", NULL, &conf).kind, ERR_NONE);
    return conf;
}

static void
as_one_answer(const struct source *s, const struct source_conf *c, const struct source_request *r,
              const char *name, char verdict, struct slice text, struct arena *a)
{
    struct page page;
    const struct answer got = {.asked = r, .conf = c, .status = 200, .body = text};
    struct err e = s->parse(&got, a, &page);
    bool refused = e.kind == ERR_RETRY || e.kind == ERR_REJECT;
    if (e.kind != ERR_NONE && (!refused || e.text[0] == '\0'))
        fail_msg("%s, %s: kind %d, '%s'", s->name, name, (int)e.kind, e.text);
    /* a blob asks for itself again without holding up the others */
    bool again = e.kind == ERR_NONE && page.n_alerts == 0 && page.n_next == 1 &&
                 slice_eq(page.next[0].http.url, r->http.url);
    if (verdict == 'n' && !refused && !again)
        fail_msg("%s took something of %s", s->name, name);
    for (size_t i = 0; e.kind == ERR_NONE && i < page.n_alerts; i++)
        assert_true(page.alerts[i].native_id.n > 0 && page.alerts[i].payload.n > 0);
}

/* Every call that a source makes: what first() asks, and its steps and calls beyond. */
static void
as_answers_of(const struct source *s, struct conf *conf, const char *name, char verdict,
              struct slice text, struct arena *a)
{
    enum { CALLS = 8, STEPS = 4, BLOB = 3 };
    bool mail = s == &source_mail;
    const struct source_conf c = {.conf = conf,
                                  .directory_id = SLICE("8a1a1157-0272-492d-ab10-3f9853ac8183"),
                                  .base_url = SLICE("https://h.example/api"),
                                  .now = INT64_C(1579000000) * CLOCK_SECOND,
                                  .start = INT64_C(1578990000) * CLOCK_SECOND};
    struct cursor at = {CLOCK_NONE, CLOCK_NONE, CLOCK_NONE, false};
    struct source_request *r;
    size_t n = 0;
    assert_int_equal(s->first(&c, &at, a, &r, &n).kind, ERR_NONE);
    for (size_t i = 0; i < n; i++)
        if (!mail || r[i].step != 0) /* the answer to a start is not read: its status says all */
            as_one_answer(s, &c, &r[i], name, verdict, text, a);
    struct source_request asked = r[0];
    asked.from = c.start;
    asked.until = c.now;
    asked.at.since = c.start;
    if (mail) {
        asked.http.url = SLICE("https://h.example/api/audit/1$x");
        for (asked.step = 1; asked.step < STEPS; asked.step++)
            as_one_answer(s, &c, &asked, name, verdict, text, a);
    }
    if (s != &source_endpoint)
        return;
    asked.carry = SLICE("da1");
    asked.call = 1; /* an alert that was asked for by its id */
    as_one_answer(s, &c, &asked, name, verdict, text, a);
    asked.carry = SLICE("{\"alert\":{\"id\":\"da1\"}}");
    for (asked.call = 2; asked.call < CALLS - 1; asked.call++) /* a part that nobody can read does
                                                                  not take its alert with it */
        as_one_answer(s, &c, &asked, name, 'i', text, a);
}

static struct conf *confs[3]; /* made by the test, one a source */

static void
as_answers(const char *name, char verdict, struct slice text, struct arena *a)
{
    static const struct source *const asked[] = {&source_endpoint, &source_mail, &source_apps};
    for (size_t i = 0; i < 3; i++)
        as_answers_of(asked[i], confs[i], name, verdict, text, a);
}

/* Of a line nothing is refused when it comes; it is dead when it is to become an alert. */
static void
as_lines(const char *name, char verdict, struct slice text, struct arena *a)
{
    static const struct source *const listen[] = {&source_identity, &source_apps};
    const struct source_conf c = {.now = INT64_C(1579000000) * CLOCK_SECOND, .port = 514};
    for (size_t i = 0; i < 2; i++) {
        const struct answer got = {.conf = &c, .body = text};
        struct page page;
        struct source_ident ident;
        struct err e = listen[i]->parse(&got, a, &page);
        if (e.kind == ERR_STOP)
            fail_msg("%s, %s: %s", listen[i]->name, name, e.text);
        e = listen[i]->ident(text, IDENTITY_SYSLOG, a, &ident);
        if (e.kind != ERR_REJECT)
            fail_msg("%s took %s for an alert", listen[i]->name, name);
    }
    (void)verdict;
}

static void
as_documents(const char *name, char verdict, struct slice text, struct arena *a)
{
    static const struct source *const all[] = {&source_endpoint, &source_mail, &source_apps,
                                               &source_identity};
    for (size_t i = 0; i < 4; i++) {
        const struct source_document doc = {text, INT64_C(1579000000) * CLOCK_SECOND};
        struct source_ident ident;
        struct alert al;
        struct err e = all[i]->ident(text, IDENTITY_APPS, a, &ident);
        struct err m = all[i]->map(&doc, 1, SLICE("d"), a, &al);
        if (verdict == 'n' && (e.kind != ERR_REJECT || m.kind != ERR_REJECT))
            fail_msg("%s took %s for a document", all[i]->name, name);
    }
}

static void
make_confs(void)
{
    confs[0] = options(&source_endpoint);
    confs[1] = NULL; /* mail goes without */
    confs[2] = options(&source_apps);
}

static void
free_confs(void)
{
    for (size_t i = 0; i < 3; i++)
        conf_free(confs[i]);
}

static void
test_as_an_answer_none_does_harm_and_the_bad_are_asked_for_again(void **state)
{
    make_confs();
    each_file(as_answers);
    each_input(as_answers);
    free_confs();
    (void)state;
}

static void
test_as_a_line_or_a_document_none_does_harm(void **state)
{
    each_file(as_lines);
    each_file(as_documents);
    each_input(as_lines);
    each_input(as_documents);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_file_behaves_as_its_name_says),
        cmocka_unit_test(test_what_another_reader_was_fuzzed_with_does_no_harm),
        cmocka_unit_test(test_as_an_answer_none_does_harm_and_the_bad_are_asked_for_again),
        cmocka_unit_test(test_as_a_line_or_a_document_none_does_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
