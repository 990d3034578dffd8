/*
 * The reader of *.replay stories: alerts on a virtual clock, and what must be true then.
 * README.md says what a story can say. Each is played three times: as it is written; with all
 * that lies between two expectations in one batch; with a restart after every line.
 */
#include <dirent.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>

#include "tests/replay/expect.h"
#include "tests/replay/people.h"
#include "tests/replay/words.h"

/* ---- alerts */

/* An alert in the making. */
struct draft {
    struct alert al;
    struct key_set *set;
    size_t most_keys;
    struct slice name, product, threat;
    int64_t number; /* for '#' in values */
    int64_t first_s, last_s, created_s;
    int64_t version;
};

static void
more_keys(struct replay *r, struct draft *d, size_t n)
{
    struct key *keys = arena_alloc(r->w->a, sizeof(*keys) * (d->most_keys + n));
    assert_non_null(keys);
    if (d->set->n_keys > 0)
        memcpy(keys, d->set->keys, sizeof(*keys) * d->set->n_keys);
    d->set->keys = keys;
    d->most_keys += n;
}

static void
add_key(struct replay *r, struct draft *d, enum key_type type, struct slice value)
{
    MUST(r, d->set->n_keys < d->most_keys, "too many keys");
    d->set->keys[d->set->n_keys++] =
        (struct key){.type = type, .weight = keys_damp(&r->t->known, type, value), .value = value};
}

/* Names of one user or device are joined by '+'. */
static void
add_entity(struct replay *r, struct draft *d, enum key_type type, struct slice value)
{
    MUST(r, d->set->n_identities < KEYS_MAX, "too many users and devices");
    struct key_identity *id = &d->set->identities[d->set->n_identities++];
    id->type = type;
    int32_t damp = 1000;
    while (value.n > 0) {
        struct slice name = slice_split(&value, '+');
        if (slice_find(name, SLICE(":"), 0) == name.n)
            name = slice_join(r->w->a, type == KEY_USER ? SLICE("upn:") : SLICE("dns:"), name);
        MUST(r, id->n_ids < KEYS_IDENTIFIERS_MAX, "too many names");
        id->ids[id->n_ids++] = name;
        int32_t known = keys_damp(&r->t->known, type, name);
        damp = known < damp ? known : damp;
    }
    add_key(r, d, type, id->ids[0]);
    d->set->keys[d->set->n_keys - 1].weight = damp;
}

static struct slice
numbered(struct replay *r, struct draft *d, struct slice value)
{
    size_t at = slice_find(value, SLICE("#"), 0);
    if (at == value.n)
        return value;
    return slice_printf(r->w->a, "%.*s%lld%.*s", SLICE_ARG(slice_sub(value, 0, at)),
                        (long long)d->number, SLICE_ARG(slice_sub(value, at + 1, value.n)));
}

/* What is said of the alert itself. False: no such word. */
static bool
say(struct replay *r, struct draft *d, struct slice name, struct slice value)
{
    struct alert *al = &d->al;
    if (slice_eq(name, SLICE("source"))) {
        al->source = d->product = value;
    } else if (slice_eq(name, SLICE("product"))) {
        d->product = value;
    } else if (slice_eq(name, SLICE("id"))) {
        al->native_id = value;
    } else if (slice_eq(name, SLICE("severity"))) {
        al->severity = severity_of(value);
    } else if (slice_eq(name, SLICE("tactic"))) {
        al->tactics |= (uint16_t)(1 << number(r, value));
    } else if (slice_eq(name, SLICE("detector"))) {
        al->detector = al->title = value;
    } else if (slice_eq(name, SLICE("threat"))) {
        al->threat_name = value;
    } else if (slice_eq(name, SLICE("version"))) {
        al->version = number(r, value);
    } else if (slice_eq(name, SLICE("status"))) {
        al->status = alert_status_of(value);
        al->classification =
            slice_eq(value, SLICE("false_positive")) ? CLASS_FALSE_POSITIVE : CLASS_UNKNOWN;
        if (al->classification == CLASS_FALSE_POSITIVE)
            al->status = STATUS_RESOLVED;
    } else {
        return false;
    }
    return true;
}

static void
attribute(struct replay *r, struct draft *d, struct slice name, struct slice value)
{
    enum key_type type = key_type_of(name);
    value = numbered(r, d, value);
    if (slice_eq(name, SLICE("every")) || slice_eq(name, SLICE("times")))
        return; /* rhythm() has read it */
    if (slice_eq(name, SLICE("last"))) {
        d->last_s = d->first_s + duration(r, value);
        d->created_s = d->created_s < d->last_s ? d->last_s : d->created_s;
    } else if (slice_eq(name, SLICE("created"))) {
        d->created_s = duration(r, value);
    } else if (slice_eq(name, SLICE("messages"))) {
        int64_t n = number(r, value);
        MUST(r, n > 0 && n < REPEAT_MAX, "too many messages");
        more_keys(r, d, (size_t)n);
        for (int64_t i = 0; i < n; i++)
            add_key(r, d, KEY_NETWORK_MESSAGE, slice_printf(r->w->a, "m%05lld", (long long)i));
    } else if (type == KEY_USER || type == KEY_DEVICE) {
        add_entity(r, d, type, value);
    } else if (type != KEY_TYPES) {
        add_key(r, d, type, value);
    } else {
        MUST(r, say(r, d, name, value), "no such word: '%.*s'", SLICE_ARG(name));
    }
}

static void
begin(struct replay *r, struct draft *d, struct slice name, int64_t at_s)
{
    *d = (struct draft){.name = name, .first_s = at_s, .last_s = at_s, .created_s = at_s};
    alert_init(&d->al);
    d->al.native_id = name;
    d->al.version = 1;
    d->al.severity = SEVERITY_HIGH;
    d->al.detector = d->al.title = SLICE("Detection");
    d->set = arena_alloc(r->w->a, sizeof(*d->set));
    assert_non_null(d->set);
    d->set->identities = arena_alloc(r->w->a, sizeof(*d->set->identities) * KEYS_MAX);
    more_keys(r, d, KEYS_MAX);
}

static struct world_alert *
find_or_new(struct replay *r, struct draft *d)
{
    struct world *w = r->w;
    for (size_t i = 0; i < w->n_alerts; i++)
        if (slice_eq(w->alerts[i].name, d->name))
            return &w->alerts[i];
    MUST(r, w->n_alerts < WORLD_ALERTS, "too many alerts");
    struct world_alert *x = &w->alerts[w->n_alerts++];
    *x = (struct world_alert){
        .name = d->name, .source = d->al.source, .native_id = d->al.native_id, .tenant = r->t};
    return x;
}

static void
give(struct replay *r, struct draft *d)
{
    struct incident_alert al;
    static const char *const sources[] = {"endpoint", "mail", "apps", "identity"};
    uint8_t source = 0;
    MUST(r, d->al.source.p != NULL, "an alert has a source");
    source = (uint8_t)index_of(r, d->al.source, sources, 4);
    d->al.created = d->created_s * UNITS_A_S;
    d->al.first_activity = d->first_s * UNITS_A_S;
    d->al.last_activity = d->last_s * UNITS_A_S;
    keys_finish(d->set, KEYS_MAX);
    incident_alert_of(&d->al, source, d->set, &al);
    al.at = r->now_s * UNITS_A_S;
    al.product = d->product;
    al.product_number = (uint8_t)index_of(r, d->product, sources, 4);
    world_add(find_or_new(r, d), &al);
}

/* "times=9": nine versions or deliveries of one alert; "every=5m": so far apart. */
static int64_t
rhythm(struct replay *r, struct range *x, struct slice words)
{
    int64_t every_s = 0;
    while (slice_trim(words).n > 0) {
        struct slice value = word(&words), what = slice_split(&value, '=');
        if (slice_eq(what, SLICE("every")))
            every_s = duration(r, value);
        if (slice_eq(what, SLICE("times"))) {
            *x = (struct range){x->stem, false, 1, number(r, value)};
            MUST(r, x->to > 0 && x->to < REPEAT_MAX, "too many times");
        }
    }
    return every_s;
}

static void
do_alert(struct replay *r, int64_t at_s, struct slice rest)
{
    struct range x = range_of(r, word(&rest));
    int64_t every_s = rhythm(r, &x, rest);
    for (int64_t i = x.from; i <= x.to; i++) {
        struct draft d;
        struct slice words = rest;
        begin(r, &d, range_name(r, x, i), at_s + every_s * (i - x.from));
        d.number = i;
        while (slice_trim(words).n > 0) {
            struct slice value = word(&words), what = slice_split(&value, '=');
            MUST(r, value.n > 0, "not name=value: '%.*s'", SLICE_ARG(what));
            attribute(r, &d, what, value);
        }
        r->now_s = d.last_s > r->now_s ? d.last_s : r->now_s;
        give(r, &d);
        if (r->way != IN_BATCHES)
            world_commit(r->t);
    }
}

/* ---- what a tenant says of itself, and restarts */

/* "hub ip:203.0.113.9 damp=100": it is known to be ordinary. */
static void
do_hub(struct replay *r, struct slice rest)
{
    struct slice value = word(&rest), type = slice_split(&value, ':'), damp = word(&rest);
    MUST(r, slice_starts(damp, SLICE("damp=")), "damp= expected");
    struct slice json =
        slice_printf(r->w->a, "{\"hubs\":[{\"type\":\"%.*s\",\"value\":\"%.*s\",\"damp\":%.*s}]}",
                     SLICE_ARG(type), SLICE_ARG(value), SLICE_ARG(slice_sub(damp, 5, damp.n)));
    struct err e = keys_tenant_read(json, r->w->a, &r->t->known);
    MUST(r, e.kind == ERR_NONE, "%s", e.text);
}

/* parameters {"threshold":1150}: from here on; before the first alert or later. */
static void
do_parameters(struct replay *r, struct slice rest)
{
    struct params p = *r->t->params;
    struct err e = params_read(slice_trim(rest), &p);
    MUST(r, e.kind == ERR_NONE, "%s", e.text);
    world_parameters(r->t, &p);
}

/* ---- a story */

static void
happen(struct replay *r, struct slice rest)
{
    int64_t at_s = duration(r, word(&rest));
    struct slice verb = word(&rest);
    r->now_s = at_s > r->now_s ? at_s : r->now_s;
    if (slice_eq(verb, SLICE("tenant"))) {
        r->t = world_tenant(r->w, word(&rest));
        verb = word(&rest);
    } else {
        r->t = world_tenant(r->w, SLICE("contoso"));
    }
    if (slice_eq(verb, SLICE("alert")))
        do_alert(r, at_s, rest);
    else if (slice_eq(verb, SLICE("hub")))
        do_hub(r, rest);
    else if (slice_eq(verb, SLICE("parameters")))
        do_parameters(r, rest);
    else if (slice_eq(verb, SLICE("restart")))
        world_restart(r->t);
    else
        MUST(r, people_decide(r, verb, rest), "nothing is known of '%.*s'", SLICE_ARG(verb));
    if (r->way == WITH_RESTARTS)
        world_restart(r->t);
}

static void
no_refusal(struct replay *r)
{
    MUST(r, r->refused.kind == ERR_NONE, "before this line: %s", r->refused.text);
}

static size_t
play(const char *path, enum way way)
{
    char text[LINE_MAX_BYTES];
    struct replay *r = calloc(1, sizeof(*r));
    FILE *f = fopen(path, "r");
    assert_non_null(r);
    assert_non_null(f);
    r->file = path;
    r->way = way;
    r->w = world_new();
    while (fgets(text, sizeof(text), f) != NULL) {
        struct slice rest = slice_trim(slice_dup(r->w->a, slice_of(text)));
        r->line++;
        if (rest.n == 0 || rest.p[0] == '#')
            continue;
        struct slice first = word(&rest);
        if (slice_eq(first, SLICE("at"))) {
            no_refusal(r);
            happen(r, rest);
        } else {
            MUST(r, slice_eq(first, SLICE("expect")), "'at' or 'expect' expected");
            expect(r, rest);
        }
    }
    (void)fclose(f);
    no_refusal(r);
    size_t expectations = r->expectations;
    world_free(r->w);
    free(r);
    return expectations;
}

static int
is_replay(const struct dirent *d)
{
    const char *only = getenv("STORY");
    return slice_ends(slice_of(d->d_name), SLICE(".replay")) &&
           (only == NULL || strstr(d->d_name, only) != NULL);
}

static void
play_all(enum way way)
{
    char here[] = __FILE__, path[LINE_MAX_BYTES];
    const char *in = dirname(here);
    struct dirent **files;
    int n = scandir(in, &files, is_replay, alphasort);
    assert_true(n >= (getenv("STORY") != NULL ? 1 : 45));
    for (int i = 0; i < n; i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", in, files[i]->d_name);
        assert_true(play(path, way) > 0);
        free(files[i]);
    }
    free(files);
}

static void
test_every_story_ends_as_it_says(void **state)
{
    play_all(AS_WRITTEN);
    (void)state;
}

static void
test_every_story_ends_the_same_when_much_comes_in_one_batch(void **state)
{
    play_all(IN_BATCHES);
    (void)state;
}

static void
test_every_story_ends_the_same_with_a_restart_after_every_line(void **state)
{
    play_all(WITH_RESTARTS);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_story_ends_as_it_says),
        cmocka_unit_test(test_every_story_ends_the_same_when_much_comes_in_one_batch),
        cmocka_unit_test(test_every_story_ends_the_same_with_a_restart_after_every_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
