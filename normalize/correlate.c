/*
 * correlate.c: the correlator offline: alerts in, membership out.
 *
 * The same engine as in the service; the format is that of the evaluation kit: one JSON object a
 * line. Folding and prevalence are not in this version, and parameters that ask for them are
 * refused, so that no one compares what cannot be equal.
 */
#include "normalize/correlate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cli.h"
#include "common/json.h"
#include "normalize/incident.h"
#include "normalize/params.h"

enum {
    LINE_BYTES_MAX = 64 << 20,
    ARENA_BYTES = 512 << 20,
    TENANTS_MAX = 10000,
    SOURCES_MAX = 32,
    BATCH = 4096,
    DAMP_ONE = 1000,
};

/* Why an alert is where it is, as incident_reason_json wrote it. */
struct why {
    struct slice tenant, id, json;
    size_t order;
};

/* One tenant of the stream. */
struct stream {
    struct slice name;
    struct incident_engine *engine;
    struct key_tenant lists;
    struct slice *domains;
    size_t cap_domains;
    struct slice *sources, *ids; /* its alerts, in order of arrival */
    size_t n_ids, cap_ids;
    size_t since_commit;
};

struct correlate {
    struct arena *all;   /* what lives to the end */
    struct arena *line;  /* one line */
    struct arena *batch; /* one commit */
    struct params params;
    bool begun; /* an alert was read: parameters come too late */
    bool explain;
    struct stream *streams;
    size_t n_streams, cap_streams;
    struct slice sources[SOURCES_MAX];
    size_t n_sources;
    struct why *why;
    size_t n_why, cap_why;
};

static struct err
no_memory(void)
{
    return err_make(ERR_RETRY, "correlate.memory", "out of memory");
}

static struct err
bad(const char *what)
{
    return err_make(ERR_REJECT, "correlate.input", "%s", what);
}

/* ---- tenants */

static struct stream *
stream_of(struct correlate *c, struct slice name)
{
    for (size_t i = c->n_streams; i-- > 0;)
        if (slice_eq(c->streams[i].name, name))
            return &c->streams[i];
    if (c->n_streams == TENANTS_MAX)
        return NULL;
    if (c->n_streams == c->cap_streams) {
        void *more = arena_grow(c->all, c->streams, sizeof(*c->streams), &c->cap_streams);
        if (more == NULL)
            return NULL;
        c->streams = more;
    }
    struct stream *s = &c->streams[c->n_streams];
    *s = (struct stream){.name = slice_dup(c->all, name)};
    s->engine = incident_engine_new(&c->params, 1, SIZE_MAX / 2);
    if (s->engine == NULL || s->name.p == NULL)
        return NULL;
    c->n_streams++;
    return s;
}

static int
slice_order(const void *a, const void *b)
{
    return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

static struct err
read_domains(struct correlate *c, struct stream *s, struct json list)
{
    struct slice name;
    struct json v;
    if (s->n_ids > 0)
        return bad("a tenant's domains must come before its first alert");
    for (struct json_iter it = json_items(list); json_next(&it, &name, &v);) {
        struct slice text = json_text(v);
        if (text.p == NULL)
            return bad("'domains' is a list of names");
        if (s->lists.n_domains == s->cap_domains) {
            void *more = arena_grow(c->all, s->domains, sizeof(*s->domains), &s->cap_domains);
            if (more == NULL)
                return no_memory();
            s->domains = more;
        }
        s->domains[s->lists.n_domains] = slice_dup(c->all, text);
        if (s->domains[s->lists.n_domains++].p == NULL)
            return no_memory();
    }
    if (s->lists.n_domains > 1)
        qsort(s->domains, s->lists.n_domains, sizeof(*s->domains), slice_order);
    s->lists.domains = s->domains;
    return ERR_OK;
}

/* ---- one alert */

static struct err
read_identity(struct json entity, struct key_set *set, size_t *shorts)
{
    struct slice class = SLICE_NONE, name;
    struct json ids = {{0, 0}}, v;
    size_t i = 0;
    for (struct json_iter it = json_items(entity); json_next(&it, &name, &v); i++) {
        class = i == 0 ? json_text(v) : class;
        ids = i == 1 ? v : ids;
    }
    enum key_type type = key_type_of(class);
    if (i != 2 || type > KEY_DEVICE || json_count(ids) == 0)
        return bad("an identity is [\"user\" or \"device\", [identifiers]]");
    struct key_identity *id = NULL;
    struct slice first = SLICE_NONE;
    for (struct json_iter it = json_items(ids); json_next(&it, &name, &v);) {
        struct slice text = json_text(v);
        if (text.p == NULL)
            return bad("an identifier is text");
        if (slice_starts(text, SLICE("nb:")))
            continue;
        if (id == NULL || id->n_ids == KEYS_IDENTIFIERS_MAX) {
            first = first.p == NULL ? text : first;
            id = &set->identities[set->n_identities++];
            *id = (struct key_identity){.type = type, .ids = {first}, .n_ids = 1};
        }
        if (!slice_eq(text, first))
            id->ids[id->n_ids++] = text;
    }
    if (id != NULL) {
        set->keys[set->n_keys++] = (struct key){type, DAMP_ONE, first, false};
        return ERR_OK;
    }
    for (struct json_iter it = json_items(ids); json_next(&it, &name, &v); ++*shorts)
        set->keys[set->n_keys++] =
            (struct key){KEY_SHORT_NAME, DAMP_ONE, slice_sub(json_text(v), 3, SIZE_MAX), false};
    return ERR_OK;
}

static struct err
read_key(struct correlate *c, const struct stream *s, struct json pair, struct key_set *set)
{
    struct slice name, texts[2] = {SLICE_NONE, SLICE_NONE};
    struct json v;
    size_t i = 0;
    for (struct json_iter it = json_items(pair); json_next(&it, &name, &v); i++)
        if (i < 2)
            texts[i] = json_text(v);
    enum key_type type = key_type_of(texts[0]);
    if (i != 2 || type == KEY_TYPES || type <= KEY_DEVICE || texts[1].p == NULL)
        return bad("a key is [type, value] with a type of the format");
    struct slice value = texts[1];
    if (type == KEY_SENDER && keys_own_address(&s->lists, value)) {
        type = KEY_USER;
        value = slice_join(c->line, SLICE("upn:"), value);
        struct key_identity *id = &set->identities[set->n_identities++];
        *id = (struct key_identity){.type = type, .ids = {value}, .n_ids = 1, .sender = true};
    }
    if (value.p == NULL)
        return no_memory();
    set->keys[set->n_keys++] = (struct key){type, DAMP_ONE, value, false};
    return ERR_OK;
}

static struct err
read_keys(struct correlate *c, const struct stream *s, struct json doc, struct key_set *set)
{
    struct json identities = json_get(doc, "identities"), keys = json_get(doc, "keys"), v;
    struct slice name;
    size_t room = json_count(keys) + 1, shorts = 0;
    if (json_type(identities) != JSON_ARRAY || json_type(keys) != JSON_ARRAY)
        return bad("'identities' and 'keys' are lists");
    for (struct json_iter it = json_items(identities); json_next(&it, &name, &v);) {
        struct json_iter in = json_items(v);
        struct json part;
        while (json_next(&in, &name, &part))
            room += json_count(part) + 1;
    }
    set->identities = arena_alloc(c->line, sizeof(*set->identities) * room);
    set->keys = arena_alloc(c->line, sizeof(*set->keys) * room);
    if (set->identities == NULL || set->keys == NULL)
        return no_memory();
    for (struct json_iter it = json_items(identities); json_next(&it, &name, &v);) {
        struct err e = read_identity(v, set, &shorts);
        if (e.kind)
            return e;
    }
    for (struct json_iter it = json_items(keys); json_next(&it, &name, &v);) {
        struct err e = read_key(c, s, v, set);
        if (e.kind)
            return e;
    }
    keys_finish(set, KEYS_NODE_MAX);
    return ERR_OK;
}

static struct err
read_source(struct correlate *c, struct slice name, uint8_t *out)
{
    size_t i = 0;
    while (i < c->n_sources && !slice_eq(c->sources[i], name))
        i++;
    if (i == SOURCES_MAX)
        return bad("more than 32 different sources");
    if (i == c->n_sources)
        c->sources[c->n_sources++] = slice_dup(c->all, name);
    *out = (uint8_t)i;
    return ERR_OK;
}

static struct err
read_words(struct json doc, struct incident_alert *al)
{
    static const char *const levels[] = {"informational", "low", "medium", "high"};
    struct slice severity = json_get_text(doc, "severity"), name;
    struct json v, tactics = json_get(doc, "tactics");
    while (al->level < 4 && !slice_eq(severity, slice_of(levels[al->level])))
        al->level++;
    if (al->level == 4)
        return bad("'severity' is informational, low, medium or high");
    if (json_type(tactics) != JSON_ARRAY)
        return bad("'tactics' is a list");
    for (struct json_iter it = json_items(tactics); json_next(&it, &name, &v);) {
        int64_t bit;
        if (!json_int(v, &bit) || bit < 0 || bit > 12)
            return bad("a tactic is a number from 0 to 12");
        al->tactics |= (uint16_t)(1 << bit);
    }
    return ERR_OK;
}

static struct err
read_alert(struct correlate *c, const struct stream *s, struct json doc, struct key_set *set,
           struct incident_alert *al)
{
    *al = (struct incident_alert){.version = 1, .keys = set};
    al->source = json_get_text(doc, "source");
    al->native_id = json_get_text(doc, "id");
    al->detector = al->title = json_get_text(doc, "detector");
    al->product = al->source;
    (void)json_get_int(doc, "version", &al->version);
    if (al->source.p == NULL || al->native_id.p == NULL || al->detector.p == NULL)
        return bad("'source', 'id' or 'detector' is missing");
    if (!json_get_int(doc, "created", &al->created_s) ||
        !json_get_int(doc, "first", &al->first_s) || !json_get_int(doc, "last", &al->last_s))
        return bad("'created', 'first' and 'last' are whole seconds");
    struct err e = read_source(c, al->source, &al->source_number);
    al->product_number = al->source_number;
    if (!e.kind)
        e = read_words(doc, al);
    return e.kind ? e : read_keys(c, s, doc, set);
}

/* ---- reasons */

/* The first justification of an alert is the one that is shown. */
static struct err
keep_reasons(struct correlate *c, struct stream *s)
{
    struct incident_changes changes;
    struct err e = incident_changes(s->engine, c->batch, &changes);
    for (size_t i = 0; !e.kind && i < changes.n_reasons; i++) {
        const struct incident_reason *r = &changes.reasons[i];
        if (r->partner_id.p == NULL)
            continue;
        if (c->n_why == c->cap_why) {
            void *more = arena_grow(c->all, c->why, sizeof(*c->why), &c->cap_why);
            if (more == NULL)
                return no_memory();
            c->why = more;
        }
        struct slice json = incident_reason_json(r, &c->params, c->batch);
        c->why[c->n_why] = (struct why){s->name, slice_dup(c->all, r->alert_id),
                                        slice_dup(c->all, json), c->n_why};
        if (c->why[c->n_why].id.p == NULL || c->why[c->n_why++].json.p == NULL)
            return no_memory();
    }
    arena_reset(c->batch);
    return e;
}

static int
same_alert(const struct why *a, const struct why *b)
{
    int order = slice_cmp(a->tenant, b->tenant);
    return order != 0 ? order : slice_cmp(a->id, b->id);
}

static int
why_order(const void *a, const void *b)
{
    const struct why *x = a, *y = b;
    int order = same_alert(x, y);
    return order != 0 ? order : (x->order > y->order) - (x->order < y->order);
}

/* The first reason of an alert, or NULL: it opened its incident. */
static const struct why *
why_of(const struct correlate *c, struct slice tenant, struct slice id)
{
    struct why wanted = {.tenant = tenant, .id = id};
    size_t low = 0, high = c->n_why;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (same_alert(&c->why[mid], &wanted) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low < c->n_why && same_alert(&c->why[low], &wanted) == 0 ? &c->why[low] : NULL;
}

/* ---- lines in, lines out */

static struct err
remember(struct correlate *c, struct stream *s, const struct incident_alert *al)
{
    size_t cap = s->cap_ids;
    if (s->n_ids == cap) {
        void *ids = arena_grow(c->all, s->ids, sizeof(*s->ids), &s->cap_ids);
        if (ids == NULL)
            return no_memory();
        s->ids = ids;
        void *sources = arena_grow(c->all, s->sources, sizeof(*s->sources), &cap);
        if (sources == NULL)
            return no_memory();
        s->sources = sources;
    }
    s->ids[s->n_ids] = slice_dup(c->all, al->native_id);
    s->sources[s->n_ids] = c->sources[al->source_number];
    return s->ids[s->n_ids++].p != NULL ? ERR_OK : no_memory();
}

static struct err
take_alert(struct correlate *c, struct stream *s, struct json doc)
{
    struct key_set set = {.cut = 0};
    struct incident_alert al;
    struct err e = read_alert(c, s, doc, &set, &al);
    c->begun = true;
    if (!e.kind && incident_of(s->engine, al.source, al.native_id) == 0)
        e = remember(c, s, &al);
    if (!e.kind)
        e = incident_add(s->engine, &al);
    if (e.kind || ++s->since_commit < BATCH)
        return e;
    s->since_commit = 0;
    e = c->explain ? keep_reasons(c, s) : ERR_OK;
    incident_commit(s->engine);
    return e;
}

static struct err
take_line(struct correlate *c, struct slice line)
{
    struct json doc;
    struct err e = json_parse(line, c->line, &doc);
    if (e.kind)
        return e;
    if (json_type(doc) != JSON_OBJECT)
        return bad("not a JSON object");
    if (json_type(json_get(doc, "params")) != JSON_ABSENT)
        return c->begun ? bad("parameters must come before the first alert")
                        : params_read_json(json_get(doc, "params"), &c->params);
    struct slice tenant = json_get_text(doc, "tenant");
    if (tenant.p == NULL)
        return bad("'tenant' is missing");
    struct stream *s = stream_of(c, tenant);
    if (s == NULL)
        return no_memory();
    if (json_type(json_get(doc, "domains")) != JSON_ABSENT)
        return read_domains(c, s, json_get(doc, "domains"));
    return take_alert(c, s, doc);
}

static struct err
read_all(struct correlate *c, FILE *in)
{
    char *text = NULL;
    size_t size = 0, number = 0;
    ssize_t n;
    struct err e = ERR_OK;
    while (!e.kind && (n = getline(&text, &size, in)) >= 0) {
        struct slice line = slice_trim((struct slice){text, (size_t)n});
        number++;
        if (line.n == 0)
            continue;
        e = line.n > LINE_BYTES_MAX ? bad("longer than 64 MiB") : take_line(c, line);
        arena_reset(c->line);
    }
    if (!e.kind && ferror(in))
        e = err_make(ERR_STOP, "correlate.read", "standard input: %s", strerror(errno));
    free(text);
    return e.kind ? err_make(e.kind, e.code, "line %zu: %s", number, e.text) : e;
}

static struct err
write_alert(struct correlate *c, struct stream *s, size_t i)
{
    struct json_out *o = json_out_object(c->line);
    long long incident = (long long)incident_of(s->engine, s->sources[i], s->ids[i]);
    const struct why *why = why_of(c, s->name, s->ids[i]);
    struct json reason;
    json_out_text(o, "id", s->ids[i]);
    json_out_text(o, "incident", slice_printf(c->line, "%.*s/%lld", SLICE_ARG(s->name), incident));
    if (why != NULL && !json_parse(why->json, c->line, &reason).kind) {
        int64_t score = 0;
        (void)json_get_int(reason, "score", &score);
        json_out_text(o, "partner", json_text(json_path(reason, "partner.id")));
        json_out_int(o, "score", score);
        json_out_set_raw(o, "why", json_minify(json_get(reason, "parts"), c->line));
    }
    struct slice text = json_out_print(o, c->line);
    if (text.p == NULL)
        return no_memory();
    if (fwrite(text.p, 1, text.n, stdout) != text.n || putchar('\n') == EOF)
        return err_make(ERR_STOP, "correlate.write", "standard output: %s", strerror(errno));
    arena_reset(c->line);
    return ERR_OK;
}

static struct err
write_all(struct correlate *c)
{
    struct err e = ERR_OK;
    for (size_t i = 0; c->explain && !e.kind && i < c->n_streams; i++)
        e = keep_reasons(c, &c->streams[i]);
    if (c->n_why > 1)
        qsort(c->why, c->n_why, sizeof(*c->why), why_order);
    for (size_t i = 0; !e.kind && i < c->n_streams; i++)
        for (size_t k = 0; !e.kind && k < c->streams[i].n_ids; k++)
            e = write_alert(c, &c->streams[i], k);
    if (!e.kind && fflush(stdout) != 0)
        e = err_make(ERR_STOP, "correlate.write", "standard output: %s", strerror(errno));
    return e;
}

static int
correlate_run(struct cli *cli)
{
    struct correlate c = {.params = params_default, .explain = cli_flag(cli, "explain") != NULL};
    struct err e = no_memory();
    c.all = arena_new(SIZE_MAX / 2);
    c.line = arena_new(ARENA_BYTES);
    c.batch = arena_new(SIZE_MAX / 2);
    if (c.all != NULL && c.line != NULL && c.batch != NULL)
        e = read_all(&c, stdin);
    if (!e.kind)
        e = write_all(&c);
    for (size_t i = 0; i < c.n_streams; i++)
        incident_engine_free(c.streams[i].engine);
    arena_free(c.batch);
    arena_free(c.line);
    arena_free(c.all);
    return e.kind ? cli_fail(cli, e) : CLI_DONE;
}

static const struct cli_flag FLAGS[] = {
    {.name = "explain", .help = "Add partner, score and why: the parts that add up to the score."},
    {.name = NULL}};

const struct cli_command correlate_command = {
    .noun = "correlate",
    .summary = "join alerts on standard input into incidents, offline",
    .example = "weir correlate --explain < alerts.jsonl > membership.jsonl",
    .flags = FLAGS,
    .run = correlate_run,
};
