#include "normalize/correlate_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 4096, ITEMS_FIRST = 64, KEY_BYTES = CORRELATE_TEXT_MAX + 16 };

struct tenant {
    struct key_tenant lists;
    struct incident_engine *engine; /* NULL until its first alert */
    uint32_t *redirect;             /* of each incident made so far; 0: to nowhere */
    size_t n_redirect, cap_redirect;
    size_t since; /* alerts since the last commit */
};

struct stream {
    struct params *p;
    FILE *kept;
    struct arena *all;   /* the tenants' lists */
    struct arena *batch; /* what an engine says */
    struct names *names, *sources;
    struct names *late; /* alerts that may be there twice: tenant and id */
    struct tenant *of;  /* by number in names */
    size_t cap_of;
    struct correlate_stream_counts *counts;
};

/* An alert as it waits in the file, its id behind it. */
struct waiting {
    int64_t incident;
    uint32_t tenant, id_n;
};

static struct err
no_memory(void)
{
    return err_make(ERR_RETRY, "correlate.memory", "no memory for what is live");
}

static struct err
bad_file(void)
{
    return err_make(ERR_STOP, "correlate.file", "the temporary file: %s", strerror(errno));
}

/* ---- tenants */

static struct err
tenant_of(struct stream *s, struct slice name, uint32_t *out)
{
    int64_t at = names_find(s->names, name);
    if (at == NAMES_NONE) {
        size_t n = (size_t)names_count(s->names);
        if (n == CORRELATE_TENANTS_MAX)
            return err_make(ERR_REJECT, "correlate.tenants", "more than %d tenants",
                            CORRELATE_TENANTS_MAX);
        if (n == s->cap_of) {
            size_t cap = n == 0 ? ITEMS_FIRST : n * 2;
            void *more = realloc(s->of, cap * sizeof(*s->of));
            if (more == NULL)
                return no_memory();
            s->of = more;
            s->cap_of = cap;
        }
        s->of[n] = (struct tenant){.engine = NULL};
        at = names_add(s->names, name);
    }
    *out = (uint32_t)at;
    return at != NAMES_NONE ? ERR_OK : no_memory();
}

static struct err
take_params(void *ctx, struct correlate_line *line, struct arena *a)
{
    struct stream *s = ctx;
    (void)a;
    return params_read_json(line->params, s->p);
}

static struct err
take_tenant(void *ctx, struct correlate_line *line, struct arena *a)
{
    struct stream *s = ctx;
    uint32_t at;
    (void)a;
    struct err e = tenant_of(s, line->tenant, &at);
    if (!e.kind && s->of[at].engine != NULL)
        e = err_make(ERR_REJECT, "correlate.input",
                     "what is known of a tenant must come before its first alert");
    return e.kind ? e : correlate_read_lists(line, s->all, &s->of[at].lists);
}

/* ---- merges */

static struct err
redirect(struct tenant *t, int64_t from, int64_t to)
{
    if (from <= 0 || to <= 0 || from > UINT32_MAX || to > UINT32_MAX)
        return err_make(ERR_REJECT, "correlate.incidents", "more incidents than can be counted");
    size_t need = (size_t)from + 1;
    if (need > t->cap_redirect) {
        size_t cap = t->cap_redirect == 0 ? ITEMS_FIRST : t->cap_redirect;
        while (cap < need)
            cap *= 2;
        void *more = realloc(t->redirect, cap * sizeof(*t->redirect));
        if (more == NULL)
            return no_memory();
        t->redirect = more;
        t->cap_redirect = cap;
    }
    while (t->n_redirect < need)
        t->redirect[t->n_redirect++] = 0;
    t->redirect[from] = (uint32_t)to;
    return ERR_OK;
}

/* Where an incident has gone; a survivor may have been merged later itself. */
static int64_t
resolve(const struct tenant *t, int64_t incident)
{
    while ((size_t)incident < t->n_redirect && t->redirect[incident] != 0)
        incident = t->redirect[incident];
    return incident;
}

/* What was merged is written down before anything leaves memory. */
static struct err
commit(struct stream *s, struct tenant *t)
{
    struct incident_changes changes;
    struct err e = incident_changes(t->engine, s->batch, &changes);
    for (size_t i = 0; !e.kind && i < changes.n_rows; i++)
        if (changes.rows[i].redirect_to != 0)
            e = redirect(t, changes.rows[i].id, changes.rows[i].redirect_to);
    if (!e.kind) {
        incident_commit(t->engine);
        incident_evict(t->engine);
    }
    t->since = 0;
    arena_reset(s->batch);
    return e;
}

/* ---- alerts */

/* Tenant and id as one text. */
static struct slice
late_key(uint32_t tenant, struct slice id, char out[KEY_BYTES])
{
    memcpy(out, &tenant, sizeof(tenant));
    if (id.n > 0)
        memcpy(out + sizeof(tenant), id.p, id.n);
    return (struct slice){out, sizeof(tenant) + id.n};
}

/* An alert that may have left memory: should it be a further version of one, it must not be written
 * twice. */
static struct err
note_late(struct stream *s, uint32_t tenant, struct slice id)
{
    char text[KEY_BYTES];
    s->counts->late++;
    if (names_count(s->late) >= CORRELATE_LATE_MAX)
        return err_make(ERR_REJECT, "correlate.late",
                        "over %d alerts reach behind the live window: leave --stream out",
                        CORRELATE_LATE_MAX);
    return names_add(s->late, late_key(tenant, id, text)) != NAMES_NONE ? ERR_OK : no_memory();
}

static struct err
keep(struct stream *s, uint32_t tenant, int64_t incident, struct slice id)
{
    struct waiting w = {incident, tenant, (uint32_t)id.n};
    if (fwrite(&w, sizeof(w), 1, s->kept) != 1 || (id.n > 0 && fwrite(id.p, id.n, 1, s->kept) != 1))
        return bad_file();
    return ERR_OK;
}

static struct err
take_alert(void *ctx, struct correlate_line *line, struct arena *a)
{
    struct stream *s = ctx;
    struct incident_alert *al = &line->alert;
    struct key_set set;
    uint32_t at;
    int64_t from_s, to_s;
    struct err e = tenant_of(s, line->tenant, &at);
    if (e.kind)
        return e;
    struct tenant *t = &s->of[at];
    if (t->engine == NULL && (t->engine = incident_engine_new(s->p, 1, SIZE_MAX / 2)) == NULL)
        return no_memory();
    e = correlate_log_source(s->sources, al);
    if (!e.kind)
        e = correlate_read_keys(line, &t->lists, a, &set);
    if (e.kind)
        return e;
    al->keys = &set;
    bool known = incident_has(t->engine, al->source, al->native_id);
    if (!known && incident_behind(t->engine, al, &from_s, &to_s))
        e = note_late(s, at, al->native_id);
    if (!e.kind)
        e = incident_add(t->engine, al);
    s->counts->alerts++;
    if (!e.kind && !known)
        e = keep(s, at, incident_of(t->engine, al->source, al->native_id), al->native_id);
    return !e.kind && ++t->since >= BATCH ? commit(s, t) : e;
}

/* ---- the end */

/* False: a further version of an alert that is written already. */
static bool
is_first(const struct stream *s, bool *written, uint32_t tenant, struct slice id)
{
    char text[KEY_BYTES];
    int64_t at = names_find(s->late, late_key(tenant, id, text));
    if (at == NAMES_NONE)
        return true;
    bool first = !written[at];
    written[at] = true;
    return first;
}

static struct err
write_kept(struct stream *s, struct correlate_out *out, bool *written)
{
    struct waiting w;
    char id[CORRELATE_TEXT_MAX];
    struct err e = ERR_OK;
    if (fflush(s->kept) != 0 || fseeko(s->kept, 0, SEEK_SET) != 0)
        return bad_file();
    while (!e.kind && fread(&w, sizeof(w), 1, s->kept) == 1) {
        if (w.id_n > sizeof(id) || (w.id_n > 0 && fread(id, w.id_n, 1, s->kept) != 1))
            return bad_file();
        struct slice text = {id, w.id_n};
        if (is_first(s, written, w.tenant, text))
            e = correlate_write(out, names_text(s->names, w.tenant), text,
                                resolve(&s->of[w.tenant], w.incident), NULL);
    }
    return !e.kind && ferror(s->kept) ? bad_file() : e;
}

static struct err
finish(struct stream *s, struct correlate_out *out)
{
    struct err e = ERR_OK;
    size_t n = (size_t)names_count(s->names), n_late = (size_t)names_count(s->late);
    for (size_t i = 0; !e.kind && i < n; i++)
        if (s->of[i].engine != NULL)
            e = commit(s, &s->of[i]);
    if (e.kind)
        return e;
    bool *written = calloc(n_late + 1, sizeof(*written));
    e = written != NULL ? write_kept(s, out, written) : no_memory();
    free(written);
    return e;
}

struct err
correlate_stream(FILE *in, struct params *p, FILE *kept, struct correlate_out *out,
                 struct correlate_stream_counts *counts)
{
    struct stream s = {.p = p, .kept = kept, .counts = counts};
    const struct correlate_sink sink = {&s, take_params, take_tenant, take_alert};
    *counts = (struct correlate_stream_counts){.alerts = 0};
    s.all = arena_new(SIZE_MAX / 2);
    s.batch = arena_new(SIZE_MAX / 2);
    s.names = names_new();
    s.sources = names_new();
    s.late = names_new();
    struct err e = no_memory();
    if (s.all != NULL && s.batch != NULL && s.names != NULL && s.sources != NULL && s.late != NULL)
        e = correlate_read_all(in, "standard input", &sink);
    if (!e.kind)
        e = finish(&s, out);
    for (int64_t i = 0; s.of != NULL && i < names_count(s.names); i++) {
        incident_engine_free(s.of[i].engine);
        free(s.of[i].redirect);
    }
    free(s.of);
    names_free(s.names);
    names_free(s.sources);
    names_free(s.late);
    arena_free(s.all);
    arena_free(s.batch);
    return e;
}
