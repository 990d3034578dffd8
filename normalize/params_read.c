/*
 * Documents that are laid over parameters.
 *
 * JSON or YAML, either becomes a list of dotted paths with their values first; then the profile is
 * taken, then the rest. So both say the same things of the same mistakes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf_file.h"
#include "common/near.h"
#include "normalize/params_internal.h"

enum {
    BYTES_MAX = CONF_FILE_MAX,
    ARENA_BYTES = 8 << 20,
    ENTRIES_MAX = 1024,
    DEPTH_MAX = 4, /* objects inside each other; the table has three */
    PATH_BYTES_MAX = CONF_FILE_NAME_MAX,
    SHOWN_MAX = 60, /* bytes of a path that does not exist */
    LABEL_MAX = 48,
};

struct entry {
    const char *path;
    enum params_form form;
    struct slice text;
    size_t line, column; /* 0: not known */
};

struct document {
    struct arena *a;
    struct entry *entries;
    size_t n, capacity;
};

static struct err
no_memory(void)
{
    return err_make(ERR_RETRY, "params.memory", "out of memory");
}

static struct err
open_document(struct document **out)
{
    struct document *d = calloc(1, sizeof(*d));
    *out = d;
    if (d == NULL)
        return no_memory();
    d->a = arena_new(ARENA_BYTES);
    return d->a != NULL ? ERR_OK : no_memory();
}

static void
close_document(struct document *d)
{
    if (d != NULL)
        arena_free(d->a);
    free(d);
}

static struct err
add(struct document *d, const struct entry *e)
{
    if (d->n == ENTRIES_MAX)
        return err_make(ERR_REJECT, "params.json", "more than %d parameters", ENTRIES_MAX);
    if (d->n == d->capacity) {
        void *more = arena_grow(d->a, d->entries, sizeof(*d->entries), &d->capacity);
        if (more == NULL)
            return no_memory();
        d->entries = more;
    }
    d->entries[d->n] = *e;
    d->entries[d->n].path = slice_cstr(d->a, slice_of(e->path));
    if (e->text.p != NULL)
        d->entries[d->n].text = slice_dup(d->a, e->text);
    if (d->entries[d->n].path == NULL || (e->text.p != NULL && d->entries[d->n].text.p == NULL))
        return no_memory();
    d->n++;
    return ERR_OK;
}

/* ---- what is in it */

/* "threshold, related, terms, ...": what may stand behind the prefix. */
static void
list_beside(size_t prefix, const char *path, char *out, size_t size)
{
    char name[PARAMS_PATH_MAX], first[PARAMS_PATH_MAX] = "", last[PARAMS_PATH_MAX] = "";
    size_t n = 0;
    out[0] = '\0';
    for (struct params_slot s = {.row = NULL}; n < size && params_next(&s);) {
        params_path(&s, name);
        if (strncmp(name, path, prefix) != 0)
            continue;
        char *part = name + prefix;
        part[strcspn(part, ".")] = '\0';
        if (strcmp(part, last) == 0)
            continue;
        if (strcmp(part, first) == 0) /* from here on they come again */
            return;
        n += (size_t)snprintf(out + n, size - n, "%s%s", n > 0 ? ", " : "", part);
        (void)snprintf(last, sizeof(last), "%s", part);
        if (first[0] == '\0')
            memcpy(first, last, sizeof(first));
    }
}

/* Length of the longest section in front, with its dot. */
static size_t
section_of(const char *path)
{
    char section[PATH_BYTES_MAX + 1];
    size_t prefix = 0;
    for (size_t i = 0; path[i] != '\0' && i < PATH_BYTES_MAX; i++) {
        section[i] = '\0';
        if (path[i] == '.' && params_section(section))
            prefix = i + 1;
        section[i] = path[i];
    }
    return prefix;
}

static struct err
unknown(const char *path)
{
    char beside[160], name[PARAMS_PATH_MAX], best[PARAMS_PATH_MAX];
    struct near near;
    near_init(&near, path);
    for (struct params_slot s = {.row = NULL}; params_next(&s);) {
        const char *was = near.best;
        params_path(&s, name);
        near_try(&near, name);
        if (near.best != was) /* the name is written over */
            near.best = memcpy(best, name, sizeof(best));
    }
    if (near.best != NULL)
        return err_make(ERR_REJECT, "params.unknown",
                        "%.*s: there is no such parameter; did you mean %s?", SHOWN_MAX, path,
                        near.best);
    list_beside(section_of(path), path, beside, sizeof(beside));
    return err_make(ERR_REJECT, "params.unknown", "%.*s: there is no such parameter; there are %s",
                    SHOWN_MAX, path, beside);
}

/* Puts the place in front, when it is known. */
static struct err
at(const char *label, const struct entry *of, struct err e)
{
    if (e.kind == ERR_NONE || label == NULL)
        return e;
    if (of == NULL || of->line == 0)
        return err_make(e.kind, e.code, "%s: %s", label, e.text);
    return err_make(e.kind, e.code, "%s:%zu:%zu: %s", label, of->line, of->column, e.text);
}

static struct err
apply_one(const struct entry *e, bool *seen, struct params *p)
{
    struct params_slot s;
    if (!params_find(e->path, &s))
        return unknown(e->path);
    if (seen[params_number(&s)])
        return err_make(ERR_REJECT, "params.value", "%s: stands there twice", e->path);
    seen[params_number(&s)] = true;
    return params_put(p, &s, e->form, e->text);
}

static struct err
apply(const struct document *d, const char *label, struct params *p)
{
    bool seen[PARAMS_ROWS_MAX * (KEY_TYPES + 1)] = {false};
    struct params next = *p;
    for (size_t i = 0; i < d->n; i++) /* what is no profile's name is refused below */
        if (strcmp(d->entries[i].path, "profile") == 0)
            (void)params_profile(d->entries[i].text, &next);
    for (size_t i = 0; i < d->n; i++) {
        struct err e = at(label, &d->entries[i], apply_one(&d->entries[i], seen, &next));
        if (e.kind)
            return e;
    }
    struct err e = at(label, NULL, params_agree(&next));
    if (e.kind == ERR_NONE)
        *p = next;
    return e;
}

/* ---- JSON */

/* A list of texts, with commas between. */
static struct err
flatten_list(struct document *d, struct json list, struct entry *e)
{
    struct json item;
    bool first = true;
    e->form = PARAMS_LIST;
    e->text = SLICE("");
    for (struct json_iter it = json_items(list); json_next(&it, NULL, &item); first = false) {
        struct slice word = json_text(item);
        if (word.n == 0 || word.n > SHOWN_MAX || memchr(word.p, ',', word.n) != NULL ||
            e->text.n > BYTES_MAX / 2 || json_count(list) > KEY_TYPES) {
            e->form = PARAMS_OTHER;
            return ERR_OK;
        }
        e->text =
            slice_printf(d->a, "%.*s%s%.*s", SLICE_ARG(e->text), first ? "" : ",", SLICE_ARG(word));
        if (e->text.p == NULL)
            return no_memory();
    }
    return ERR_OK;
}

static struct err
flatten_value(struct document *d, const char *path, struct json v)
{
    struct entry e = {.path = path, .form = PARAMS_OTHER};
    struct err failed = ERR_OK;
    int64_t number = 0;
    switch (json_type(v)) {
    case JSON_TEXT:
        e.form = PARAMS_TEXT;
        e.text = json_text(v);
        break;
    case JSON_INT:
        e.form = PARAMS_NUMBER;
        e.text = json_int(v, &number) ? slice_printf(d->a, "%lld", (long long)number) : SLICE("");
        break;
    case JSON_BOOL:
        e.form = PARAMS_SWITCH;
        e.text = json_bool(v, false) ? SLICE("true") : SLICE("false");
        break;
    case JSON_ARRAY:
        failed = flatten_list(d, v, &e);
        break;
    default:
        break;
    }
    return failed.kind ? failed : add(d, &e);
}

struct level {
    struct json_iter it;
    size_t path; /* length of the path of the object */
};

/* A member: a value is an entry, an object of a section that exists is gone into. */
static struct err
flatten_member(struct document *d, const char *path, struct json v, bool *inside)
{
    *inside = false;
    if (json_type(v) != JSON_OBJECT)
        return params_section(path)
                   ? err_make(ERR_REJECT, "params.value", "%s: must be an object", path)
                   : flatten_value(d, path, v);
    struct params_slot s;
    *inside = params_section(path);
    return *inside ? ERR_OK : params_find(path, &s) ? flatten_value(d, path, v) : unknown(path);
}

static struct err
flatten(struct document *d, struct json root)
{
    struct level levels[DEPTH_MAX];
    char path[PATH_BYTES_MAX + 1] = "";
    struct slice name;
    struct json v;
    size_t depth = 1;
    levels[0] = (struct level){json_items(root), 0};
    while (depth > 0) {
        struct level *l = &levels[depth - 1];
        bool inside;
        if (!json_next(&l->it, &name, &v)) {
            depth--;
            continue;
        }
        if (name.n == 0 || memchr(name.p, '\0', name.n) != NULL ||
            name.n + l->path + 1 > PATH_BYTES_MAX)
            return err_make(ERR_REJECT, "params.unknown",
                            "a parameter's name is empty, over %d bytes or has a NUL in it",
                            PATH_BYTES_MAX);
        (void)snprintf(path + l->path, sizeof(path) - l->path, "%s%.*s", l->path > 0 ? "." : "",
                       SLICE_ARG(name));
        struct err e = flatten_member(d, path, v, &inside);
        if (e.kind)
            return e;
        if (inside && depth == DEPTH_MAX)
            return unknown(path);
        if (inside)
            levels[depth++] = (struct level){json_items(v), strlen(path)};
    }
    return ERR_OK;
}

static struct err
read_json(struct document *d, const char *label, struct json root, struct params *p)
{
    struct err e = ERR_OK;
    if (json_type(root) != JSON_OBJECT)
        e = err_make(ERR_REJECT, "params.json", "parameters must be an object");
    if (e.kind == ERR_NONE)
        e = flatten(d, root);
    return e.kind ? at(label, NULL, e) : apply(d, label, p);
}

static struct err
parse_json(struct document *d, const char *label, struct slice text, struct params *p)
{
    struct json root;
    if (text.n > BYTES_MAX)
        return at(label, NULL,
                  err_make(ERR_REJECT, "params.json", "over %d bytes", (int)BYTES_MAX));
    struct err e = json_parse(text, d->a, &root);
    if (e.kind == ERR_RETRY)
        return no_memory();
    if (e.kind)
        return at(label, NULL, err_make(ERR_REJECT, "params.json", "%s", e.text));
    return read_json(d, label, root, p);
}

struct err
params_read(struct slice json, struct params *p)
{
    struct document *d;
    struct err e = open_document(&d);
    if (e.kind == ERR_NONE)
        e = parse_json(d, NULL, json, p);
    close_document(d);
    return e;
}

struct err
params_read_json(struct json doc, struct params *p)
{
    struct document *d;
    struct err e = open_document(&d);
    if (e.kind == ERR_NONE)
        e = read_json(d, NULL, doc, p);
    close_document(d);
    return e;
}

/* ---- YAML, files */

struct yaml {
    struct document *d;
    const char *label;
};

static struct err
on_entry(void *ctx, const struct conf_entry *c)
{
    struct yaml *y = ctx;
    struct entry e = {.path = c->name, .form = PARAMS_OTHER, .line = c->line, .column = c->column};
    if (c->value == NULL && params_section(c->name))
        return ERR_OK; /* nothing but comments below */
    if (c->value != NULL) {
        e.form = PARAMS_PLAIN;
        e.text = slice_of(c->value);
    }
    return add(y->d, &e);
}

struct err
params_read_text(const char *label, struct slice text, struct params *p)
{
    struct document *d;
    struct err e = open_document(&d);
    struct yaml y = {d, label};
    if (e.kind == ERR_NONE && slice_starts(slice_trim(text), SLICE("{"))) {
        e = parse_json(d, label, text, p);
    } else if (e.kind == ERR_NONE) {
        e = conf_file_each(label, text, on_entry, &y);
        if (e.kind == ERR_NONE)
            e = apply(d, label, p);
    }
    close_document(d);
    return e;
}

/* A long path would leave no room for what is wrong. */
static const char *
label_of(const char *path)
{
    const char *base = strrchr(path, '/');
    return strlen(path) <= LABEL_MAX || base == NULL ? path : base + 1;
}

struct err
params_read_file(const char *path, struct params *p)
{
    struct err e = ERR_OK;
    FILE *in = fopen(path, "rbe");
    if (in == NULL)
        return err_make(ERR_STOP, "params.conf", "%s: %s", label_of(path), strerror(errno));
    char *text = malloc(BYTES_MAX + 1);
    size_t n = text != NULL ? fread(text, 1, BYTES_MAX + 1, in) : 0;
    if (text == NULL)
        e = no_memory();
    else if (ferror(in))
        e = err_make(ERR_STOP, "params.conf", "%s: %s", label_of(path), strerror(errno));
    else
        e = params_read_text(label_of(path), (struct slice){text, n}, p);
    free(text);
    (void)fclose(in);
    return e.kind ? err_make(ERR_STOP, "params.conf", "%s", e.text) : e;
}

struct err
params_configured(const struct conf *c, struct params *p)
{
    const char *path = conf_text(c, "correlation.params_file");
    struct params read = params_default;
    struct err e = path != NULL ? params_read_file(path, &read) : ERR_OK;
    if (e.kind == ERR_NONE)
        *p = read;
    return e;
}
