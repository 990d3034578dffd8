#include "common/conf.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/conf_file.h"
#include "common/near.h"

enum {
    ARENA_MAX = 8 * 1024 * 1024,
    SECRET_MAX = 64 * 1024,
    MIDDLE_MAX = 32, /* bytes that stand for "*" */
    TEXT_MAX = 4096, /* bytes of a value */
    LABEL_MAX = 48,  /* bytes of a file name that an error shows */
};

static const char FILE_DEFAULT[] = "/etc/weir/weir.yaml";

struct setting {
    const struct opt *opt;
    const char *name; /* the row's, or with a middle instead of "*" */
    const char *text; /* the value as text; NULL: a text without one */
    int64_t i;        /* of an int or a bool */
    const char *origin;
};

struct names {
    const struct opt *opt;
    const char **list; /* sorted */
    size_t n;
};

struct conf {
    struct arena *arena;
    const struct opt *const *tables;
    struct setting *settings; /* first the plain rows in their order, then found pattern names */
    size_t n, capacity;
    struct names *names; /* one a pattern row */
    size_t names_n;
};

/* ---- rows */

struct walk {
    const struct opt *const *table;
    const struct opt *at;
};

static const struct opt *
walk_next(struct walk *w)
{
    while (w->at == NULL || w->at->type == OPT_TYPE_END) {
        if (*w->table == NULL)
            return NULL;
        w->at = *w->table++;
    }
    return w->at++;
}

static const char *
star(const struct opt *o)
{
    return strchr(o->name, '*');
}

static bool
middle_ok(struct slice middle)
{
    if (middle.n == 0 || middle.n > MIDDLE_MAX)
        return false;
    for (size_t i = 0; i < middle.n; i++) {
        char c = middle.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              (i > 0 && (c == '-' || c == '_'))))
            return false;
    }
    return true;
}

/* What stands for "*" in name; SLICE_NONE when name does not fit the pattern row. */
static struct slice
middle_of(const struct opt *o, const char *name)
{
    size_t before = (size_t)(star(o) - o->name);
    struct slice s = slice_of(name), suffix = slice_of(star(o) + 1);
    if (s.n <= before + suffix.n || strncmp(name, o->name, before) != 0 || !slice_ends(s, suffix))
        return SLICE_NONE;
    struct slice middle = slice_sub(s, before, s.n - before - suffix.n);
    return middle_ok(middle) ? middle : SLICE_NONE;
}

static const struct opt *
row_find(const struct conf *c, const char *name)
{
    struct walk w = {.table = c->tables};
    const struct opt *pattern = NULL;
    for (const struct opt *o; (o = walk_next(&w)) != NULL;) {
        if (star(o) == NULL && strcmp(o->name, name) == 0)
            return o;
        if (star(o) != NULL && middle_of(o, name).p != NULL)
            pattern = o;
    }
    return pattern;
}

/* The nearest known name, pattern rows with the middle that was typed. NULL: none is near. */
static const char *
row_near(const struct conf *c, const char *name)
{
    struct walk w = {.table = c->tables};
    struct near n;
    near_init(&n, name);
    for (const struct opt *o; (o = walk_next(&w)) != NULL;) {
        const char *known = o->name;
        if (star(o) != NULL) {
            size_t before = (size_t)(star(o) - known);
            if (strncmp(name, known, before) != 0)
                continue;
            struct slice middle = {name + before, strcspn(name + before, ".")};
            if (!middle_ok(middle))
                continue;
            known = slice_printf(c->arena, "%.*s%.*s%s", (int)before, known, SLICE_ARG(middle),
                                 star(o) + 1)
                        .p;
        }
        if (known != NULL)
            near_try(&n, known);
    }
    return n.best;
}

/* ---- values */

static struct setting *
setting_find(const struct conf *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->settings[i].name, name) == 0)
            return &c->settings[i];
    return NULL;
}

static struct setting *
setting_add(struct conf *c, const struct opt *o, const char *name)
{
    if (c->n == c->capacity) {
        void *larger = arena_grow(c->arena, c->settings, sizeof *c->settings, &c->capacity);
        if (larger == NULL)
            return NULL;
        c->settings = larger;
    }
    struct setting *s = &c->settings[c->n];
    const char *text = o->text;
    if (o->type == OPT_TYPE_INT)
        text = slice_printf(c->arena, "%" PRId64, o->fallback).p;
    else if (o->type == OPT_TYPE_BOOL)
        text = o->fallback ? "true" : "false";
    *s = (struct setting){o, slice_cstr(c->arena, slice_of(name)), text, o->fallback, "default"};
    if (s->name == NULL || (s->text == NULL && o->type == OPT_TYPE_INT))
        return NULL;
    c->n++;
    return s;
}

static struct err
out_of_memory(void)
{
    return err_make(ERR_STOP, "conf.open", "out of memory for the configuration");
}

static bool
read_bool(const char *value, int64_t *out)
{
    static const char *const WORDS[] = {"false", "true", "no", "yes", "off", "on"};
    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++)
        if (strcasecmp(value, WORDS[i]) == 0) {
            *out = (int64_t)(i % 2);
            return true;
        }
    return false;
}

/* Fills what differs from the default; where names the place in an error. */
static struct err
value_read(struct conf *c, struct setting *s, const char *value, const char *where)
{
    const struct opt *o = s->opt;
    int64_t i;
    switch (o->type) {
    case OPT_TYPE_INT:
        if (!slice_int(slice_of(value), &i) || i < o->least || i > o->most)
            return err_make(ERR_STOP, "conf.value",
                            "%s: %s is '%.24s', expected %" PRId64 " to %" PRId64 "%s%s", where,
                            s->name, value, o->least, o->most, o->unit != NULL ? " " : "",
                            o->unit != NULL ? o->unit : "");
        s->i = i;
        s->text = slice_printf(c->arena, "%" PRId64, i).p;
        return s->text != NULL ? ERR_OK : out_of_memory();
    case OPT_TYPE_BOOL:
        if (!read_bool(value, &s->i))
            return err_make(ERR_STOP, "conf.value", "%s: %s is '%.24s', expected true or false",
                            where, s->name, value);
        s->text = s->i ? "true" : "false";
        return ERR_OK;
    default:
        if (strlen(value) > TEXT_MAX)
            return err_make(ERR_STOP, "conf.value", "%s: %s is over %d bytes", where, s->name,
                            TEXT_MAX);
        s->text = value[0] != '\0' ? slice_cstr(c->arena, slice_of(value)) : NULL;
        return s->text != NULL || value[0] == '\0' ? ERR_OK : out_of_memory();
    }
}

static struct err
unknown(const struct conf *c, const char *where, const char *name)
{
    const char *near = row_near(c, name);
    if (near == NULL)
        return err_make(ERR_STOP, "conf.unknown", "%s: unknown setting %.40s", where, name);
    return err_make(ERR_STOP, "conf.unknown", "%s: unknown setting %.40s (did you mean %s?)", where,
                    name, near);
}

static struct err
give(struct conf *c, const struct opt *o, const char *name, const char *value, const char *where,
     const char *origin)
{
    struct setting *s = setting_find(c, name);
    if (s == NULL)
        s = setting_add(c, o, name);
    if (s == NULL)
        return out_of_memory();
    s->origin = origin;
    return value_read(c, s, value, where);
}

/* ---- the file */

struct file {
    struct conf *conf;
    char label[LABEL_MAX + 1];
};

/* `ingest:` with nothing but comments below is a section whose rows are all at their default. */
static bool
is_section(const struct conf *c, const char *name)
{
    struct walk w = {.table = c->tables};
    size_t n = strlen(name);
    for (const struct opt *o; (o = walk_next(&w)) != NULL;)
        if (strncmp(o->name, name, n) == 0 && o->name[n] == '.')
            return true;
    return false;
}

static struct err
file_entry(void *ctx, const struct conf_entry *e)
{
    struct file *f = ctx;
    char where[LABEL_MAX + 48];
    (void)snprintf(where, sizeof where, "%s:%zu:%zu", f->label, e->line, e->column);
    if (e->value == NULL && is_section(f->conf, e->name))
        return ERR_OK;
    const struct opt *o = row_find(f->conf, e->name);
    if (o == NULL)
        return unknown(f->conf, where, e->name);
    if (e->value == NULL)
        return err_make(ERR_STOP, "conf.value", "%s: %s has no value", where, e->name);
    (void)snprintf(where, sizeof where, "%s:%zu:%zu", f->label, e->value_line, e->value_column);
    const char *origin =
        slice_printf(f->conf->arena, "file %zu:%zu", e->value_line, e->value_column).p;
    return origin == NULL ? out_of_memory() : give(f->conf, o, e->name, e->value, where, origin);
}

static struct err
file_read(struct conf *c, const char *path)
{
    struct file f = {.conf = c};
    const char *base = strrchr(path, '/');
    (void)snprintf(f.label, sizeof f.label, "%s",
                   strlen(path) <= LABEL_MAX || base == NULL ? path : base + 1);
    FILE *in = fopen(path, "rbe");
    if (in == NULL)
        return err_make(ERR_STOP, "conf.open", "%s: %s", f.label, strerror(errno));
    char *text = malloc(CONF_FILE_MAX + 1);
    size_t n = text != NULL ? fread(text, 1, CONF_FILE_MAX + 1, in) : 0;
    struct err e = ERR_OK;
    if (text == NULL)
        e = out_of_memory();
    else if (ferror(in))
        e = err_make(ERR_STOP, "conf.open", "%s: %s", f.label, strerror(errno));
    else
        e = conf_file_each(f.label, (struct slice){text, n}, file_entry, &f);
    free(text);
    fclose(in);
    return e;
}

static struct err
files_read(struct conf *c, const char *path)
{
    if (path == NULL)
        path = getenv("WEIR_CONFIG");
    if (path != NULL && path[0] != '\0')
        return file_read(c, path);
    return access(FILE_DEFAULT, F_OK) == 0 ? file_read(c, FILE_DEFAULT) : ERR_OK;
}

/* ---- the environment */

/* "ingest.poll_s" against "INGEST_POLL_S", as far as n bytes of it */
static bool
env_eq(const char *name, const char *env, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char c = name[i] == '.' || name[i] == '-' ? '_' : (char)toupper((unsigned char)name[i]);
        if (c != env[i])
            return false;
    }
    return true;
}

/* The name in our spelling when an environment name (without WEIR_) means this row, else NULL. */
static const char *
env_name(const struct conf *c, const struct opt *o, struct slice env)
{
    size_t whole = strlen(o->name);
    if (star(o) == NULL)
        return whole == env.n && env_eq(o->name, env.p, whole) ? o->name : NULL;
    size_t before = (size_t)(star(o) - o->name), after = whole - before - 1;
    if (env.n <= before + after || !env_eq(o->name, env.p, before) ||
        !env_eq(star(o) + 1, env.p + env.n - after, after))
        return NULL;
    struct slice middle = slice_lower(c->arena, slice_sub(env, before, env.n - before - after));
    if (middle.p == NULL || !middle_ok(middle))
        return NULL;
    return slice_printf(c->arena, "%.*s%.*s%s", (int)before, o->name, SLICE_ARG(middle),
                        star(o) + 1)
        .p;
}

static struct err
env_unknown(const struct conf *c, const char *env)
{
    struct walk w = {.table = c->tables};
    struct near n;
    near_init(&n, env);
    for (const struct opt *o; (o = walk_next(&w)) != NULL;) {
        char *known = (char *)slice_printf(c->arena, "WEIR_%s", o->name).p;
        if (known == NULL)
            return out_of_memory();
        for (char *p = known; *p != '\0'; p++)
            *p = *p == '.' ? '_' : (char)toupper((unsigned char)*p);
        near_try(&n, known);
    }
    return err_make(ERR_STOP, "conf.unknown", "environment: unknown setting %.50s%s%s%s", env,
                    n.best != NULL ? " (did you mean " : "", n.best != NULL ? n.best : "",
                    n.best != NULL ? "?)" : "");
}

/* One "WEIR_NAME=value"; of several pattern rows that fit, the one with the longest end means it.
 */
static struct err
env_entry(struct conf *c, const char *pair)
{
    const char *value = strchr(pair, '=');
    if (value == NULL || strncmp(pair, "WEIR_", 5) != 0 || strncmp(pair, "WEIR_TEST_", 10) == 0 ||
        strncmp(pair, "WEIR_CONFIG=", 12) == 0)
        return ERR_OK;
    struct slice env = {pair + 5, (size_t)(value - pair) - 5};
    struct walk w = {.table = c->tables};
    const struct opt *best = NULL;
    const char *best_name = NULL;
    for (const struct opt *o; (o = walk_next(&w)) != NULL;) {
        const char *name = env_name(c, o, env);
        if (name == NULL)
            continue;
        bool longer = best == NULL || (star(best) != NULL &&
                                       (star(o) == NULL || strlen(star(o)) > strlen(star(best))));
        best = longer ? o : best;
        best_name = longer ? name : best_name;
    }
    const char *label = slice_cstr(c->arena, (struct slice){pair, (size_t)(value - pair)});
    if (label == NULL)
        return out_of_memory();
    if (best == NULL)
        return env_unknown(c, label);
    return give(c, best, best_name, value + 1, label, "environment");
}

static struct err
env_read(struct conf *c)
{
    struct err e = ERR_OK;
    for (char **pair = environ; pair != NULL && *pair != NULL && e.kind == ERR_NONE; pair++)
        e = env_entry(c, *pair);
    return e;
}

/* ---- flags */

static struct err
flags_read(struct conf *c, const char *const *flags)
{
    struct err e = ERR_OK;
    for (; flags != NULL && *flags != NULL && e.kind == ERR_NONE; flags++) {
        const char *value = strchr(*flags, '=');
        struct slice all = slice_of(*flags);
        char *name = slice_cstr(c->arena, slice_split(&all, '='));
        if (name == NULL)
            return out_of_memory();
        const struct opt *o = row_find(c, name);
        if (o == NULL)
            e = unknown(c, "command line", name);
        else if (value == NULL)
            e = err_make(ERR_STOP, "conf.value", "command line: --%.60s needs =value", name);
        else
            e = give(c, o, name, value + 1, "command line", "flag");
    }
    return e;
}

/* ---- loading */

static int
name_order(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static struct err
names_collect(struct conf *c)
{
    struct walk w = {.table = c->tables};
    size_t capacity = 0;
    for (const struct opt *o; (o = walk_next(&w)) != NULL;) {
        if (star(o) == NULL)
            continue;
        if (c->names_n == capacity) {
            void *larger = arena_grow(c->arena, c->names, sizeof *c->names, &capacity);
            if (larger == NULL)
                return out_of_memory();
            c->names = larger;
        }
        struct names *names = &c->names[c->names_n++];
        *names = (struct names){.opt = o, .list = arena_alloc(c->arena, c->n * sizeof(char *))};
        if (names->list == NULL)
            return out_of_memory();
        for (size_t i = 0; i < c->n; i++) {
            if (c->settings[i].opt != o)
                continue;
            const char *middle = slice_cstr(c->arena, middle_of(o, c->settings[i].name));
            if (middle == NULL)
                return out_of_memory();
            names->list[names->n++] = middle;
        }
        qsort(names->list, names->n, sizeof *names->list, name_order);
    }
    return ERR_OK;
}

static struct err
defaults(struct conf *c)
{
    struct walk w = {.table = c->tables};
    for (const struct opt *o; (o = walk_next(&w)) != NULL;) {
        if (star(o) != NULL)
            continue;
        assert(setting_find(c, o->name) == NULL); /* two rows of one name */
        if (setting_add(c, o, o->name) == NULL)
            return out_of_memory();
    }
    return ERR_OK;
}

struct err
conf_load(const struct opt *const *tables, const char *path, const char *const *flags,
          struct conf **out)
{
    struct conf *c = calloc(1, sizeof *c);
    if (c == NULL)
        return out_of_memory();
    c->tables = tables;
    c->arena = arena_new(ARENA_MAX);
    struct err e = c->arena != NULL ? defaults(c) : out_of_memory();
    if (!e.kind)
        e = files_read(c, path);
    if (!e.kind)
        e = env_read(c);
    if (!e.kind)
        e = flags_read(c, flags);
    if (!e.kind)
        e = names_collect(c);
    if (e.kind)
        conf_free(c);
    else
        *out = c;
    return e;
}

void
conf_free(struct conf *c)
{
    if (c == NULL)
        return;
    arena_free(c->arena);
    free(c);
}

/* ---- asking */

/* A pattern name that nobody gave has its row's default. */
static struct setting
ask(const struct conf *c, const char *name, enum opt_type type)
{
    const struct setting *s = setting_find(c, name);
    const struct opt *o = s != NULL ? s->opt : row_find(c, name);
    assert(o != NULL && o->type == type); /* no table has this name */
    return s != NULL ? *s : (struct setting){.opt = o, .text = o->text, .i = o->fallback};
}

int64_t
conf_int(const struct conf *c, const char *name)
{
    return ask(c, name, OPT_TYPE_INT).i;
}

bool
conf_bool(const struct conf *c, const char *name)
{
    return ask(c, name, OPT_TYPE_BOOL).i != 0;
}

const char *
conf_text(const struct conf *c, const char *name)
{
    return ask(c, name, OPT_TYPE_TEXT).text;
}

size_t
conf_names(const struct conf *c, const char *pattern, const char *const **out)
{
    for (size_t i = 0; i < c->names_n; i++)
        if (strcmp(c->names[i].opt->name, pattern) == 0) {
            *out = c->names[i].list;
            return c->names[i].n;
        }
    assert(false); /* no table has this pattern */
    return 0;
}

void
conf_each(const struct conf *c,
          void (*visit)(void *ctx, const struct opt *o, const char *name, const char *value,
                        const char *origin),
          void *ctx)
{
    for (size_t i = 0; i < c->n; i++) {
        const struct setting *s = &c->settings[i];
        visit(ctx, s->opt, s->name, s->text, s->origin);
    }
}

/* The first line of an open file, into the arena. */
static struct err
secret_read(FILE *in, const char *name, struct arena *a, struct slice *out)
{
    char *text = malloc(SECRET_MAX + 1);
    if (text == NULL)
        return err_make(ERR_STOP, "conf.secret", "%s: out of memory", name);
    struct err e = ERR_OK;
    size_t n = fread(text, 1, SECRET_MAX + 1, in);
    struct slice all = {text, n};
    struct slice line = slice_trim(slice_split(&all, '\n'));
    if (ferror(in))
        e = err_make(ERR_STOP, "conf.secret", "%s: unreadable: %s", name, strerror(errno));
    else if (n > SECRET_MAX)
        e = err_make(ERR_STOP, "conf.secret", "%s: the file is over %d bytes", name, SECRET_MAX);
    else if (line.n == 0)
        e = err_make(ERR_STOP, "conf.secret", "%s: the first line of the file is empty", name);
    else if ((*out = slice_dup(a, line)).p == NULL)
        e = err_make(ERR_STOP, "conf.secret", "%s: out of memory", name);
    explicit_bzero(text, SECRET_MAX + 1);
    free(text);
    return e;
}

struct err
conf_read_secret(const struct conf *c, const char *name, struct arena *a, struct slice *out)
{
    const char *path = conf_text(c, name);
    if (path == NULL)
        return err_make(ERR_STOP, "conf.secret", "%s is not set", name);
    FILE *in = fopen(path, "rbe");
    if (in == NULL)
        return err_make(ERR_STOP, "conf.secret", "%s: %s", name, strerror(errno));
    setvbuf(in, NULL, _IONBF, 0); /* no second copy of it in memory */
    struct err e = secret_read(in, name, a, out);
    fclose(in);
    return e;
}
