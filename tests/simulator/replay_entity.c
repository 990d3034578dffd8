/* Entities of a Sentinel row: $id and $ref, and what their members say. */
#include <stdlib.h>
#include <string.h>

#include "tests/simulator/replay.h"

enum { NODES_MAX = 20000, DEPTH_MAX = JSON_DEPTH_MAX };

static struct err
no_memory(void)
{
    return err_make(ERR_STOP, "replay.memory", "out of memory");
}

/* ---- $id and $ref */

static int
by_id(const void *x, const void *y)
{
    const struct replay_node *a = x;
    const struct replay_node *b = y;
    return slice_cmp(a->id, b->id);
}

/* Every object with a $id, wherever it stands. */
static struct err
nodes_find(struct replay_row *r, struct json root, struct arena *a)
{
    struct json_iter stack[DEPTH_MAX + 1];
    size_t depth = 1;
    size_t room = 0;
    struct json v;
    stack[0] = json_items(root);
    while (depth > 0) {
        if (!json_next(&stack[depth - 1], NULL, &v)) {
            depth--;
            continue;
        }
        struct slice id = json_get_text(v, "$id");
        if (id.n > 0 && r->n_nodes < NODES_MAX) {
            if (r->n_nodes == room) {
                struct replay_node *nodes = arena_grow(a, r->nodes, sizeof(*nodes), &room);
                if (nodes == NULL)
                    return no_memory();
                r->nodes = nodes;
            }
            r->nodes[r->n_nodes++] = (struct replay_node){id, v};
        }
        if ((json_type(v) == JSON_OBJECT || json_type(v) == JSON_ARRAY) && depth < DEPTH_MAX)
            stack[depth++] = json_items(v);
    }
    if (r->n_nodes > 0)
        qsort(r->nodes, r->n_nodes, sizeof(*r->nodes), by_id);
    return ERR_OK;
}

struct json
replay_follow(const struct replay_row *r, struct json v)
{
    struct replay_node key = {.id = json_get_text(v, "$ref")};
    if (key.id.n == 0)
        return v;
    const struct replay_node *found =
        r->n_nodes > 0 ? bsearch(&key, r->nodes, r->n_nodes, sizeof(key), by_id) : NULL;
    return found != NULL ? found->value : (struct json){{0, 0}};
}

struct json
replay_member(const struct replay_row *r, struct json object, const char *name)
{
    return replay_follow(r, json_get(object, name));
}

static bool
known(const struct replay_row *r, struct slice id)
{
    for (size_t i = 0; id.n > 0 && i < r->n_entities; i++)
        if (slice_eq(json_get_text(r->entities[i], "$id"), id))
            return true;
    return false;
}

struct err
replay_entities(struct replay_row *r, struct slice text, struct arena *a)
{
    struct json list;
    struct json v;
    if (text.n == 0)
        return ERR_OK;
    struct err e = json_parse(text, a, &list);
    if (e.kind == ERR_NONE)
        e = nodes_find(r, list, a);
    if (e.kind)
        return e;
    r->entities = arena_alloc(a, (json_count(list) + 1) * sizeof(*r->entities));
    if (r->entities == NULL)
        return no_memory();
    for (struct json_iter it = json_items(list); json_next(&it, NULL, &v);) {
        v = replay_follow(r, v);
        if (json_type(v) == JSON_OBJECT && !known(r, json_get_text(v, "$id")))
            r->entities[r->n_entities++] = v;
    }
    return ERR_OK;
}

/* ---- members */

bool
replay_is(struct json entity, const char *type)
{
    return slice_eq_nocase(json_get_text(entity, "Type"), slice_of(type));
}

bool
replay_has(const struct replay_row *r, const char *type)
{
    for (size_t i = 0; i < r->n_entities; i++)
        if (replay_is(r->entities[i], type))
            return true;
    return false;
}

struct slice
replay_word(struct json object, const char *name, struct arena *a)
{
    struct json v = json_get(object, name);
    if (json_type(v) == JSON_INT || json_type(v) == JSON_REAL)
        return json_minify(v, a);
    struct slice text = slice_trim(json_text(v));
    return text.n > 0 ? text : SLICE_NONE;
}

struct slice
replay_upn(struct json entity, struct arena *a)
{
    static const char *const members[] = {"UserPrincipalName", "MailboxPrimaryAddress", "Upn",
                                          "Recipient"};
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        struct slice v = replay_word(entity, members[i], a);
        if (v.n > 0)
            return v;
    }
    struct slice name = replay_word(entity, "Name", a);
    struct slice suffix = replay_word(entity, "UPNSuffix", a);
    if (name.n == 0 || suffix.n == 0)
        return SLICE_NONE;
    return slice_printf(a, "%.*s@%.*s", SLICE_ARG(name), SLICE_ARG(suffix));
}

struct slice
replay_hash(const struct replay_row *r, struct json file, const char *algorithm)
{
    struct json v;
    for (struct json_iter it = json_items(json_get(file, "FileHashes"));
         json_next(&it, NULL, &v);) {
        v = replay_follow(r, v);
        if (slice_eq_nocase(json_get_text(v, "Algorithm"), slice_of(algorithm)))
            return json_get_text(v, "Value");
    }
    return SLICE_NONE;
}

struct slice
replay_time(const struct replay_row *r, struct slice text, struct arena *a)
{
    int64_t t = 0;
    if (!clock_parse(text, &t) || t == CLOCK_NONE)
        return SLICE_NONE;
    struct clock_text out = clock_format(t + r->shift);
    return slice_dup(a, slice_of(out.s));
}
