#include "common/conf_file.h"

#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "common/arena.h"

enum { ARENA_MAX = 4 * 1024 * 1024 }; /* the names of a file of CONF_FILE_MAX fit many times */

struct seen {
    const char *name;
    size_t line;
};

struct reading {
    const char *label;
    yaml_parser_t parser;
    struct arena *arena; /* names seen */
    struct seen *seen;
    size_t seen_n, seen_capacity;
    char name[CONF_FILE_NAME_MAX + 1]; /* of the mapping at hand, then of the key */
    size_t ends[CONF_FILE_DEPTH_MAX];  /* length of the name of each open mapping */
    size_t depth;
    bool keyed;              /* a key was read, its value comes next */
    struct conf_entry entry; /* of that key */
    struct err (*visit)(void *ctx, const struct conf_entry *e);
    void *ctx;
};

static struct err
wrong(const struct reading *r, yaml_mark_t at, const char *what)
{
    return err_make(ERR_STOP, "conf.yaml", "%s:%zu:%zu: %s", r->label, at.line + 1, at.column + 1,
                    what);
}

static struct err
remember(struct reading *r, yaml_mark_t at)
{
    for (size_t i = 0; i < r->seen_n; i++)
        if (strcmp(r->seen[i].name, r->name) == 0)
            return err_make(ERR_STOP, "conf.yaml", "%s:%zu:%zu: %.60s is already set in line %zu",
                            r->label, at.line + 1, at.column + 1, r->name, r->seen[i].line);
    if (r->seen_n == CONF_FILE_KEYS_MAX)
        return wrong(r, at, "too many names in one file");
    if (r->seen_n == r->seen_capacity) {
        void *larger = arena_grow(r->arena, r->seen, sizeof *r->seen, &r->seen_capacity);
        if (larger == NULL)
            return wrong(r, at, "out of memory");
        r->seen = larger;
    }
    const char *kept = slice_cstr(r->arena, slice_of(r->name));
    if (kept == NULL)
        return wrong(r, at, "out of memory");
    r->seen[r->seen_n++] = (struct seen){kept, at.line + 1};
    return ERR_OK;
}

static struct err
key_read(struct reading *r, const yaml_event_t *e)
{
    const char *text = (const char *)e->data.scalar.value;
    size_t n = e->data.scalar.length, start = r->ends[r->depth - 1];
    size_t dot = start > 0;
    if (n == 0 || memchr(text, '\0', n) != NULL)
        return wrong(r, e->start_mark, "a setting without a name");
    if (start + dot + n > CONF_FILE_NAME_MAX)
        return wrong(r, e->start_mark, "the name of a setting is too long");
    if (dot)
        r->name[start] = '.';
    memcpy(r->name + start + dot, text, n);
    r->name[start + dot + n] = '\0';
    r->keyed = true;
    r->entry = (struct conf_entry){
        .name = r->name, .line = e->start_mark.line + 1, .column = e->start_mark.column + 1};
    return remember(r, e->start_mark);
}

static bool
is_null(const yaml_event_t *e)
{
    const char *text = (const char *)e->data.scalar.value;
    return e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (e->data.scalar.length == 0 || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
}

static struct err
scalar_read(struct reading *r, const yaml_event_t *e)
{
    if (r->depth == 0) /* a file of comments only may hold one nothing */
        return is_null(e) ? ERR_OK : wrong(r, e->start_mark, "expected lines like 'name: value'");
    if (!r->keyed)
        return key_read(r, e);
    r->keyed = false;
    const char *text = (const char *)e->data.scalar.value;
    if (memchr(text, '\0', e->data.scalar.length) != NULL)
        return wrong(r, e->start_mark, "a NUL inside a value");
    r->entry.value = is_null(e) ? NULL : text;
    r->entry.value_line = e->start_mark.line + 1;
    r->entry.value_column = e->start_mark.column + 1;
    return r->visit(r->ctx, &r->entry);
}

static struct err
mapping_open(struct reading *r, const yaml_event_t *e)
{
    if (r->depth > 0 && !r->keyed)
        return wrong(r, e->start_mark, "expected the name of a setting");
    if (r->depth == CONF_FILE_DEPTH_MAX)
        return wrong(r, e->start_mark, "too many levels");
    r->ends[r->depth++] = r->keyed ? strlen(r->name) : 0;
    r->keyed = false;
    return ERR_OK;
}

static struct err
event_read(struct reading *r, const yaml_event_t *e, bool *document)
{
    switch (e->type) {
    case YAML_SCALAR_EVENT:
        return scalar_read(r, e);
    case YAML_MAPPING_START_EVENT:
        return mapping_open(r, e);
    case YAML_MAPPING_END_EVENT:
        r->depth--;
        return ERR_OK;
    case YAML_SEQUENCE_START_EVENT:
        return wrong(r, e->start_mark, "a list; expected one value");
    case YAML_ALIAS_EVENT:
        return wrong(r, e->start_mark, "an alias; expected the value itself");
    case YAML_DOCUMENT_START_EVENT:
        if (*document)
            return wrong(r, e->start_mark, "a second document in one file");
        *document = true;
        return ERR_OK;
    default:
        return ERR_OK;
    }
}

static struct err
read_all(struct reading *r)
{
    bool document = false;
    for (bool end = false; !end;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&r->parser, &event)) {
            const char *what = r->parser.problem != NULL ? r->parser.problem : "not YAML";
            /* encoding errors have no mark */
            return wrong(r, r->parser.problem_mark, what);
        }
        struct err e = event_read(r, &event, &document);
        end = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
        if (e.kind)
            return e;
    }
    return ERR_OK;
}

struct err
conf_file_each(const char *label, struct slice text,
               struct err (*visit)(void *ctx, const struct conf_entry *e), void *ctx)
{
    if (text.n > CONF_FILE_MAX)
        return err_make(ERR_STOP, "conf.yaml", "%s: over %d bytes", label, CONF_FILE_MAX);
    struct reading *r = calloc(1, sizeof *r);
    if (r == NULL)
        return err_make(ERR_STOP, "conf.yaml", "%s: out of memory", label);
    *r = (struct reading){.label = label, .visit = visit, .ctx = ctx};
    r->arena = arena_new(ARENA_MAX);
    struct err e = err_make(ERR_STOP, "conf.yaml", "%s: out of memory", label);
    if (r->arena != NULL && yaml_parser_initialize(&r->parser)) {
        yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&r->parser, (const unsigned char *)(text.n ? text.p : ""),
                                     text.n);
        e = read_all(r);
        yaml_parser_delete(&r->parser);
    }
    arena_free(r->arena);
    free(r);
    return e;
}
