/*
 * The reader of *.replay stories: alerts on a virtual clock, and what must be true then.
 *
 *     at 30s alert a2 source=identity device=d1 user=u1     a word before '=' is a key type, or
 *                                                           source, severity, tactic, detector,
 *                                                           version, threat or last (how long it
 *                                                           went on); severity is high if not said
 *     expect incident i1 = a1 a2 because device:d1          exactly these; linked by that key
 *     expect redirect i2 -> i1
 *     expect name i1 = Words to the end
 *
 * Names of one user or device are joined by '+': user=upn:u1+sid:s1; without a kind it is upn: or
 * dns:. An incident's name is bound the first time it is used.
 */
#include <dirent.h>
#include <libgen.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "normalize/incident.h"

enum { ARENA_BYTES = 64 << 20, NAMES_MAX = 64, ALERTS_MAX = 2000, LINE_MAX_BYTES = 4096 };

struct replay {
    struct arena *a;
    struct incident_engine *e;
    const char *file;
    size_t line;
    struct slice names[NAMES_MAX]; /* of incidents */
    int64_t ids[NAMES_MAX];
    size_t n_names;
    struct slice alerts[ALERTS_MAX], sources[ALERTS_MAX];
    size_t n_alerts;
    struct incident_reason reasons[ALERTS_MAX];
    size_t n_reasons;
    struct slice titles[NAMES_MAX]; /* by incident id */
    int64_t redirects[NAMES_MAX];
};

#define MUST(r, condition, ...)                                                                    \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            print_error("%s:%zu: ", (r)->file, (r)->line);                                         \
            print_error(__VA_ARGS__);                                                              \
            print_error("\n");                                                                     \
            fail();                                                                                \
        }                                                                                          \
    } while (0)

static struct slice
word(struct slice *rest)
{
    *rest = slice_trim(*rest);
    struct slice w = slice_split(rest, ' ');
    return w.p != NULL ? w : SLICE("");
}

/* "30s", "5m", "2h", "30d" */
static int64_t
duration(struct replay *r, struct slice text)
{
    static const char units[] = "smhd";
    static const int64_t seconds[] = {1, 60, 3600, 86400};
    int64_t n = 0;
    const char *unit = text.n > 1 ? strchr(units, text.p[text.n - 1]) : NULL;
    MUST(r, unit != NULL && slice_int(slice_sub(text, 0, text.n - 1), &n), "no time: '%.*s'",
         SLICE_ARG(text));
    return n * seconds[unit - units];
}

static void
add_entity(struct replay *r, struct key_set *set, enum key_type type, struct slice value)
{
    struct key_identity *id = &set->identities[set->n_identities++];
    id->type = type;
    while (value.n > 0) {
        struct slice name = slice_split(&value, '+');
        if (slice_find(name, SLICE(":"), 0) == name.n)
            name = slice_join(r->a, type == KEY_USER ? SLICE("upn:") : SLICE("dns:"), name);
        MUST(r, id->n_ids < KEYS_IDENTIFIERS_MAX, "too many names");
        id->ids[id->n_ids++] = name;
    }
    set->keys[set->n_keys++] = (struct key){type, 1000, id->ids[0]};
}

static void
attribute(struct replay *r, struct incident_alert *al, struct key_set *set, struct slice name,
          struct slice value)
{
    static const char *const sources[] = {"endpoint", "mail", "apps", "identity"};
    static const char *const levels[] = {"informational", "low", "medium", "high"};
    enum key_type type = key_type_of(name);
    int64_t n = 0;
    if (slice_eq(name, SLICE("source"))) {
        al->source = al->product = value;
        for (uint8_t i = 0; i < 4; i++)
            al->source_number = slice_eq(value, slice_of(sources[i])) ? i : al->source_number;
    } else if (slice_eq(name, SLICE("severity"))) {
        for (uint8_t i = 0; i < 4; i++)
            al->level = slice_eq(value, slice_of(levels[i])) ? i : al->level;
    } else if (slice_eq(name, SLICE("tactic"))) {
        MUST(r, slice_int(value, &n) && n >= 0 && n < 13, "a tactic is 0 to 12");
        al->tactics |= (uint16_t)(1 << n);
    } else if (slice_eq(name, SLICE("detector"))) {
        al->detector = al->title = value;
    } else if (slice_eq(name, SLICE("threat"))) {
        al->threat = value;
    } else if (slice_eq(name, SLICE("version"))) {
        MUST(r, slice_int(value, &al->version), "a version is a number");
    } else if (slice_eq(name, SLICE("last"))) {
        al->last_s = al->first_s + duration(r, value);
    } else if (type == KEY_USER || type == KEY_DEVICE) {
        add_entity(r, set, type, value);
    } else {
        MUST(r, type != KEY_TYPES, "no such word: '%.*s'", SLICE_ARG(name));
        set->keys[set->n_keys++] = (struct key){type, 1000, value};
    }
}

static void
take_changes(struct replay *r)
{
    struct incident_changes c;
    MUST(r, incident_changes(r->e, r->a, &c).kind == ERR_NONE, "no changes");
    for (size_t i = 0; i < c.n_reasons; i++) {
        MUST(r, r->n_reasons < ALERTS_MAX, "too many reasons");
        r->reasons[r->n_reasons++] = c.reasons[i];
    }
    for (size_t i = 0; i < c.n_rows; i++) {
        if (c.rows[i].id >= NAMES_MAX)
            continue;
        r->titles[c.rows[i].id] = c.rows[i].name;
        r->redirects[c.rows[i].id] = c.rows[i].redirect_to;
    }
    incident_commit(r->e);
}

static void
do_alert(struct replay *r, int64_t at_s, struct slice rest)
{
    struct key_set *set = arena_alloc(r->a, sizeof(*set));
    struct incident_alert al = {.native_id = word(&rest), .version = 1, .level = 3, .keys = set};
    al.created_s = al.first_s = al.last_s = at_s;
    al.detector = al.title = SLICE("Detection");
    assert_non_null(set);
    set->identities = arena_alloc(r->a, sizeof(*set->identities) * KEYS_MAX);
    set->keys = arena_alloc(r->a, sizeof(*set->keys) * KEYS_MAX);
    while (slice_trim(rest).n > 0) {
        struct slice value = word(&rest), name = slice_split(&value, '=');
        MUST(r, value.n > 0 && set->n_keys < KEYS_MAX, "not name=value: '%.*s'", SLICE_ARG(name));
        attribute(r, &al, set, name, value);
    }
    keys_finish(set, KEYS_MAX);
    size_t i = 0;
    while (i < r->n_alerts && !slice_eq(r->alerts[i], al.native_id))
        i++;
    if (i == r->n_alerts) {
        MUST(r, i < ALERTS_MAX, "too many alerts");
        r->alerts[r->n_alerts] = al.native_id;
        r->sources[r->n_alerts++] = al.source;
    }
    MUST(r, incident_add(r->e, &al).kind == ERR_NONE, "not added");
    take_changes(r);
}

static int64_t *
incident_named(struct replay *r, struct slice name)
{
    for (size_t i = 0; i < r->n_names; i++)
        if (slice_eq(r->names[i], name))
            return &r->ids[i];
    MUST(r, r->n_names < NAMES_MAX, "too many incidents");
    r->names[r->n_names] = name;
    return &r->ids[r->n_names++];
}

/* "device:d1": some alert of the incident was linked by that key. */
static void
expect_because(struct replay *r, int64_t incident, struct slice key)
{
    struct slice value = key, type_name = slice_split(&value, ':');
    enum key_type type = key_type_of(type_name);
    for (size_t i = 0; i < r->n_reasons; i++) {
        const struct incident_reason *x = &r->reasons[i];
        for (size_t k = 0; k < x->score.n_parts; k++) {
            struct slice got = x->key_values[k];
            if (x->score.parts[k].kind == LINK_KEY && x->score.parts[k].type == type &&
                (slice_eq(got, value) || (got.n > value.n && slice_ends(got, value))) &&
                incident_of(r->e, x->alert_source, x->alert_id) == incident)
                return;
        }
    }
    MUST(r, false, "nothing was linked because of %.*s", SLICE_ARG(key));
}

static void
expect_incident(struct replay *r, struct slice rest)
{
    struct slice name = word(&rest);
    int64_t *id = incident_named(r, name);
    bool listed[ALERTS_MAX] = {false};
    MUST(r, slice_eq(word(&rest), SLICE("=")), "'=' expected");
    for (struct slice w = word(&rest); w.n > 0; w = word(&rest)) {
        if (slice_eq(w, SLICE("because"))) {
            expect_because(r, *id, word(&rest));
            continue;
        }
        size_t i = 0;
        while (i < r->n_alerts && !slice_eq(r->alerts[i], w))
            i++;
        MUST(r, i < r->n_alerts, "no alert '%.*s'", SLICE_ARG(w));
        listed[i] = true;
        int64_t got = incident_of(r->e, r->sources[i], r->alerts[i]);
        *id = *id == 0 ? got : *id;
        MUST(r, got == *id, "%.*s is in another incident than %.*s", SLICE_ARG(w), SLICE_ARG(name));
    }
    for (size_t i = 0; i < r->n_alerts; i++)
        MUST(r, listed[i] || incident_of(r->e, r->sources[i], r->alerts[i]) != *id,
             "%.*s is in %.*s too", SLICE_ARG(r->alerts[i]), SLICE_ARG(name));
}

static void
expect(struct replay *r, struct slice rest)
{
    struct slice what = word(&rest);
    if (slice_eq(what, SLICE("incident"))) {
        expect_incident(r, rest);
    } else if (slice_eq(what, SLICE("redirect"))) {
        int64_t *from = incident_named(r, word(&rest));
        MUST(r, slice_eq(word(&rest), SLICE("->")), "'->' expected");
        int64_t *to = incident_named(r, word(&rest));
        MUST(r, *from > 0 && *from < NAMES_MAX && r->redirects[*from] == *to, "no such redirect");
    } else if (slice_eq(what, SLICE("name"))) {
        int64_t *id = incident_named(r, word(&rest));
        MUST(r, slice_eq(word(&rest), SLICE("=")), "'=' expected");
        struct slice want = slice_trim(rest), got = r->titles[*id];
        MUST(r, slice_eq(want, got), "the name is '%.*s'", SLICE_ARG(got));
    } else {
        MUST(r, false, "unknown expectation '%.*s'", SLICE_ARG(what));
    }
}

static size_t
play(const char *path)
{
    char text[LINE_MAX_BYTES];
    struct replay *r = calloc(1, sizeof(*r));
    FILE *f = fopen(path, "r");
    size_t expectations = 0;
    assert_non_null(r);
    assert_non_null(f);
    r->file = path;
    r->a = arena_new(ARENA_BYTES);
    r->e = incident_engine_new(&params_default, 1, ARENA_BYTES);
    while (fgets(text, sizeof(text), f) != NULL) {
        struct slice rest = slice_trim(slice_dup(r->a, slice_of(text)));
        r->line++;
        if (rest.n == 0 || rest.p[0] == '#')
            continue;
        struct slice first = word(&rest);
        if (slice_eq(first, SLICE("at"))) {
            int64_t at_s = duration(r, word(&rest));
            MUST(r, slice_eq(word(&rest), SLICE("alert")), "'alert' expected");
            do_alert(r, at_s, rest);
        } else {
            MUST(r, slice_eq(first, SLICE("expect")), "'at' or 'expect' expected");
            expect(r, rest);
            expectations++;
        }
    }
    (void)fclose(f);
    incident_engine_free(r->e);
    arena_free(r->a);
    free(r);
    return expectations;
}

static int
is_replay(const struct dirent *d)
{
    return slice_ends(slice_of(d->d_name), SLICE(".replay"));
}

static void
test_every_story_ends_as_it_says(void **state)
{
    char here[] = __FILE__, path[LINE_MAX_BYTES];
    struct dirent **files;
    int n = scandir(dirname(here), &files, is_replay, alphasort);
    char folder[] = __FILE__;
    const char *in = dirname(folder);
    assert_true(n >= 5);
    for (int i = 0; i < n; i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", in, files[i]->d_name);
        assert_true(play(path) > 0);
        free(files[i]);
    }
    free(files);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_story_ends_as_it_says)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
