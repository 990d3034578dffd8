#include "normalize/correlate_read.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "normalize/lines.h"

enum { DAMP_ONE = 1000, ARENA_BYTES = 512 << 20, TACTICS_MAX = 64 };

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

/* The members of a line that are looked at, mostly in this order. */
enum member {
    TENANT,
    SOURCE,
    ID,
    VERSION,
    CREATED,
    FIRST,
    LAST,
    SEVERITY,
    DETECTOR,
    TACTICS,
    IDENTITIES,
    KEYS,
    PARAMS,
    DOMAINS,
    HUBS,
    MEMBERS
};

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
    struct json items[TACTICS_MAX];
    size_t n = json_list(list, items, TACTICS_MAX);
    if (json_type(list) != JSON_ARRAY || n > TACTICS_MAX)
        return bad("'tactics' is a list of numbers");
    for (size_t i = 0; i < n; i++) {
        int64_t bit;
        if (json_type(items[i]) != JSON_INT || !json_int(items[i], &bit) || bit < 0 || bit > 12)
            return bad("a tactic is a number from 0 to 12");
        *out |= (uint16_t)(1 << bit);
    }
    return ERR_OK;
}

static struct err
read_alert(const struct json *m, struct correlate_line *out)
{
    struct incident_alert *al = &out->alert;
    *al = (struct incident_alert){.version = 1};
    struct err e = read_text(m[SOURCE], "source", &al->source);
    if (!e.kind)
        e = read_text(m[ID], "id", &al->native_id);
    if (!e.kind)
        e = read_text(m[DETECTOR], "detector", &al->detector);
    if (!e.kind && there(m[VERSION]) &&
        (json_type(m[VERSION]) != JSON_INT || !json_int(m[VERSION], &al->version)))
        e = bad("'version' is a whole number");
    if (!e.kind && (!read_time(m[CREATED], &al->created_s) || !read_time(m[FIRST], &al->first_s) ||
                    !read_time(m[LAST], &al->last_s)))
        e = bad("'created', 'first' and 'last' are whole seconds");
    if (!e.kind)
        e = read_level(m[SEVERITY], &al->level);
    if (!e.kind)
        e = read_tactics(m[TACTICS], &al->tactics);
    if (!e.kind && (json_type(m[IDENTITIES]) != JSON_ARRAY || json_type(m[KEYS]) != JSON_ARRAY))
        e = bad("'identities' and 'keys' are lists");
    out->identities = m[IDENTITIES];
    out->keys = m[KEYS];
    return e;
}

struct err
correlate_read(struct slice line, struct json_parser *parser, struct correlate_line *out)
{
    const struct slice names[MEMBERS] = {
        [TENANT] = SLICE("tenant"),
        [SOURCE] = SLICE("source"),
        [ID] = SLICE("id"),
        [VERSION] = SLICE("version"),
        [CREATED] = SLICE("created"),
        [FIRST] = SLICE("first"),
        [LAST] = SLICE("last"),
        [SEVERITY] = SLICE("severity"),
        [DETECTOR] = SLICE("detector"),
        [TACTICS] = SLICE("tactics"),
        [IDENTITIES] = SLICE("identities"),
        [KEYS] = SLICE("keys"),
        [PARAMS] = SLICE("params"),
        [DOMAINS] = SLICE("domains"),
        [HUBS] = SLICE("hubs"),
    };
    struct json doc, m[MEMBERS];
    memset(out, 0, sizeof(*out));
    struct err e = json_parser_parse(parser, line, &doc);
    if (e.kind)
        return e;
    if (json_type(doc) != JSON_OBJECT)
        return bad("not a JSON object");
    json_pick(doc, names, MEMBERS, m);
    if (there(m[PARAMS])) {
        out->kind = CORRELATE_PARAMS;
        out->params = m[PARAMS];
        return ERR_OK;
    }
    e = read_text(m[TENANT], "tenant", &out->tenant);
    if (!e.kind && (there(m[DOMAINS]) || there(m[HUBS]))) {
        out->kind = CORRELATE_TENANT;
        out->domains = m[DOMAINS];
        out->hubs = m[HUBS];
        return ERR_OK;
    }
    out->kind = CORRELATE_ALERT;
    return e.kind ? e : read_alert(m, out);
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
    struct json parts[2];
    if (json_list(pair, parts, 2) != 2)
        return false;
    *word = json_text(parts[0]);
    *rest = parts[1];
    return word->p != NULL;
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

/* A set under way; its lists grow when an entity needs more than one entry. */
struct build {
    struct key_set *set;
    const struct key_tenant *lists;
    struct arena *a;
    size_t cap_identities, cap_keys;
};

static struct err
add_key(struct build *b, enum key_type type, int32_t damp, struct slice value)
{
    struct key_set *set = b->set;
    if (set->n_keys == CORRELATE_KEYS)
        return err_make(ERR_REJECT, "correlate.input", "more than %d keys", CORRELATE_KEYS);
    if (set->n_keys == b->cap_keys) {
        void *more = arena_grow(b->a, set->keys, sizeof(*set->keys), &b->cap_keys);
        if (more == NULL)
            return no_memory();
        set->keys = more;
    }
    set->keys[set->n_keys++] = (struct key){.type = type, .weight = damp, .value = value};
    return ERR_OK;
}

static struct err
add_identity(struct build *b, enum key_type type, struct slice first, struct key_identity **out)
{
    struct key_set *set = b->set;
    if (set->n_identities == KEYS_NODE_MAX)
        return err_make(ERR_REJECT, "correlate.input", "more than %d identities", KEYS_NODE_MAX);
    if (set->n_identities == b->cap_identities) {
        void *more =
            arena_grow(b->a, set->identities, sizeof(*set->identities), &b->cap_identities);
        if (more == NULL)
            return no_memory();
        set->identities = more;
    }
    *out = &set->identities[set->n_identities++];
    **out = (struct key_identity){.type = type, .ids = {first}, .n_ids = 1};
    return ERR_OK;
}

/* Short names are keys where an entity has nothing better. */
static struct err
read_short_names(struct build *b, struct json ids)
{
    struct json v;
    struct err e = ERR_OK;
    for (struct json_iter it = json_items(ids); !e.kind && json_next(&it, NULL, &v);) {
        struct slice name = slice_sub(json_text(v), 3, SIZE_MAX);
        e = add_key(b, KEY_SHORT_NAME, keys_damp(b->lists, KEY_SHORT_NAME, name), name);
    }
    return e;
}

/* The strong identifiers of an entity; one with many takes several entries, each with the first in
 * front. */
static struct err
read_identity(struct build *b, enum key_type type, struct json ids)
{
    struct key_identity *id = NULL;
    struct slice first = SLICE_NONE, text;
    struct json v;
    int32_t damp = DAMP_ONE;
    struct err e = ERR_OK;
    for (struct json_iter it = json_items(ids); json_next(&it, NULL, &v);) {
        e = read_value(v, "an identifier", &text);
        if (e.kind)
            return e;
        if (slice_starts(text, SLICE("nb:")))
            continue;
        if (id == NULL || id->n_ids == KEYS_IDENTIFIERS_MAX) {
            first = first.p == NULL ? text : first;
            e = add_identity(b, type, first, &id);
            if (e.kind)
                return e;
        }
        if (!slice_eq(text, first))
            id->ids[id->n_ids++] = text;
        int32_t one = keys_damp(b->lists, type, text);
        damp = one < damp ? one : damp;
    }
    return id != NULL ? add_key(b, type, damp, first) : read_short_names(b, ids);
}

static struct err
read_identities(struct build *b, struct json list)
{
    struct json v, ids = {{0, 0}};
    struct err e = ERR_OK;
    for (struct json_iter it = json_items(list); !e.kind && json_next(&it, NULL, &v);) {
        struct slice class = SLICE_NONE;
        enum key_type type = read_pair(v, &class, &ids) ? key_type_of(class) : KEY_TYPES;
        if (type > KEY_DEVICE || json_type(ids) != JSON_ARRAY || json_count(ids) == 0)
            return bad("an identity is [\"user\" or \"device\", [identifiers]]");
        e = read_identity(b, type, ids);
    }
    return e;
}

/* A colleague's address is that user, but says nothing of how ordinary the user is. */
static struct err
read_colleague(struct build *b, struct slice address)
{
    struct key_identity *id;
    struct slice value = slice_join(b->a, SLICE("upn:"), address);
    if (value.p == NULL)
        return no_memory();
    struct err e = add_identity(b, KEY_USER, value, &id);
    if (e.kind)
        return e;
    id->sender = true;
    return add_key(b, KEY_USER, keys_damp(b->lists, KEY_USER, value), value);
}

static struct err
read_key(struct build *b, struct json pair)
{
    struct slice word = SLICE_NONE, value;
    struct json v = {{0, 0}};
    enum key_type type = read_pair(pair, &word, &v) ? key_type_of(word) : KEY_TYPES;
    if (type == KEY_TYPES || type <= KEY_DEVICE)
        return bad("a key is [type, value] with a type of the format");
    struct err e = read_value(v, "a key's value", &value);
    if (e.kind)
        return e;
    if (type == KEY_SENDER && keys_own_address(b->lists, value))
        return read_colleague(b, value);
    return add_key(b, type, keys_damp(b->lists, type, value), value);
}

struct err
correlate_read_keys(const struct correlate_line *line, const struct key_tenant *lists,
                    struct arena *a, struct key_set *out)
{
    struct build b = {.set = out, .lists = lists, .a = a};
    struct json v;
    *out = (struct key_set){.cut = 0};
    b.cap_identities = json_count(line->identities) + 1;
    b.cap_keys = b.cap_identities + json_count(line->keys);
    if (b.cap_identities > CORRELATE_KEYS || b.cap_keys > 2 * CORRELATE_KEYS)
        return err_make(ERR_REJECT, "correlate.input", "more than %d keys", CORRELATE_KEYS);
    out->identities = arena_alloc(a, sizeof(*out->identities) * b.cap_identities);
    out->keys = arena_alloc(a, sizeof(*out->keys) * b.cap_keys);
    if (out->identities == NULL || out->keys == NULL)
        return no_memory();
    struct err e = read_identities(&b, line->identities);
    for (struct json_iter it = json_items(line->keys); !e.kind && json_next(&it, NULL, &v);)
        e = read_key(&b, v);
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
    struct json_parser *parser = json_parser_new();
    bool begun = false;
    lines_init(&lines, in, what);
    struct err e = a != NULL && parser != NULL ? lines_next(&lines, &text) : no_memory();
    while (!e.kind && text.p != NULL) {
        e = correlate_read(text, parser, &line);
        if (!e.kind)
            e = give(sink, &line, &begun, a);
        arena_reset(a);
        if (!e.kind)
            e = lines_next(&lines, &text);
    }
    e = lines_at(&lines, e);
    lines_fini(&lines);
    json_parser_free(parser);
    arena_free(a);
    return e;
}
