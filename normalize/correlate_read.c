#include "normalize/correlate_read.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "normalize/lines.h"

enum { DAMP_ONE = 1000, ARENA_BYTES = 512 << 20 };

static struct err
no_memory(void)
{
    return err_make(ERR_RETRY, "correlate.memory", "no memory for a line");
}

static struct err
bad(const char *what)
{
    return err_make(ERR_REJECT, "correlate.input", "%s", what);
}

/* ---- members */

/* The members of a line that are looked at; of one that comes twice the first counts. */
struct members {
    struct json params, tenant, domains, hubs, source, id, version, created, first, last, severity,
        detector, tactics, identities, keys;
};

#define MEMBER(name)                                                                               \
    {                                                                                              \
#name, sizeof(#name) - 1, offsetof(struct members, name)                                   \
    }

static const struct {
    const char *name;
    size_t n, offset;
} MEMBERS[] = {
    MEMBER(tenant),     MEMBER(source), MEMBER(id),       MEMBER(version),  MEMBER(created),
    MEMBER(first),      MEMBER(last),   MEMBER(severity), MEMBER(detector), MEMBER(tactics),
    MEMBER(identities), MEMBER(keys),   MEMBER(params),   MEMBER(domains),  MEMBER(hubs),
};

/* Lines have their members in one order mostly: the search begins behind the one found last. */
static void
read_members(struct json doc, struct members *m)
{
    enum { N = sizeof(MEMBERS) / sizeof(MEMBERS[0]) };
    struct slice name;
    struct json v;
    size_t at = 0;
    for (struct json_iter it = json_items(doc); json_next(&it, &name, &v);) {
        for (size_t tries = 0; tries < N; tries++, at = (at + 1) % N) {
            if (name.n != MEMBERS[at].n || memcmp(name.p, MEMBERS[at].name, name.n) != 0)
                continue;
            struct json *slot = (struct json *)(void *)((char *)m + MEMBERS[at].offset);
            if (json_type(*slot) == JSON_ABSENT)
                *slot = v;
            break;
        }
    }
}

static bool
there(struct json v)
{
    return json_type(v) != JSON_ABSENT;
}

/* ---- an alert */

static struct err
read_text(struct json v, const char *name, struct slice *out)
{
    *out = json_text(v);
    if (out->p == NULL)
        return err_make(ERR_REJECT, "correlate.input", "'%s' is missing or no text", name);
    if (out->n > CORRELATE_TEXT_MAX)
        return err_make(ERR_REJECT, "correlate.input", "'%s' is longer than %d bytes", name,
                        CORRELATE_TEXT_MAX);
    return ERR_OK;
}

/* Whole seconds. */
static bool
read_time(struct json v, int64_t *out)
{
    return json_type(v) == JSON_INT && json_int(v, out);
}

static struct err
read_level(struct json v, uint8_t *out)
{
    static const char *const levels[] = {"informational", "low", "medium", "high"};
    struct slice severity = json_text(v);
    uint8_t level = 0;
    while (level < 4 && !slice_eq(severity, slice_of(levels[level])))
        level++;
    if (level == 4)
        return bad("'severity' is informational, low, medium or high");
    *out = level;
    return ERR_OK;
}

static struct err
read_tactics(struct json list, uint16_t *out)
{
    struct json v;
    if (json_type(list) != JSON_ARRAY)
        return bad("'tactics' is a list");
    for (struct json_iter it = json_items(list); json_next(&it, NULL, &v);) {
        int64_t bit;
        if (json_type(v) != JSON_INT || !json_int(v, &bit) || bit < 0 || bit > 12)
            return bad("a tactic is a number from 0 to 12");
        *out |= (uint16_t)(1 << bit);
    }
    return ERR_OK;
}

static struct err
read_alert(const struct members *m, struct correlate_line *out)
{
    struct incident_alert *al = &out->alert;
    *al = (struct incident_alert){.version = 1};
    struct err e = read_text(m->source, "source", &al->source);
    if (!e.kind)
        e = read_text(m->id, "id", &al->native_id);
    if (!e.kind)
        e = read_text(m->detector, "detector", &al->detector);
    if (!e.kind && there(m->version) &&
        (json_type(m->version) != JSON_INT || !json_int(m->version, &al->version)))
        e = bad("'version' is a whole number");
    if (!e.kind && (!read_time(m->created, &al->created_s) || !read_time(m->first, &al->first_s) ||
                    !read_time(m->last, &al->last_s)))
        e = bad("'created', 'first' and 'last' are whole seconds");
    if (!e.kind)
        e = read_level(m->severity, &al->level);
    if (!e.kind)
        e = read_tactics(m->tactics, &al->tactics);
    if (!e.kind && (json_type(m->identities) != JSON_ARRAY || json_type(m->keys) != JSON_ARRAY))
        e = bad("'identities' and 'keys' are lists");
    al->title = al->detector;
    al->product = al->source;
    out->identities = m->identities;
    out->keys = m->keys;
    return e;
}

struct err
correlate_read(struct slice line, struct arena *a, struct correlate_line *out)
{
    struct json doc;
    struct members m;
    memset(&m, 0, sizeof(m));
    memset(out, 0, sizeof(*out));
    struct err e = json_parse(line, a, &doc);
    if (e.kind)
        return e;
    if (json_type(doc) != JSON_OBJECT)
        return bad("not a JSON object");
    read_members(doc, &m);
    if (there(m.params)) {
        out->kind = CORRELATE_PARAMS;
        out->params = m.params;
        return ERR_OK;
    }
    e = read_text(m.tenant, "tenant", &out->tenant);
    if (!e.kind && (there(m.domains) || there(m.hubs))) {
        out->kind = CORRELATE_TENANT;
        out->domains = m.domains;
        out->hubs = m.hubs;
        return ERR_OK;
    }
    out->kind = CORRELATE_ALERT;
    return e.kind ? e : read_alert(&m, out);
}

/* ---- what is known of a tenant */

static int
slice_order(const void *a, const void *b)
{
    return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

static struct err
add_domains(struct json list, struct arena *all, struct key_tenant *lists)
{
    size_t n = lists->n_domains, more = json_count(list);
    struct json v;
    if (json_type(list) != JSON_ARRAY)
        return bad("'domains' is a list of names");
    struct slice *domains = arena_alloc(all, sizeof(*domains) * (n + more + 1));
    if (domains == NULL)
        return no_memory();
    if (n > 0)
        memcpy(domains, lists->domains, sizeof(*domains) * n);
    for (struct json_iter it = json_items(list); json_next(&it, NULL, &v);) {
        struct slice text = json_text(v);
        if (text.n == 0)
            return bad("'domains' is a list of names");
        domains[n] = slice_dup(all, text);
        if (domains[n++].p == NULL)
            return no_memory();
    }
    if (n > 1)
        qsort(domains, n, sizeof(*domains), slice_order);
    lists->domains = domains;
    lists->n_domains = n;
    return ERR_OK;
}

/* As in a tenant's settings. */
static struct err
add_hubs(struct json list, struct arena *all, struct key_tenant *lists)
{
    struct key_tenant read;
    if (lists->n_hubs + lists->n_blocks > 0)
        return bad("a tenant's 'hubs' come twice");
    struct slice text = slice_join(all, SLICE("{\"hubs\":"), json_minify(list, all));
    text = slice_join(all, text, SLICE("}"));
    if (text.p == NULL)
        return no_memory();
    struct err e = keys_tenant_read(text, all, &read);
    if (e.kind)
        return e;
    lists->hubs = read.hubs;
    lists->n_hubs = read.n_hubs;
    lists->blocks = read.blocks;
    lists->n_blocks = read.n_blocks;
    return ERR_OK;
}

struct err
correlate_read_lists(const struct correlate_line *line, struct arena *all, struct key_tenant *lists)
{
    struct err e = ERR_OK;
    if (there(line->domains))
        e = add_domains(line->domains, all, lists);
    if (!e.kind && there(line->hubs))
        e = add_hubs(line->hubs, all, lists);
    return e;
}

/* ---- identities and keys */

/* ["user", ["aad:..", "upn:.."]] in its two parts. */
static bool
read_pair(struct json pair, struct slice *word, struct json *rest)
{
    struct json v;
    size_t n = 0;
    for (struct json_iter it = json_items(pair); json_next(&it, NULL, &v); n++) {
        if (n == 0)
            *word = json_text(v);
        else if (n == 1)
            *rest = v;
    }
    return n == 2 && json_type(pair) == JSON_ARRAY && word->p != NULL;
}

static struct err
read_value(struct json v, const char *what, struct slice *out)
{
    *out = json_text(v);
    if (out->p == NULL)
        return err_make(ERR_REJECT, "correlate.input", "%s is text", what);
    if (out->n > CORRELATE_VALUE_MAX)
        return err_make(ERR_REJECT, "correlate.input", "%s is longer than %d bytes", what,
                        CORRELATE_VALUE_MAX);
    return ERR_OK;
}

static void
add_key(struct key_set *set, const struct key_tenant *lists, enum key_type type, struct slice value)
{
    set->keys[set->n_keys++] =
        (struct key){.type = type, .weight = keys_damp(lists, type, value), .value = value};
}

/* The strong identifiers of an entity; a short name is a key where there is no better one. */
static struct err
read_identity(enum key_type type, struct json ids, const struct key_tenant *lists,
              struct key_set *set)
{
    struct key_identity *id = NULL;
    struct slice first = SLICE_NONE, text;
    struct json v;
    int32_t damp = DAMP_ONE;
    for (struct json_iter it = json_items(ids); json_next(&it, NULL, &v);) {
        struct err e = read_value(v, "an identifier", &text);
        if (e.kind)
            return e;
        if (slice_starts(text, SLICE("nb:")))
            continue;
        if (id == NULL || id->n_ids == KEYS_IDENTIFIERS_MAX) {
            if (set->n_identities == KEYS_NODE_MAX)
                return err_make(ERR_REJECT, "correlate.input", "more than %d identities",
                                KEYS_NODE_MAX);
            first = first.p == NULL ? text : first;
            id = &set->identities[set->n_identities++];
            *id = (struct key_identity){.type = type, .ids = {first}, .n_ids = 1};
        }
        if (!slice_eq(text, first))
            id->ids[id->n_ids++] = text;
        int32_t one = keys_damp(lists, type, text);
        damp = one < damp ? one : damp;
    }
    if (id != NULL) {
        set->keys[set->n_keys++] = (struct key){.type = type, .weight = damp, .value = first};
        return ERR_OK;
    }
    for (struct json_iter it = json_items(ids); json_next(&it, NULL, &v);)
        add_key(set, lists, KEY_SHORT_NAME, slice_sub(json_text(v), 3, SIZE_MAX));
    return ERR_OK;
}

static struct err
read_identities(struct json list, const struct key_tenant *lists, struct key_set *set)
{
    struct json v, ids = {{0, 0}};
    struct err e = ERR_OK;
    for (struct json_iter it = json_items(list); !e.kind && json_next(&it, NULL, &v);) {
        struct slice class = SLICE_NONE;
        bool pair = read_pair(v, &class, &ids);
        enum key_type type = pair ? key_type_of(class) : KEY_TYPES;
        if (type > KEY_DEVICE || json_type(ids) != JSON_ARRAY || json_count(ids) == 0)
            return bad("an identity is [\"user\" or \"device\", [identifiers]]");
        e = read_identity(type, ids, lists, set);
    }
    return e;
}

/* A colleague's address is that user, but says nothing of how ordinary the user is. */
static struct err
read_key(struct json pair, const struct key_tenant *lists, struct arena *a, struct key_set *set)
{
    struct slice word = SLICE_NONE, value;
    struct json v = {{0, 0}};
    enum key_type type = read_pair(pair, &word, &v) ? key_type_of(word) : KEY_TYPES;
    if (type == KEY_TYPES || type <= KEY_DEVICE)
        return bad("a key is [type, value] with a type of the format");
    struct err e = read_value(v, "a key's value", &value);
    if (!e.kind && type == KEY_SENDER && keys_own_address(lists, value)) {
        type = KEY_USER;
        value = slice_join(a, SLICE("upn:"), value);
        if (value.p == NULL)
            return no_memory();
        set->identities[set->n_identities++] =
            (struct key_identity){.type = type, .ids = {value}, .n_ids = 1, .sender = true};
    }
    if (!e.kind)
        add_key(set, lists, type, value);
    return e;
}

struct err
correlate_read_keys(const struct correlate_line *line, const struct key_tenant *lists,
                    struct arena *a, struct key_set *out)
{
    struct json v, part;
    size_t keys = json_count(line->keys), ids = 0, entities = 0;
    *out = (struct key_set){.cut = 0};
    for (struct json_iter it = json_items(line->identities); json_next(&it, NULL, &v); entities++)
        for (struct json_iter in = json_items(v); json_next(&in, NULL, &part);)
            ids += json_count(part);
    if (keys > CORRELATE_KEYS || ids > CORRELATE_KEYS || entities > CORRELATE_KEYS)
        return err_make(ERR_REJECT, "correlate.input", "more than %d keys or identifiers",
                        CORRELATE_KEYS);
    /* an entity with many identifiers takes several, each with the first one in front */
    entities += ids / (KEYS_IDENTIFIERS_MAX - 1);
    out->identities = arena_alloc(a, sizeof(*out->identities) * (entities + keys + 1));
    out->keys = arena_alloc(a, sizeof(*out->keys) * (keys + ids + 1));
    if (out->identities == NULL || out->keys == NULL)
        return no_memory();
    struct err e = read_identities(line->identities, lists, out);
    for (struct json_iter it = json_items(line->keys); !e.kind && json_next(&it, NULL, &v);)
        e = read_key(v, lists, a, out);
    keys_finish(out, KEYS_NODE_MAX);
    return e;
}

/* ---- a file of them */

static struct err
give(const struct correlate_sink *sink, struct correlate_line *line, bool *begun, struct arena *a)
{
    struct err (*take)(void *ctx, struct correlate_line *line, struct arena *a) = sink->alert;
    if (line->kind == CORRELATE_PARAMS && *begun)
        return bad("parameters must come before the first alert");
    if (line->kind == CORRELATE_PARAMS)
        take = sink->params;
    else if (line->kind == CORRELATE_TENANT)
        take = sink->tenant;
    else
        *begun = true;
    return take != NULL ? take(sink->ctx, line, a) : ERR_OK;
}

struct err
correlate_read_all(FILE *in, const char *what, const struct correlate_sink *sink)
{
    struct arena *a = arena_new(ARENA_BYTES);
    struct lines lines;
    struct slice text;
    struct correlate_line line;
    bool begun = false;
    if (a == NULL)
        return no_memory();
    lines_init(&lines, in, what);
    struct err e = lines_next(&lines, &text);
    while (!e.kind && text.p != NULL) {
        e = correlate_read(text, a, &line);
        if (!e.kind)
            e = give(sink, &line, &begun, a);
        arena_reset(a);
        if (!e.kind)
            e = lines_next(&lines, &text);
    }
    e = lines_at(&lines, e);
    lines_fini(&lines);
    arena_free(a);
    return e;
}
