/*
 * Nothing that sources.md 7 names is lost between a native record and Graph's alert: of made-up
 * records that hold all of it, and of every native record in $SHARED/data. For each source it also
 * prints the members that no mapping reads, so that gaps are seen.
 */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/json.h"
#include "ingest/cef.h"
#include "ingest/source.h"
#include "tests/property/members_rows.h"
#include "tests/property/members_view.h"

enum {
    LINE_BYTES = 8 << 20,
    UNREAD_MAX = 1024,
    PATH_BYTES = 160,
};
#define RECEIVED (INT64_C(1893456000) * CLOCK_SECOND)

/* ---- the table against a record */

struct tally {
    size_t compared[ROWS]; /* values that were found or missed */
    size_t missed;
};

static bool
row_is_for(const struct member_row *r, const struct source *s, struct json view)
{
    struct slice rest = slice_of(r->source);
    if (!slice_eq(slice_split(&rest, ' '), slice_of(s->name)))
        return false;
    int64_t type = 0, wanted = 0;
    return rest.n == 0 ||
           (slice_int(rest, &wanted) && json_get_int(view, "RecordType", &type) && type == wanted);
}

static void
compare(const struct source *s, struct json view, struct slice graph_text, struct arena *a,
        struct tally *t, bool quiet)
{
    struct json graph = parsed(graph_text, a);
    for (size_t i = 0; i < ROWS; i++) {
        struct values native = {.n = 0}, found = {.n = 0};
        if (!row_is_for(&rows[i], s, view))
            continue;
        collect(view, slice_of(rows[i].native), a, &native);
        bool or_later = rows[i].graph[0] == '>';
        collect_any(graph, slice_of(rows[i].graph + (or_later ? 1 : 0)), a, &found);
        for (size_t k = 0; k < native.n; k++) {
            struct slice wanted = rows[i].as(native.v[k], a);
            if (wanted.n == 0)
                continue;
            t->compared[i]++;
            if (contains(&found, wanted, or_later))
                continue;
            t->missed++;
            if (!quiet)
                printf("lost: %s %s \"%.*s\" is not at %s (%zu values%s%.*s)\n", rows[i].source,
                       rows[i].native, SLICE_ARG(slice_sub(wanted, 0, 80)), rows[i].graph, found.n,
                       found.n > 0 ? ", first " : "",
                       SLICE_ARG(found.n > 0 ? slice_sub(found.v[0], 0, 80) : SLICE_NONE));
        }
    }
}

/* The record through ident and map; false: it is no alert. */
static bool
mapped(const struct source *s, struct slice record, struct arena *a, struct alert *out)
{
    struct source_ident ident = {.fate = FATE_ALERT};
    const struct source_document doc = {record, RECEIVED};
    struct err e = s->ident(record, s->listens ? IDENTITY_SYSLOG : IDENTITY_APPS, a, &ident);
    if (e.kind == ERR_NONE && ident.fate == FATE_ALERT)
        e = s->map(&doc, 1, SLICE("d"), a, out);
    return e.kind == ERR_NONE && ident.fate == FATE_ALERT;
}

/* ---- members that no mapping reads */

enum { UNREAD = 1, KEPT = 2, READ = 4 };

struct unread {
    struct {
        char path[PATH_BYTES];
        size_t records;
        int seen; /* of the best that became of it in any record */
    } list[UNREAD_MAX];
    size_t n;
};

static void
note(struct unread *u, const char *path, int what)
{
    size_t i = 0;
    while (i < u->n && strcmp(u->list[i].path, path) != 0)
        i++;
    if (i == UNREAD_MAX)
        return;
    if (i == u->n) {
        (void)snprintf(u->list[i].path, PATH_BYTES, "%s", path);
        u->n++;
    }
    u->list[i].records++;
    u->list[i].seen |= what;
}

/* What only says of which kind an item is; it is in the path. */
static bool
is_label(const char *name)
{
    static const char *const labels[] = {"$id", "$ref", "entityType", "Type", "type"};
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
        if (name != NULL && strcmp(name, labels[i]) == 0)
            return true;
    return false;
}

struct cutter {
    struct arena *a;
    size_t at, target;     /* values that say something are counted */
    char path[PATH_BYTES]; /* of the one that was left out */
    bool text_inside;      /* of mail: documents go back into texts */
};

static struct json_out *cut_value(struct cutter *c, struct json v, const char *path, int depth);

/* One member or item; name NULL: an item. */
static void
cut_part(struct cutter *c, struct json_out *o, const char *name, struct json v, const char *path,
         int depth)
{
    enum json_type t = json_type(v);
    if (t != JSON_ARRAY && t != JSON_OBJECT) {
        bool says = text_of(v, c->a).n > 0 && !is_label(name);
        if (says && c->at++ == c->target)
            (void)snprintf(c->path, PATH_BYTES, "%s", path);
        else if (name != NULL)
            json_out_set_raw(o, name, json_minify(v, c->a));
        else
            json_out_add_raw(o, json_minify(v, c->a));
        return;
    }
    struct json_out *part = cut_value(c, v, path, depth + 1);
    bool data = depth == 0 && name != NULL && strcmp(name, "Data") == 0 && t == JSON_OBJECT;
    bool action = depth == 1 && name == NULL && strncmp(path, "Actions", 7) == 0;
    if (c->text_inside && data)
        json_out_text(o, name, json_out_print(part, c->a));
    else if (c->text_inside && action)
        json_out_add_text(o, json_out_print(part, c->a));
    else if (name != NULL)
        json_out_set(o, name, part);
    else
        json_out_add(o, part);
}

/* The value again without the scalar that is the target. */
static struct json_out *
cut_value(struct cutter *c, struct json v, const char *path, int depth)
{
    bool object = json_type(v) == JSON_OBJECT;
    struct json_out *o = object ? json_out_object(c->a) : json_out_array(c->a);
    struct slice name;
    struct json part;
    for (struct json_iter it = json_items(v); json_next(&it, &name, &part);) {
        char below[PATH_BYTES];
        struct slice type = json_get_text(part, "entityType");
        type = type.n > 0 ? type : json_get_text(part, "Type");
        type = type.n > 0 ? type : json_get_text(part, "type");
        if (object)
            (void)snprintf(below, sizeof below, "%s%s%.*s", path, path[0] != '\0' ? "." : "",
                           SLICE_ARG(name));
        else
            (void)snprintf(below, sizeof below, "%s[%.*s]", path, SLICE_ARG(type));
        cut_part(c, o, object ? slice_cstr(c->a, name) : NULL, part, below, depth);
    }
    return o;
}

/* What must not change when a member that nobody reads is not there; and what is kept beside. */
struct face {
    struct slice front, beside;
};

static struct face
face_of(const struct source *s, struct slice record, struct arena *a)
{
    struct alert al;
    if (!mapped(s, record, a, &al))
        return (struct face){SLICE_NONE, SLICE_NONE};
    struct face f = {.beside = al.additional};
    al.additional = SLICE_NONE;
    f.front = slice_printf(a, "%.*s %.*s %.*s %.*s", SLICE_ARG(alert_json(&al, a)),
                           SLICE_ARG(al.native_incident_id), SLICE_ARG(al.investigation_id),
                           SLICE_ARG(al.detector));
    return f;
}

static int
difference(const struct face *x, const struct face *y)
{
    if (!slice_eq(x->front, y->front))
        return READ;
    return slice_eq(x->beside, y->beside) ? UNREAD : KEPT;
}

static void
unread_of_json(const struct source *s, struct json view, struct unread *u)
{
    struct arena *whole_arena = arena_new(ARENA_BYTES), *a = arena_new(ARENA_BYTES);
    struct cutter c = {.a = whole_arena, .target = SIZE_MAX, .text_inside = s == &source_mail};
    struct json_out *all = cut_value(&c, view, "", 0);
    const struct face whole = face_of(s, json_out_print(all, whole_arena), whole_arena);
    size_t scalars = c.at;
    c.a = a;
    for (size_t i = 0; i < scalars && whole.front.n > 0; i++) {
        arena_reset(a);
        c.at = 0;
        c.target = i;
        struct json_out *less = cut_value(&c, view, "", 0);
        const struct face f = face_of(s, json_out_print(less, a), a);
        note(u, c.path, difference(&whole, &f));
    }
    arena_free(a);
    arena_free(whole_arena);
}

/* A line without one pair: from its key to the next one's. */
static void
unread_of_line(struct slice line, struct unread *u)
{
    struct arena *a = arena_new(ARENA_BYTES), *b = arena_new(ARENA_BYTES);
    struct cef c;
    struct err e = cef_parse(line, a, &c);
    const struct face whole = face_of(&source_identity, line, a);
    size_t from = e.kind ? line.n : slice_find(line, c.name, 0) + c.name.n;
    for (size_t i = 0; !e.kind && i < c.n; i++) {
        arena_reset(b);
        size_t at = slice_find(line, slice_join(b, c.pairs[i].key, SLICE("=")), from), end = line.n;
        if (i + 1 < c.n)
            end = slice_find(line, slice_join(b, c.pairs[i + 1].key, SLICE("=")), at + 1);
        if (at == line.n)
            continue; /* written with a blank before its "=" */
        struct slice less = slice_join(b, slice_sub(line, 0, at), slice_sub(line, end, line.n));
        const struct face f = face_of(&source_identity, less, b);
        note(u, slice_cstr(b, c.pairs[i].key), difference(&whole, &f));
        from = at + 1;
    }
    arena_free(b);
    arena_free(a);
}

static void
print_unread(const char *source, const struct unread *u)
{
    size_t read = 0;
    printf("%s: members that no mapping reads (in so many records)\n", source);
    for (size_t i = 0; i < u->n; i++) {
        if (u->list[i].seen & READ)
            read++;
        else
            printf("  %-60s %4zu  %s\n", u->list[i].path, u->list[i].records,
                   u->list[i].seen & KEPT ? "in additionalData" : "only in the raw document");
    }
    printf("  %zu other members are read\n", read);
}

/* ---- all records */

static const struct {
    const struct source *source;
    const char *pattern;
} places[] = {
    {&source_endpoint, "alerts/*/*.jsonl"},
    {&source_mail, "alerts/*/*.jsonl"},
    {&source_mail, "o365-audit/*.jsonl"},
    {&source_apps, "alerts/*/*.jsonl"},
    {&source_identity, "syslog-cef/azure-atp*.jsonl"},
};
enum { PLACES = sizeof places / sizeof *places, SOURCES = 4 };

/* The record in the form that the source itself gives; SLICE_NONE: of another form. */
static struct slice
native_of(const struct source *s, struct slice line, struct arena *a)
{
    struct json doc = parsed(line, a);
    if (s == &source_identity)
        return json_get_text(doc, "line");
    const char *sign = s == &source_endpoint ? "alertCreationTime"
                       : s == &source_mail   ? "RecordType"
                                             : "_id";
    return json_type(json_get(doc, sign)) > JSON_NULL ? line : SLICE_NONE;
}

static void
take(const struct source *s, struct slice record, struct tally *t, struct unread *u, size_t *alerts)
{
    struct arena *a = arena_new(ARENA_BYTES);
    struct alert al;
    if (mapped(s, record, a, &al)) {
        struct json view = view_of(s, record, a);
        compare(s, view, alert_json(&al, a), a, t, false);
        if (u != NULL && s == &source_identity)
            unread_of_line(record, u);
        else if (u != NULL)
            unread_of_json(s, view, u);
        ++*alerts;
    }
    arena_free(a);
}

static void
take_file(const struct source *s, const char *path, struct tally *t, struct unread *u,
          size_t *alerts)
{
    char *text = malloc(LINE_BYTES);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_non_null(text);
    struct arena *a = arena_new(ARENA_BYTES);
    while (fgets(text, LINE_BYTES, f) != NULL) {
        arena_reset(a);
        struct slice line = slice_trim(slice_of(text));
        struct slice record = line.n > 0 ? native_of(s, line, a) : SLICE_NONE;
        if (record.n > 0)
            take(s, record, t, u, alerts);
    }
    arena_free(a);
    fclose(f);
    free(text);
}

static void
take_place(size_t place, struct tally *t, struct unread *u, size_t *alerts)
{
    const char *shared = getenv("SHARED");
    char pattern[512];
    glob_t found;
    (void)snprintf(pattern, sizeof pattern, "%s/data/%s", shared != NULL ? shared : "../shared",
                   places[place].pattern);
    if (glob(pattern, 0, NULL, &found) != 0) {
        print_message("skipped, no ../shared/data\n");
        skip();
    }
    for (size_t i = 0; i < found.gl_pathc; i++)
        if (!slice_ends(slice_of(found.gl_pathv[i]), SLICE("/PROVENANCE.jsonl")))
            take_file(places[place].source, found.gl_pathv[i], t, u, alerts);
    globfree(&found);
}

static struct slice
made_up_record(const struct made_up *m, struct arena *a)
{
    if (m->data == NULL)
        return slice_of(m->record);
    struct json_out *o = json_out_object(a);
    json_out_text(o, "Data", slice_of(m->data));
    struct slice head = json_out_print(o, a), rest = slice_of(m->record);
    return slice_printf(a, "%.*s,%.*s", SLICE_ARG(slice_sub(head, 0, head.n - 1)),
                        SLICE_ARG(slice_sub(rest, 1, rest.n)));
}

static void
test_what_is_named_comes_through_from_a_record_that_has_it_all(void **state)
{
    static struct tally t;
    struct arena *a = arena_new(ARENA_BYTES);
    size_t alerts = 0;
    t = (struct tally){.missed = 0};
    for (size_t i = 0; i < MADE_UP; i++)
        take(source_by_name(slice_of(made_up[i].source)), made_up_record(&made_up[i], a), &t, NULL,
             &alerts);
    assert_int_equal(alerts, MADE_UP);
    for (size_t i = 0; i < ROWS; i++)
        if (t.compared[i] == 0)
            fail_msg("no record has %s %s", rows[i].source, rows[i].native);
    assert_int_equal(t.missed, 0);
    arena_free(a);
    (void)state;
}

static void
test_what_is_named_comes_through_from_every_real_record(void **state)
{
    static const struct source *const all[SOURCES] = {&source_endpoint, &source_mail, &source_apps,
                                                      &source_identity};
    static struct tally t;
    size_t values = 0;
    t = (struct tally){.missed = 0};
    for (size_t k = 0; k < SOURCES; k++) {
        struct unread *u = calloc(1, sizeof *u);
        size_t alerts = 0;
        assert_non_null(u);
        for (size_t i = 0; i < PLACES; i++)
            if (places[i].source == all[k])
                take_place(i, &t, u, &alerts);
        printf("%s: %zu alerts\n", all[k]->name, alerts);
        print_unread(all[k]->name, u);
        free(u);
        assert_true(alerts > 0);
    }
    for (size_t i = 0; i < ROWS; i++)
        values += t.compared[i];
    printf("%zu values of %d members were compared, %zu are lost\n", values, ROWS, t.missed);
    assert_int_equal(t.missed, 0);
    (void)state;
}

/* The one row that depends on another member: the end of an investigation that has resolved its
 * alert. */
static void
test_an_investigation_that_has_resolved_an_alert_says_when(void **state)
{
    static const struct made_up both[] = {
        {"mail",
         "{\"CreationTime\":\"2019-12-02T11:00:00\",\"Id\":\"r\",\"RecordType\":64,\"Status\":"
         "\"Remediated\",\"EndTimeUtc\":\"2019-12-02T10:59:00\"}",
         "{\"ProviderAlertId\":\"A-1\",\"Status\":\"Resolved\"}"},
        {"mail",
         "{\"CreationTime\":\"2019-12-02T11:00:00\",\"Id\":\"r\",\"RecordType\":64,\"Status\":"
         "\"Remediated\",\"EndTimeUtc\":\"0001-01-01T00:00:00\"}",
         "{\"ProviderAlertId\":\"A-1\",\"Status\":\"Resolved\"}"}};
    static const char *const resolved[] = {"2019-12-02T10:59:00Z", "2019-12-02T11:00:00Z"};
    struct arena *a = arena_new(ARENA_BYTES);
    struct alert al;
    for (size_t i = 0; i < 2; i++) {
        assert_true(mapped(&source_mail, made_up_record(&both[i], a), a, &al));
        assert_string_equal(clock_format(al.resolved).s, resolved[i]);
    }
    arena_free(a);
    (void)state;
}

/* The test itself: what a mapping drops or changes is missed. */
static void
test_a_value_that_is_dropped_or_changed_is_missed(void **state)
{
    struct arena *a = arena_new(ARENA_BYTES);
    static struct tally t;
    struct alert al;
    struct slice record = slice_of(made_up[0].record);
    struct json view = view_of(&source_endpoint, record, a);
    static const char *const cuts[] = {"title", "machine", "time", "evidence"};
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        assert_true(mapped(&source_endpoint, record, a, &al));
        al.title = i == 0 ? SLICE("another") : al.title;
        if (i == 1)
            al.evidence[0].mde_device_id = SLICE_NONE;
        al.last_activity += i == 2 ? 1 : 0;
        al.n_evidence = i == 3 ? 0 : al.n_evidence;
        t = (struct tally){.missed = 0};
        compare(&source_endpoint, view, alert_json(&al, a), a, &t, true);
        print_message("%s: %zu missed\n", cuts[i], t.missed);
        assert_true(i < 3 ? t.missed == 1 : t.missed > 20);
    }
    arena_free(a);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_named_comes_through_from_a_record_that_has_it_all),
        cmocka_unit_test(test_what_is_named_comes_through_from_every_real_record),
        cmocka_unit_test(test_an_investigation_that_has_resolved_an_alert_says_when),
        cmocka_unit_test(test_a_value_that_is_dropped_or_changed_is_missed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
