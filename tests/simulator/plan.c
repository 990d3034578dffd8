#include "tests/simulator/plan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/crypto.h"

#define SCRATCH_BYTES ((size_t)2 << 30)

const char *const sim_source_names[SIM_SOURCES] = {"endpoint", "mail", "apps", "identity"};

struct delivery *
plan_add(struct plan *p, const struct delivery *d)
{
    if (p->n == p->capacity) {
        struct delivery *items = arena_grow(p->arena, p->items, sizeof(*items), &p->capacity);
        if (items == NULL)
            return NULL;
        p->items = items;
    }
    p->items[p->n] = *d;
    p->items[p->n].n = p->n + 1;
    return &p->items[p->n++];
}

/* ---- names */

static bool
is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* The address in cs1; translators left blanks and a second sign around the first. */
static struct slice
line_url(struct slice line)
{
    struct slice key = SLICE("cs1");
    for (size_t at = 0; (at = slice_find(line, key, at)) < line.n; at += key.n) {
        struct slice rest = slice_trim(slice_sub(line, at + key.n, line.n));
        if (rest.n > 0 && rest.p[0] == '=') {
            while (rest.n > 0 && (rest.p[0] == '=' || rest.p[0] == ' '))
                rest = slice_sub(rest, 1, rest.n);
            return slice_split(&rest, ' ');
        }
    }
    return SLICE_NONE;
}

/* The last segment of the address: a GUID, or what documents and ATA print in its place (24 to 40
 * digits and dashes), "aa" in front of later ones. SLICE_NONE: neither. Ref: sources.md 5.4. */
static struct slice
line_guid(struct slice line)
{
    struct slice url = line_url(line);
    size_t from = url.n;
    while (from > 0 && (is_hex(url.p[from - 1]) || url.p[from - 1] == '-'))
        from--;
    struct slice id = slice_sub(url, from, url.n);
    if (from == 0 || url.p[from - 1] != '/')
        return SLICE_NONE;
    if (id.n >= 37 && slice_starts(id, SLICE("aa")))
        id = slice_sub(id, 2, id.n);
    return id.n >= 24 && id.n <= 40 ? id : SLICE_NONE;
}

static void
line_name(struct plan *p, struct delivery *d)
{
    struct slice id = line_guid(d->payload);
    if (id.p == NULL) {
        uint8_t sha[CRYPTO_SHA256];
        crypto_sha256(d->payload, sha);
        id = slice_join(p->arena, SLICE("line:"),
                        slice_hex(p->arena, (struct slice){(const char *)sha, 16}));
    }
    d->native_id = d->alert_id = slice_lower(p->arena, id);
}

static void
mail_name(struct delivery *d, struct json row, struct arena *a)
{
    int64_t type = 0;
    d->native_id = json_get_text(row, "Id");
    d->alert_id = json_get_text(row, "AlertId");
    if (d->alert_id.p == NULL && json_get_int(row, "RecordType", &type)) {
        struct json data;
        struct err e = json_parse(json_get_text(row, "Data"), a, &data);
        if (type == 64 && e.kind == ERR_NONE)
            d->alert_id = json_get_text(data, "ProviderAlertId");
        else if (type == 28 || type == 41 || type == 47)
            d->alert_id = d->native_id;
    }
    d->alert_id = slice_lower(a, d->alert_id);
    if (!clock_parse(json_get_text(row, "CreationTime"), &d->version))
        d->version = CLOCK_NONE;
}

static struct err
row_name(struct delivery *d, struct arena *a, struct json *row)
{
    struct err e = json_parse(d->payload, a, row);
    if (e.kind)
        return e;
    if (d->source == SIM_MAIL)
        mail_name(d, *row, a);
    else {
        d->native_id = d->alert_id = json_get_text(*row, d->source == SIM_APPS ? "_id" : "id");
        if (d->source == SIM_ENDPOINT &&
            !clock_parse(json_get_text(*row, "lastUpdateTime"), &d->version))
            d->version = CLOCK_NONE;
    }
    return ERR_OK;
}

struct err
plan_name(struct plan *p, struct delivery *d)
{
    d->version = CLOCK_NONE;
    if (d->source == SIM_IDENTITY) {
        line_name(p, d);
        return d->native_id.p != NULL ? ERR_OK : err_retry(0, "plan.memory", "arena is full");
    }
    if (!p->frugal && d->source != SIM_MAIL)
        return row_name(d, p->arena, &d->row);
    struct arena *a = arena_new(SCRATCH_BYTES); /* a parsed row is ten times its text */
    struct json row;
    struct err e = a != NULL ? row_name(d, a, &row) : err_retry(0, "plan.memory", "out of memory");
    bool same = slice_eq(d->native_id, d->alert_id);
    if (e.kind == ERR_NONE) {
        d->native_id = slice_dup(p->arena, d->native_id);
        d->alert_id = same ? d->native_id : slice_dup(p->arena, d->alert_id);
    }
    arena_free(a);
    return e;
}

/* ---- the list as text */

struct slice
plan_line(const struct delivery *d, struct arena *a)
{
    uint8_t sha[CRYPTO_SHA256];
    crypto_sha256(d->payload, sha);
    struct json_out *o = json_out_object(a);
    json_out_int(o, "n", (int64_t)d->n);
    json_out_text(o, "source", slice_of(sim_source_names[d->source]));
    json_out_text(o, "native_id", d->native_id);
    json_out_text(o, "alert_id", d->alert_id);
    if (d->version == CLOCK_NONE)
        json_out_null(o, "version_100ns");
    else
        json_out_int(o, "version_100ns", d->version);
    json_out_text(o, "sha256", slice_hex(a, (struct slice){(const char *)sha, sizeof(sha)}));
    json_out_text(o, "expect", d->expect);
    if (d->repeat_of == 0)
        json_out_null(o, "repeat_of");
    else
        json_out_int(o, "repeat_of", (int64_t)d->repeat_of);
    json_out_text(o, "truth", d->truth);
    json_out_bool(o, "released", d->released != CLOCK_NONE);
    json_out_int(o, "served", (int64_t)d->served);
    return json_out_print(o, a);
}

struct err
sim_write_file(const char *dir, const char *name, struct slice content)
{
    char path[4096];
    char part[4096];
    if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path) ||
        snprintf(part, sizeof(part), "%s/.%s.part", dir, name) >= (int)sizeof(part))
        return err_make(ERR_STOP, "sim.write", "%s: the name is too long", name);
    FILE *f = fopen(part, "wb");
    if (f == NULL)
        return err_make(ERR_STOP, "sim.write", "%s: %s", part, strerror(errno));
    bool good = fwrite(content.p, 1, content.n, f) == content.n;
    good = fclose(f) == 0 && good;
    if (!good || rename(part, path) != 0)
        return err_make(ERR_STOP, "sim.write", "%s: %s", path, strerror(errno));
    return ERR_OK;
}

struct err
plan_write(const struct plan *p, const char *dir)
{
    struct arena *a = arena_new((size_t)256 << 20);
    if (a == NULL)
        return err_make(ERR_STOP, "plan.write", "out of memory");
    struct slice *lines = arena_alloc(a, (p->n + 1) * sizeof(*lines));
    size_t bytes = 0;
    struct err e = ERR_OK;
    for (size_t i = 0; lines != NULL && i < p->n; i++) {
        lines[i] = plan_line(&p->items[i], a);
        bytes += lines[i].n + 1;
    }
    char *text = arena_alloc(a, bytes + 1);
    if (lines == NULL || text == NULL) {
        e = err_make(ERR_STOP, "plan.write", "out of memory");
        goto out;
    }
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++) {
        memcpy(text + n, lines[i].p, lines[i].n);
        n += lines[i].n;
        text[n++] = '\n';
    }
    e = sim_write_file(dir, "deliveries.jsonl", (struct slice){text, n});
out:
    arena_free(a);
    return e;
}

/* ---- as time goes on */

static bool
may_release(const struct plan *p, const struct delivery *d, int64_t now)
{
    if (d->released != CLOCK_NONE || d->planned > now)
        return false;
    return d->replaces == 0 || d->hasty || p->items[d->replaces - 1].served > 0;
}

/* What shows of the version that d takes the place of: somebody may have changed it meanwhile. A
 * version that has become older than what shows is never seen. */
static void
take_place(struct plan *p, struct delivery *d)
{
    struct delivery *old = &p->items[d->replaces - 1];
    while (old->heir != 0)
        old = &p->items[old->heir - 1];
    if (d->version != CLOCK_NONE && d->version <= old->version && d->hasty) {
        d->hidden = true;
        return;
    }
    old->hidden = true;
    old->heir = d->n;
}

struct delivery *
plan_replace(struct plan *p, struct delivery *old, struct slice payload, int64_t now)
{
    struct delivery d = *old;
    d.payload = payload;
    d.planned = d.released = now;
    d.served = 0;
    d.heir = d.repeat_of = 0;
    d.replaces = old->n;
    d.hasty = true;
    size_t place = old->n - 1; /* the list may move */
    struct err e = plan_name(p, &d);
    if (e.kind || plan_add(p, &d) == NULL)
        return NULL;
    p->items[place].hidden = true;
    p->items[place].heir = p->n;
    p->n_released++;
    return &p->items[p->n - 1];
}

size_t
plan_release(struct plan *p, int64_t now)
{
    size_t n = 0;
    int64_t next = INT64_MAX;
    if (p->started == CLOCK_NONE || p->n_released == p->n || now < p->next_due)
        return 0;
    for (size_t i = 0; i < p->n; i++) {
        struct delivery *d = &p->items[i];
        if (may_release(p, d, now)) {
            d->released = now;
            if (d->replaces != 0)
                take_place(p, d);
            n++;
        } else if (d->released == CLOCK_NONE && d->planned < next)
            next = d->planned;
    }
    p->next_due = next;
    p->n_released += n;
    return n;
}

void
plan_serve(struct delivery *d)
{
    d->served++;
    d->served_ms = clock_mono_ms();
}

bool
plan_shows(const struct delivery *d, enum sim_source source)
{
    return d->source == source && d->released != CLOCK_NONE && !d->hidden;
}

struct json
plan_row(const struct plan *p, const struct delivery *d, struct arena *a)
{
    struct json row = {{0, 0}};
    if (!p->frugal && d->source != SIM_MAIL)
        return d->row;
    struct err e = json_parse(d->payload, a, &row);
    return e.kind ? (struct json){{0, 0}} : row;
}

bool
plan_done(const struct plan *p)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct delivery *d = &p->items[i];
        bool waited_for = (d->source != SIM_IDENTITY || !p->mute) && !(d->hidden && d->hasty);
        if (d->released == CLOCK_NONE || (waited_for && d->served == 0))
            return false;
    }
    return p->started != CLOCK_NONE;
}
