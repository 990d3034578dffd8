/* Real records, served byte for byte as they were written down. */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "tests/simulator/sim.h"

enum { RECORDS_A_BLOB = 50, FILE_MAX = 64 << 20 };

struct loader {
    struct plan *plan;
    int64_t start;
    struct arena *skipped_arena;
    struct json_out *skipped; /* array of {"file","line","reason"} */
    const char *folder;
    size_t in_blob;
};

/* NULL: it is in the form that the source's own interface gives. */
static const char *
endpoint_foreign(struct json v)
{
    if (json_type(json_get(v, "@odata.type")) != JSON_ABSENT)
        return "a Graph object, not of the alerts API";
    if (json_type(json_get(v, "properties")) != JSON_ABSENT)
        return "a row of the streaming API";
    if (json_type(json_get(v, "ProviderName")) != JSON_ABSENT)
        return "a Sentinel row";
    if (json_get_text(v, "id").p == NULL || json_get_text(v, "alertCreationTime").p == NULL)
        return "not an object of the alerts API";
    return NULL;
}

static const char *
mail_foreign(struct json v)
{
    if (json_type(json_get(v, "properties")) != JSON_ABSENT)
        return "a row of the streaming API";
    if (json_type(json_get(v, "ProviderName")) != JSON_ABSENT)
        return "a Sentinel row";
    if (json_type(json_get(v, "RecordType")) == JSON_ABSENT)
        return "not an activity record";
    return NULL;
}

static const char *
apps_foreign(struct json v)
{
    return json_get_text(v, "_id").p == NULL ? "not an object of the alerts API" : NULL;
}

static const char *
identity_foreign(struct json v)
{
    return json_get_text(v, "line").p == NULL ? "not a line" : NULL;
}

static const struct {
    enum sim_source source;
    const char *pattern; /* under the folder */
    const char *(*foreign)(struct json v);
} places[] = {
    {SIM_ENDPOINT, "alerts/defender-endpoint/*.jsonl", endpoint_foreign},
    {SIM_MAIL, "alerts/office365-atp/*.jsonl", mail_foreign},
    {SIM_MAIL, "o365-audit/*.jsonl", mail_foreign},
    {SIM_APPS, "alerts/cloud-app-security/*.jsonl", apps_foreign},
    {SIM_IDENTITY, "syslog-cef/azure-atp*.jsonl", identity_foreign},
};

static void
skip(struct loader *l, const char *path, size_t line, const char *reason)
{
    struct json_out *o = json_out_object(l->skipped_arena);
    json_out_text(o, "file", slice_of(path + strlen(l->folder) + 1));
    json_out_int(o, "line", (int64_t)line);
    json_out_text(o, "reason", slice_of(reason));
    json_out_add(l->skipped, o);
    l->plan->n_skipped++;
}

/* What the store is to make of it is known only where a service would say so itself: bytes that
 * came before are a repeat, all else may be anything. */
static void
repeat_find(const struct plan *p, struct delivery *d)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct delivery *before = &p->items[i];
        if (before->source == d->source && slice_eq(before->payload, d->payload)) {
            d->repeat_of = before->repeat_of != 0 ? before->repeat_of : before->n;
            return;
        }
    }
}

/* A line may not stand alone in a stream that ends each by LF when it holds one, or when it does
 * not begin with '<' (a number in front is an octet count to a listener). */
static enum sim_transport
transport_for(struct slice line, size_t n)
{
    if (line.n == 0 || line.p[0] != '<' || slice_find(line, SLICE("\n"), 0) != line.n)
        return n % 3 == 0 ? SIM_UDP : SIM_COUNTED;
    return (enum sim_transport)(n % SIM_TRANSPORTS);
}

static struct err
record_take(struct loader *l, size_t place, const char *path, size_t line, struct slice text)
{
    struct plan *p = l->plan;
    struct json v;
    struct err e = json_parse(text, p->arena, &v);
    if (e.kind == ERR_RETRY)
        return e;
    const char *reason = e.kind ? "not JSON" : places[place].foreign(v);
    if (reason != NULL) {
        skip(l, path, line, reason);
        return ERR_OK;
    }
    struct delivery d = {.source = places[place].source,
                         .payload = text,
                         .planned = l->start,
                         .released = CLOCK_NONE,
                         .expect = SLICE("any")};
    if (d.source == SIM_IDENTITY) {
        d.payload = json_get_text(v, "line");
        d.transport = transport_for(d.payload, p->n);
    }
    if (d.source == SIM_MAIL) {
        if (l->in_blob++ % RECORDS_A_BLOB == 0)
            p->blobs++;
        d.blob = p->blobs;
    }
    repeat_find(p, &d);
    e = plan_name(p, &d);
    if (e.kind == ERR_NONE && plan_add(p, &d) == NULL)
        e = err_retry(0, "data.memory", "out of memory");
    return e;
}

static struct err
file_read(const char *path, struct arena *a, struct slice *out)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return err_make(ERR_STOP, "data.open", "%s: %s", path, strerror(errno));
    long size = fseek(f, 0, SEEK_END) == 0 ? ftell(f) : -1;
    rewind(f);
    char *text = size >= 0 && size <= FILE_MAX ? arena_alloc(a, (size_t)size + 1) : NULL;
    size_t n = text != NULL ? fread(text, 1, (size_t)size, f) : 0;
    fclose(f);
    if (text == NULL || n != (size_t)size)
        return err_make(ERR_STOP, "data.read", "%s: unreadable or too large", path);
    *out = (struct slice){text, n};
    return ERR_OK;
}

static struct err
file_take(struct loader *l, size_t place, const char *path)
{
    struct slice rest;
    struct err e = file_read(path, l->plan->arena, &rest);
    for (size_t line = 1; e.kind == ERR_NONE && rest.n > 0; line++) {
        struct slice text = slice_split(&rest, '\n');
        if (slice_trim(text).n > 0)
            e = record_take(l, place, path, line, text);
    }
    return e;
}

static struct err
place_take(struct loader *l, size_t place, size_t *files)
{
    char pattern[4096];
    glob_t found;
    struct err e = ERR_OK;
    snprintf(pattern, sizeof(pattern), "%s/%s", l->folder, places[place].pattern);
    if (glob(pattern, 0, NULL, &found) != 0)
        return ERR_OK;
    for (size_t i = 0; e.kind == ERR_NONE && i < found.gl_pathc; i++) {
        if (slice_ends(slice_of(found.gl_pathv[i]), SLICE("/PROVENANCE.jsonl")))
            continue; /* where the records beside it come from */
        e = file_take(l, place, found.gl_pathv[i]);
        ++*files;
    }
    globfree(&found);
    return e;
}

static struct err
skipped_write(const struct loader *l, const char *dir)
{
    struct slice text = json_out_print(l->skipped, l->skipped_arena);
    struct json list;
    struct err e = json_parse(text, l->skipped_arena, &list);
    size_t n = 0;
    char *p = arena_alloc(l->skipped_arena, text.n + 2);
    if (e.kind || p == NULL)
        return err_make(ERR_STOP, "data.memory", "out of memory");
    struct slice name;
    struct json item;
    for (struct json_iter it = json_items(list); json_next(&it, &name, &item);) {
        struct slice line = json_minify(item, l->skipped_arena);
        memcpy(p + n, line.p, line.n);
        n += line.n;
        p[n++] = '\n';
    }
    return sim_write_file(dir, "skipped.jsonl", (struct slice){p, n});
}

struct err
data_load(struct plan *p, const char *folder, const char *dir, int64_t start)
{
    struct loader l = {.plan = p, .start = start, .folder = folder};
    size_t files = 0;
    l.skipped_arena = arena_new((size_t)64 << 20);
    l.skipped = json_out_array(l.skipped_arena);
    struct err e = l.skipped != NULL ? ERR_OK : err_make(ERR_STOP, "data.memory", "out of memory");
    for (size_t i = 0; e.kind == ERR_NONE && i < sizeof(places) / sizeof(places[0]); i++)
        e = place_take(&l, i, &files);
    if (e.kind == ERR_NONE && files == 0)
        e = err_make(ERR_STOP, "data.empty", "%s: no records of the four services there", folder);
    if (e.kind == ERR_NONE)
        e = skipped_write(&l, dir);
    arena_free(l.skipped_arena);
    return e;
}
