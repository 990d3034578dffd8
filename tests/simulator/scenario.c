#include "tests/simulator/scenario.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "tests/simulator/sim.h"

enum { FAULTS_MAX = 1000, REQUESTS_LISTED_MAX = 1000, SCENARIO_MAX = 64 << 20 };

/* ---- members that are numbers */

struct number {
    const char *name;
    size_t offset; /* of an int64_t */
    int64_t least, most;
};

#define NUMBER(type, member, least, most)                                                          \
    {                                                                                              \
#member, offsetof(struct type, member), least, most                                        \
    }

static const struct number top_numbers[] = {
    NUMBER(scenario, tenants, 1, 100000),
    NUMBER(scenario, length_s, 0, 86400 * 30),
    NUMBER(scenario, skew_s, -86400 * 365, 86400 * 365),
    {NULL, 0, 0, 0},
};

static const struct number generate_numbers[] = {
    NUMBER(generate, alerts, 0, 1000000),        NUMBER(generate, versions, 1, 100),
    NUMBER(generate, update_percent, 0, 100),    NUMBER(generate, late_percent, 0, 100),
    NUMBER(generate, late_s, 0, 86400 * 7),      NUMBER(generate, repeat_percent, 0, 100),
    NUMBER(generate, same_percent, 0, 100),      NUMBER(generate, missing_percent, 0, 100),
    NUMBER(generate, wrong_percent, 0, 100),     NUMBER(generate, big_percent, 0, 100),
    NUMBER(generate, big_bytes, 0, 64 << 20),    NUMBER(generate, close_percent, 0, 100),
    NUMBER(generate, identity_percent, 0, 100),  NUMBER(generate, other_percent, 0, 100),
    NUMBER(generate, history_s, 0, 86400 * 180), {NULL, 0, 0, 0},
};

static const struct number mail_numbers[] = {
    NUMBER(mail_traits, cut, 0, 1),
    NUMBER(mail_traits, plain_hook, 0, 1),
    NUMBER(mail_traits, page_life_s, 0, 86400),
    NUMBER(mail_traits, revive_s, 0, 86400),
    NUMBER(mail_traits, hook_gap_ms, 0, 3600000),
    NUMBER(mail_traits, filler_bytes, 0, 256 << 20),
    NUMBER(mail_traits, filler_every, 0, 1000000),
    NUMBER(mail_traits, stop_ms, 0, INT64_C(86400000) * 365),
    NUMBER(mail_traits, audit_off_ms, 0, INT64_C(86400000) * 365),
    NUMBER(mail_traits, blob_records, 0, 10000),
    {NULL, 0, 0, 0},
};

static const struct number identity_numbers[] = {
    NUMBER(syslog_traits, sensors, 1, 64),
    NUMBER(syslog_traits, udp_percent, 0, 100),
    NUMBER(syslog_traits, piece_bytes, 0, 65536),
    NUMBER(syslog_traits, lines_most, 0, 1000000),
    NUMBER(syslog_traits, cut_percent, 0, 100),
    NUMBER(syslog_traits, slow, 0, 64),
    NUMBER(syslog_traits, endless, 0, 64),
    NUMBER(syslog_traits, stranger_ms, 0, 3600000),
    {NULL, 0, 0, 0},
};

static const struct number fault_numbers[] = {
    NUMBER(fault, tenant, 0, 100000),
    NUMBER(fault, from_ms, 0, INT64_C(86400000) * 365),
    NUMBER(fault, to_ms, 0, INT64_C(86400000) * 365),
    NUMBER(fault, percent, 0, 100),
    NUMBER(fault, most, 0, 1000000),
    NUMBER(fault, status, 300, 599),
    NUMBER(fault, after_s, 0, 86400),
    NUMBER(fault, bytes, 0, INT64_C(1) << 32),
    NUMBER(fault, ms, -86400000, 86400000),
    NUMBER(fault, code, 1, 99999999),
    {NULL, 0, 0, 0},
};

/* True: the member is one of the table's; *e says whether its value is good. */
static bool
number_take(const struct number *table, struct slice name, struct json value, void *into,
            struct err *e)
{
    for (; table->name != NULL; table++) {
        int64_t n = 0;
        if (!slice_eq(name, slice_of(table->name)))
            continue;
        if (json_type(value) != JSON_INT || !json_int(value, &n) || n < table->least ||
            n > table->most)
            *e = err_make(ERR_REJECT, "scenario.number", "%s must be a number from %lld to %lld",
                          table->name, (long long)table->least, (long long)table->most);
        else
            memcpy((char *)into + table->offset, &n, sizeof(n));
        return true;
    }
    return false;
}

static struct err
unknown(const char *where, struct slice name)
{
    return err_make(ERR_REJECT, "scenario.member", "%s has no member '%.*s'", where,
                    SLICE_ARG(slice_sub(name, 0, 60)));
}

/* The place of a word in a list; -1: it is none of them. */
static int
word_place(struct slice word, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (words[i] != NULL && slice_eq(word, slice_of(words[i])))
            return (int)i;
    return -1;
}

/* ---- faults */

static const char *const fault_words[FAULTS] = {
    [FAULT_THROTTLE] = "throttle", [FAULT_STATUS] = "status",
    [FAULT_CUT] = "cut",           [FAULT_SLOW] = "slow",
    [FAULT_STALL] = "stall",       [FAULT_CLOSE] = "close",
    [FAULT_BIG] = "big",           [FAULT_JUNK] = "junk",
    [FAULT_CASE] = "case",         [FAULT_DATE] = "date",
    [FAULT_REPEAT] = "repeat",     [FAULT_TOUCH] = "touch",
    [FAULT_SECRET] = "secret",     [FAULT_TOKEN] = "token",
    [FAULT_REVOKE] = "revoke",     [FAULT_PERMISSION] = "permission",
};

static const char *const form_words[FORMS] = {
    [FORM_SECONDS] = "seconds",   [FORM_DATE] = "date",   [FORM_TEXT] = "text",
    [FORM_NONE] = "none",         [FORM_JSON] = "json",   [FORM_HTML] = "html",
    [FORM_NO_TOKEN] = "no_token", [FORM_EMPTY] = "empty", [FORM_NO_ROLES] = "no_roles",
};

static struct err
requests_read(struct json list, struct arena *a, struct fault *f)
{
    size_t n = json_count(list);
    int64_t *numbers = arena_alloc(a, (n + 1) * sizeof(*numbers));
    struct slice name;
    struct json item;
    size_t i = 0;
    if (json_type(list) != JSON_ARRAY || n > REQUESTS_LISTED_MAX || numbers == NULL)
        return err_make(ERR_REJECT, "scenario.requests", "requests must be a list of numbers");
    for (struct json_iter it = json_items(list); json_next(&it, &name, &item); i++)
        if (!json_int(item, &numbers[i]) || numbers[i] < 1)
            return err_make(ERR_REJECT, "scenario.requests", "requests are numbered from 1");
    f->requests = numbers;
    f->n_requests = n;
    return ERR_OK;
}

static struct err
fault_member(struct slice name, struct json value, struct arena *a, struct fault *f)
{
    struct err e = ERR_OK;
    int place;
    if (number_take(fault_numbers, name, value, f, &e))
        return e;
    if (slice_eq(name, SLICE("requests")))
        return requests_read(value, a, f);
    if (slice_eq(name, SLICE("call")) && json_type(value) == JSON_TEXT) {
        f->call = json_text(value);
        return ERR_OK;
    }
    if (slice_eq(name, SLICE("source"))) {
        place = word_place(json_text(value), sim_source_names, SIM_SOURCES);
        if (place < 0)
            return err_make(ERR_REJECT, "scenario.source", "source must be one of the four");
        f->sources = 1U << place;
        return ERR_OK;
    }
    if (slice_eq(name, SLICE("form"))) {
        place = word_place(json_text(value), form_words, FORMS);
        if (place < 0)
            return err_make(ERR_REJECT, "scenario.form", "unknown form of a fault");
        f->form = (enum fault_form)place;
        return ERR_OK;
    }
    return slice_eq(name, SLICE("what")) ? ERR_OK : unknown("a fault", name);
}

static struct err
fault_read(struct json v, struct arena *a, struct fault *f)
{
    int what = word_place(json_get_text(v, "what"), fault_words, FAULTS);
    struct slice name;
    struct json value;
    if (json_type(v) != JSON_OBJECT || what < 0)
        return err_make(ERR_REJECT, "scenario.fault", "a fault must say what: '%.*s' is none",
                        SLICE_ARG(slice_sub(json_get_text(v, "what"), 0, 60)));
    *f = (struct fault){.what = (enum fault_what)what,
                        .sources = (1U << SIM_SOURCES) - 1,
                        .tenant = -1,
                        .to_ms = INT64_MAX,
                        .percent = 100};
    for (struct json_iter it = json_items(v); json_next(&it, &name, &value);) {
        struct err e = fault_member(name, value, a, f);
        if (e.kind)
            return e;
    }
    if (f->what == FAULT_STATUS && f->status == 0)
        f->status = 503;
    if (f->what == FAULT_SLOW && f->bytes == 0)
        return err_make(ERR_REJECT, "scenario.fault", "slow needs bytes, a second");
    return ERR_OK;
}

static struct err
faults_read(struct json list, struct arena *a, struct scenario *c)
{
    struct slice name;
    struct json item;
    if (json_type(list) != JSON_ARRAY || json_count(list) > FAULTS_MAX)
        return err_make(ERR_REJECT, "scenario.faults", "faults must be a list, of at most %d",
                        FAULTS_MAX);
    c->faults = arena_alloc(a, (json_count(list) + 1) * sizeof(*c->faults));
    if (c->faults == NULL)
        return err_make(ERR_REJECT, "scenario.memory", "too large");
    for (struct json_iter it = json_items(list); json_next(&it, &name, &item);) {
        struct err e = fault_read(item, a, &c->faults[c->n_faults++]);
        if (e.kind)
            return e;
    }
    return ERR_OK;
}

/* ---- sources */

static struct err
quota_read(struct json v, struct scenario *c, size_t source)
{
    int64_t minute = 0;
    int64_t hour = 0;
    struct slice name;
    struct json value;
    for (struct json_iter it = json_items(v); json_next(&it, &name, &value);)
        if (!slice_eq(name, SLICE("per_minute")) && !slice_eq(name, SLICE("per_hour")))
            return unknown("quota", name);
    (void)json_get_int(v, "per_minute", &minute);
    (void)json_get_int(v, "per_hour", &hour);
    if (minute < 0 || hour < 0 || minute > INT32_MAX || hour > INT32_MAX)
        return err_make(ERR_REJECT, "scenario.quota", "a quota is a number of requests");
    c->quotas[source] = (struct quota_limit){(uint32_t)minute, (uint32_t)hour};
    c->quota_set[source] = true;
    return ERR_OK;
}

static struct err
source_read(struct json v, struct scenario *c, size_t source)
{
    struct generate *g = &c->generate[source];
    struct slice name;
    struct json value;
    struct err e = ERR_OK;
    if (json_type(v) != JSON_OBJECT)
        return err_make(ERR_REJECT, "scenario.source", "%s must be an object",
                        sim_source_names[source]);
    for (struct json_iter it = json_items(v); e.kind == ERR_NONE && json_next(&it, &name, &value);)
        if (slice_eq(name, SLICE("quota")))
            e = quota_read(value, c, source);
        else if (source == SIM_IDENTITY &&
                 number_take(identity_numbers, name, value, &c->identity, &e))
            continue;
        else if (source == SIM_MAIL && number_take(mail_numbers, name, value, &c->mail, &e))
            continue;
        else if (!number_take(generate_numbers, name, value, g, &e))
            e = unknown(sim_source_names[source], name);
    return e;
}

/* ---- the whole */

static struct err
era_read(struct json value, struct scenario *c)
{
    if (!json_int(value, &c->era) || (c->era != 2019 && c->era != 2020))
        return err_make(ERR_REJECT, "scenario.era", "era must be 2019 or 2020");
    return ERR_OK;
}

static struct err
top_member(struct slice name, struct json value, struct arena *a, struct scenario *c)
{
    struct err e = ERR_OK;
    int source = word_place(name, sim_source_names, SIM_SOURCES);
    if (source >= 0)
        return source_read(value, c, (size_t)source);
    if (number_take(top_numbers, name, value, c, &e))
        return e;
    if (slice_eq(name, SLICE("faults")))
        return faults_read(value, a, c);
    if (slice_eq(name, SLICE("era")))
        return era_read(value, c);
    if (slice_eq(name, SLICE("steps")) && json_type(value) == JSON_ARRAY) {
        c->steps = value;
        return ERR_OK;
    }
    if (slice_eq(name, SLICE("update_filter")) && json_type(value) == JSON_BOOL) {
        c->update_filter = json_bool(value, true);
        return ERR_OK;
    }
    int64_t seed = 0;
    if (slice_eq(name, SLICE("seed")) && json_int(value, &seed)) {
        c->seed = (uint64_t)seed;
        return ERR_OK;
    }
    return slice_eq(name, SLICE("about")) ? ERR_OK : unknown("a scenario", name);
}

struct err
scenario_read(struct slice text, struct arena *a, struct scenario **out)
{
    struct json doc;
    struct slice name;
    struct json value;
    struct scenario *c = arena_alloc(a, sizeof(*c));
    if (c == NULL)
        return err_make(ERR_REJECT, "scenario.memory", "too large");
    struct err e = json_parse(text, a, &doc);
    if (e.kind)
        return err_make(ERR_REJECT, "scenario.json", "%s", e.text);
    if (json_type(doc) != JSON_OBJECT)
        return err_make(ERR_REJECT, "scenario.json", "a scenario is an object");
    *c = (struct scenario){.tenants = 1, .length_s = 30, .era = 2020, .update_filter = true};
    for (size_t i = 0; i < SIM_SOURCES; i++)
        c->generate[i].versions = 1;
    for (struct json_iter it = json_items(doc);
         e.kind == ERR_NONE && json_next(&it, &name, &value);)
        e = top_member(name, value, a, c);
    if (e.kind == ERR_NONE)
        *out = c;
    return e;
}

struct err
scenario_load(const char *path, struct arena *a, struct scenario **out)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return err_make(ERR_STOP, "scenario.open", "%s: %s", path, strerror(errno));
    long size = fseek(f, 0, SEEK_END) == 0 ? ftell(f) : -1;
    rewind(f);
    char *text = size >= 0 && size <= SCENARIO_MAX ? arena_alloc(a, (size_t)size + 1) : NULL;
    size_t n = text != NULL ? fread(text, 1, (size_t)size, f) : 0;
    fclose(f);
    if (text == NULL || n != (size_t)size)
        return err_make(ERR_STOP, "scenario.open", "%s: unreadable or too large", path);
    return scenario_read((struct slice){text, n}, a, out);
}
