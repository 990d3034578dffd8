/* Single values of the parameters, and all of them in canonical form. */
#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/crypto.h"
#include "normalize/params_internal.h"

enum { DIGEST_BYTES = 6 };

/* ---- one value */

static const char *
place(const struct params *p, const struct params_slot *s)
{
    const char *base = s->type == KEY_TYPES ? (const char *)p : (const char *)&p->rules[s->type];
    return base + s->row->offset;
}

static struct err not_allowed(const struct params_slot *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static struct err
not_allowed(const struct params_slot *s, const char *format, ...)
{
    char path[PARAMS_PATH_MAX], what[PARAMS_VALUE_MAX];
    va_list list;
    params_path(s, path);
    va_start(list, format);
    (void)vsnprintf(what, sizeof(what), format, list);
    va_end(list);
    return err_make(ERR_REJECT, "params.value", "%s: %s", path, what);
}

static struct err
put_int(char *at, const struct params_slot *s, enum params_form form, struct slice text)
{
    int64_t wide = 0;
    bool number = form == PARAMS_NUMBER || form == PARAMS_PLAIN;
    if (!number || !slice_int(text, &wide) || wide < s->row->least || wide > s->row->most)
        return not_allowed(s, "must be a whole number from %" PRId64 " to %" PRId64, s->row->least,
                           s->row->most);
    int32_t v = (int32_t)wide;
    memcpy(at, &v, sizeof(v));
    return ERR_OK;
}

static struct err
put_bool(char *at, const struct params_slot *s, enum params_form form, struct slice text)
{
    bool v = slice_eq(text, SLICE("true"));
    if ((form != PARAMS_SWITCH && form != PARAMS_PLAIN) || (!v && !slice_eq(text, SLICE("false"))))
        return not_allowed(s, "must be true or false");
    memcpy(at, &v, sizeof(v));
    return ERR_OK;
}

static void
list_words(const struct params_row *row, char *out, size_t size)
{
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < row->n_words && n < size; i++)
        n += (size_t)snprintf(out + n, size - n, "%s%s", i > 0 ? ", " : "", row->words[i]);
}

static struct err
put_word(char *at, const struct params_slot *s, enum params_form form, struct slice text)
{
    char words[PARAMS_VALUE_MAX];
    /* an enum is as wide as an unsigned int here */
    _Static_assert(sizeof(enum key_class) == sizeof(unsigned), "how put_word stores it");
    for (unsigned i = 0; i < s->row->n_words; i++) {
        if ((form == PARAMS_TEXT || form == PARAMS_PLAIN) &&
            slice_eq(text, slice_of(s->row->words[i]))) {
            memcpy(at, &i, sizeof(i));
            return ERR_OK;
        }
    }
    list_words(s->row, words, sizeof(words));
    return not_allowed(s, "must be one of %s", words);
}

static struct err
put_types(struct params *p, const struct params_slot *s, enum params_form form, struct slice text)
{
    bool of[KEY_TYPES] = {false};
    if (form != PARAMS_LIST && form != PARAMS_PLAIN)
        return not_allowed(s, "must be a list of key types");
    while (text.p != NULL) {
        struct slice word = slice_trim(slice_split(&text, ','));
        enum key_type t = key_type_of(word);
        if (t == KEY_TYPES && (word.n > 0 || text.p != NULL))
            return not_allowed(s, "there is no key type '%.*s'", SLICE_ARG(slice_sub(word, 0, 40)));
        if (t < KEY_TYPES)
            of[t] = true;
    }
    for (int t = 0; t < KEY_TYPES; t++)
        memcpy((char *)&p->rules[t] + s->row->offset, &of[t], sizeof(of[t]));
    return ERR_OK;
}

/* The profile itself was taken before all else. */
static struct err
put_profile(struct params *p, const struct params_slot *s, enum params_form form, struct slice text)
{
    struct params known;
    if ((form == PARAMS_TEXT || form == PARAMS_PLAIN) && params_profile(text, &known)) {
        memcpy(p->profile, known.profile, sizeof(p->profile));
        return ERR_OK;
    }
    return not_allowed(s, "must be one of default, reference, cautious, flat, ids");
}

struct err
params_put(struct params *p, const struct params_slot *s, enum params_form form, struct slice text)
{
    char *at = (char *)p + (place(p, s) - (const char *)p);
    switch (s->row->kind) {
    case PARAMS_INT:
        return put_int(at, s, form, text);
    case PARAMS_BOOL:
        return put_bool(at, s, form, text);
    case PARAMS_WORD:
        return put_word(at, s, form, text);
    case PARAMS_TYPES:
        return put_types(p, s, form, text);
    default:
        return put_profile(p, s, form, text);
    }
}

static void
get_types(const struct params *p, const struct params_slot *s, char out[PARAMS_VALUE_MAX])
{
    size_t n = (size_t)snprintf(out, PARAMS_VALUE_MAX, "[");
    for (int t = 0; t < KEY_TYPES; t++) {
        bool is;
        memcpy(&is, (const char *)&p->rules[t] + s->row->offset, sizeof(is));
        if (is)
            n += (size_t)snprintf(out + n, PARAMS_VALUE_MAX - n, "%s\"%s\"", n > 1 ? "," : "",
                                  params_default.rules[t].name);
    }
    (void)snprintf(out + n, PARAMS_VALUE_MAX - n, "]");
}

void
params_get(const struct params *p, const struct params_slot *s, char out[PARAMS_VALUE_MAX])
{
    const char *at = place(p, s);
    int32_t v = 0;
    unsigned word = 0;
    bool is = false;
    switch (s->row->kind) {
    case PARAMS_INT:
        memcpy(&v, at, sizeof(v));
        (void)snprintf(out, PARAMS_VALUE_MAX, "%" PRId32, v);
        break;
    case PARAMS_BOOL:
        memcpy(&is, at, sizeof(is));
        (void)snprintf(out, PARAMS_VALUE_MAX, "%s", is ? "true" : "false");
        break;
    case PARAMS_WORD:
        memcpy(&word, at, sizeof(word));
        assert(word < s->row->n_words);
        (void)snprintf(out, PARAMS_VALUE_MAX, "\"%s\"", s->row->words[word]);
        break;
    case PARAMS_TYPES:
        get_types(p, s, out);
        break;
    default:
        (void)snprintf(out, PARAMS_VALUE_MAX, "\"%s\"", p->profile);
    }
}

void
params_each(const struct params *p, void (*visit)(void *ctx, const struct params_value *v),
            void *ctx)
{
    char path[PARAMS_PATH_MAX], value[PARAMS_VALUE_MAX], words[PARAMS_VALUE_MAX];
    for (struct params_slot s = {.row = NULL}; params_next(&s);) {
        params_path(&s, path);
        params_get(p, &s, value);
        list_words(s.row, words, sizeof(words));
        visit(ctx, &(struct params_value){path, value, words, s.row->least, s.row->most,
                                          s.row->unit, s.row->help});
    }
}

/* Otherwise a link could be lost when a node learns more: the higher of two severities would weigh
 * less, or shared keys that link alone would bring in terms that take away. */
struct err
params_agree(const struct params *p)
{
    for (int i = 1; i < 4; i++)
        if (p->severity[i] < p->severity[i - 1])
            return err_make(ERR_REJECT, "params.value",
                            "terms.severity: must not fall from informational over low and medium "
                            "to high");
    if (p->term_base > p->threshold)
        return err_make(ERR_REJECT, "params.value",
                        "terms.term_base: must not be above threshold, which is %" PRId32,
                        p->threshold);
    return ERR_OK;
}

/* ---- canonical form */

struct writing {
    char *out;
    size_t n;
    char last[PARAMS_PATH_MAX]; /* path written before; "": none */
};

static void
put(struct writing *w, const char *text, size_t n)
{
    assert(n < PARAMS_TEXT_MAX - w->n);
    memcpy(w->out + w->n, text, n);
    w->n += n;
    w->out[w->n] = '\0';
}

static void
put_name(struct writing *w, const char *name, size_t n)
{
    put(w, "\"", 1);
    put(w, name, n);
    put(w, "\":", 2);
}

/* Closes the objects that the last path was in and this one is not, opens those it is in. */
static void
put_path(struct writing *w, const char path[PARAMS_PATH_MAX])
{
    size_t same = 0;
    for (size_t i = 0; path[i] != '\0' && path[i] == w->last[i]; i++)
        if (path[i] == '.')
            same = i + 1;
    for (const char *p = w->last + same; *p != '\0'; p++)
        if (*p == '.')
            put(w, "}", 1);
    put(w, w->last[0] != '\0' ? "," : "{", 1);
    const char *name = path + same;
    for (const char *dot; (dot = strchr(name, '.')) != NULL; name = dot + 1) {
        put_name(w, name, (size_t)(dot - name));
        put(w, "{", 1);
    }
    put_name(w, name, strlen(name));
    memcpy(w->last, path, PARAMS_PATH_MAX);
}

struct line {
    char path[PARAMS_PATH_MAX];
    struct params_slot slot;
};

static int
path_order(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    return strcmp(x->path, y->path);
}

size_t
params_write(const struct params *p, char out[PARAMS_TEXT_MAX])
{
    struct line lines[PARAMS_SLOTS_MAX];
    struct writing w = {.out = out};
    char value[PARAMS_VALUE_MAX];
    size_t n = 0;
    for (struct params_slot s = {.row = NULL}; params_next(&s);) {
        assert(n < PARAMS_SLOTS_MAX);
        lines[n].slot = s;
        params_path(&s, lines[n++].path);
    }
    qsort(lines, n, sizeof(*lines), path_order);
    for (size_t i = 0; i < n; i++) {
        put_path(&w, lines[i].path);
        params_get(p, &lines[i].slot, value);
        put(&w, value, strlen(value));
    }
    for (const char *c = w.last; *c != '\0'; c++)
        if (*c == '.')
            put(&w, "}", 1);
    put(&w, "}", 1);
    return w.n;
}

struct slice
params_json(const struct params *p, struct arena *a)
{
    char text[PARAMS_TEXT_MAX];
    size_t n = params_write(p, text);
    return slice_dup(a, (struct slice){text, n});
}

void
params_digest_text(const struct params *p, char out[PARAMS_DIGEST_TEXT])
{
    char text[PARAMS_TEXT_MAX];
    uint8_t sum[CRYPTO_SHA256];
    size_t n = params_write(p, text);
    crypto_sha256((struct slice){text, n}, sum);
    for (size_t i = 0; i < DIGEST_BYTES; i++)
        (void)snprintf(out + 2 * i, PARAMS_DIGEST_TEXT - 2 * i, "%02x", sum[i]);
}
