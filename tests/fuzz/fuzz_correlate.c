/* Lines of the offline format: what is taken keeps its keys, packed and not. */
#include <assert.h>

#include "normalize/correlate_read.h"
#include "tests/fuzz/fuzz.h"

enum { ARENA_BYTES = 16 << 20 };

static void
same_keys(const struct key_set *a, const struct key_set *b)
{
    assert(a->n_keys == b->n_keys && a->n_identities == b->n_identities && a->cut == b->cut);
    assert(a->n_keys <= KEYS_NODE_MAX && a->n_identities <= KEYS_NODE_MAX);
    for (size_t i = 0; i < a->n_keys; i++) {
        assert(a->keys[i].type == b->keys[i].type && a->keys[i].weight == b->keys[i].weight);
        assert(slice_eq(a->keys[i].value, b->keys[i].value));
        assert(i == 0 || a->keys[i - 1].type < a->keys[i].type ||
               (a->keys[i - 1].type == a->keys[i].type &&
                slice_cmp(a->keys[i - 1].value, a->keys[i].value) < 0));
    }
    for (size_t i = 0; i < a->n_identities; i++) {
        assert(a->identities[i].n_ids == b->identities[i].n_ids);
        assert(a->identities[i].sender == b->identities[i].sender);
        for (size_t k = 0; k < a->identities[i].n_ids; k++)
            assert(slice_eq(a->identities[i].ids[k], b->identities[i].ids[k]));
    }
}

static void
try_alert(const struct correlate_line *line, const struct key_tenant *lists, struct arena *a)
{
    struct key_set set, again;
    assert(line->alert.source.p != NULL && line->alert.native_id.p != NULL);
    assert(line->alert.level <= 3 && line->alert.tactics < 1 << 13);
    if (correlate_read_keys(line, lists, a, &set).kind)
        return;
    FUZZ_PLANT(set.n_keys > 0 && (line->alert.created_s % 10 != 0 || line->alert.last_s % 10 != 0));
    struct slice packed = keys_pack(&set, a);
    if (packed.p == NULL || keys_unpack(packed, a, &again).kind == ERR_RETRY)
        return;
    same_keys(&set, &again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = {(const char *)data, size};
    struct key_tenant lists = {.n_hubs = 0};
    struct arena *a = arena_new(ARENA_BYTES);
    struct json_parser *parser = json_parser_new();
    assert(a != NULL && parser != NULL);
    while (rest.n > 0) {
        struct correlate_line line;
        struct slice text = slice_split(&rest, '\n');
        if (correlate_read(text, parser, &line).kind)
            continue;
        if (line.kind == CORRELATE_TENANT && correlate_read_lists(&line, a, &lists).kind)
            lists = (struct key_tenant){.n_hubs = 0};
        if (line.kind == CORRELATE_ALERT)
            try_alert(&line, &lists, a);
    }
    json_parser_free(parser);
    arena_free(a);
    return 0;
}
