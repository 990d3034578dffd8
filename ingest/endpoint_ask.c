/* What the endpoint source asks with and remembers. Ref: sources.md 2.1, 2.4. */
#include <string.h>

#include "common/clock.h"
#include "common/crypto.h"
#include "ingest/endpoint_internal.h"

enum { DIRECT_KEY_MAX = SOURCE_NOTE_KEY_MAX - 8 };

/* ---- addresses */

struct slice
endpoint_url(const struct source_conf *c, struct arena *a, struct slice path)
{
    struct slice base = c->base_url;
    size_t scheme = slice_find(base, SLICE("://"), 0);
    size_t host = scheme < base.n ? scheme + 3 : 0; /* a host may be called api, too */
    struct slice steps = slice_sub(base, slice_find(base, SLICE("/"), host), base.n);
    const char *list = "/api/alerts";
    if (slice_ends(steps, SLICE("/alerts")))
        list = "";
    else if (slice_ends(steps, SLICE("/api")) || slice_find(steps, SLICE("/api/"), 0) < steps.n)
        list = "/alerts";
    return slice_printf(a, "%.*s%s%.*s", SLICE_ARG(base), list, SLICE_ARG(path));
}

void
endpoint_get(struct source_request *r, struct slice url)
{
    r->http.method = "GET";
    r->http.url = url;
    r->http.headers[0] = SLICE("Accept: application/json");
    r->http.n_headers = 1;
}

struct err
endpoint_list_url(const struct source_conf *c, struct arena *a, struct source_request *r)
{
    const char *time = r->step & MODE_CREATED ? "alertCreationTime" : "lastUpdateTime";
    struct slice skip =
        r->skip > 0 ? slice_printf(a, "&$skip=%lld", (long long)r->skip) : SLICE("");
    struct slice query =
        slice_printf(a, "?$filter=%s%%20ge%%20%s%%20and%%20%s%%20lt%%20%s%s&$top=%lld%.*s", time,
                     clock_format(r->from).s, time, clock_format(r->until).s,
                     r->step & MODE_PLAIN ? "" : "&$expand=evidence",
                     (long long)source_rows(endpoint_top(c, a, r->step), r), SLICE_ARG(skip));
    struct slice url = endpoint_url(c, a, query);
    if (skip.p == NULL || query.p == NULL || url.p == NULL)
        return err_make(ERR_RETRY, "endpoint.memory", "no memory for a request");
    endpoint_get(r, url);
    return ERR_OK;
}

int64_t
endpoint_top(const struct source_conf *c, struct arena *a, int mode)
{
    enum { TOP_COMPLETED = 1000 }; /* of a larger page only few could be completed in a round */
    int64_t top = conf_int(c->conf, "ingest.endpoint.top");
    bool completes = (mode & MODE_PLAIN) || endpoint_note(c, a, "m", SLICE("parts")) != NULL;
    return completes && top > TOP_COMPLETED ? TOP_COMPLETED : top;
}

int64_t
endpoint_window_from(const struct source_conf *c, struct arena *a, int64_t since, int mode)
{
    if (mode & MODE_CREATED) { /* older ones may be open: from the start, until they are known */
        const struct source_note *open = endpoint_note(c, a, "m", SLICE("open"));
        since = open != NULL ? open->value : CLOCK_NONE;
    }
    if (since == CLOCK_NONE)
        return c->start;
    return since - conf_int(c->conf, "ingest.endpoint.overlap_s") * CLOCK_SECOND;
}

/* ---- pages */

struct err
endpoint_ask(struct page *out, struct arena *a, const struct source_request *r)
{
    size_t n = out->n_next;
    if (n == 0 || (n >= 8 && (n & (n - 1)) == 0)) { /* full: capacities are powers of two */
        size_t capacity = n;
        void *larger = arena_grow(a, out->next, sizeof *out->next, &capacity);
        if (larger == NULL)
            return err_make(ERR_RETRY, "endpoint.memory", "no memory for a request");
        out->next = larger;
    }
    out->next[out->n_next++] = *r;
    return ERR_OK;
}

/* ---- notes */

/* A name that cannot be part of a key stands there as its hash. */
static struct slice
key_of(struct arena *a, const char *kind, struct slice name)
{
    bool direct = name.n > 0 && name.n <= DIRECT_KEY_MAX;
    for (size_t i = 0; i < name.n; i++)
        direct = direct && name.p[i] > ' ' && name.p[i] <= '~';
    if (direct)
        return slice_printf(a, "%s:%.*s", kind, SLICE_ARG(name));
    uint8_t hash[CRYPTO_SHA256];
    crypto_sha256(name, hash);
    struct slice hex = slice_hex(a, (struct slice){(const char *)hash, sizeof hash / 2});
    return slice_printf(a, "%s:#%.*s", kind, SLICE_ARG(hex));
}

const struct source_note *
endpoint_note(const struct source_conf *c, struct arena *a, const char *kind, struct slice name)
{
    if (c->notes.n == 0)
        return NULL;
    const struct source_note *note = source_note(c, key_of(a, kind, name));
    return note != NULL && note->until > c->now ? note : NULL;
}

struct err
endpoint_remember(struct page *out, struct arena *a, const char *kind, struct slice name,
                  int64_t value, int64_t until)
{
    size_t n = out->n_notes;
    struct slice key = key_of(a, kind, name);
    if (n == 0 || (n >= 8 && (n & (n - 1)) == 0)) {
        size_t capacity = n;
        void *larger = arena_grow(a, out->notes, sizeof *out->notes, &capacity);
        if (larger == NULL)
            return err_make(ERR_RETRY, "endpoint.memory", "no memory for a note");
        out->notes = larger;
    }
    if (key.p == NULL)
        return err_make(ERR_RETRY, "endpoint.memory", "no memory for a note");
    out->notes[out->n_notes++] = (struct source_note){key, value, until};
    return ERR_OK;
}

struct err
endpoint_sent(const struct source_conf *c, struct page *out, struct arena *a, struct slice id,
              int64_t print)
{
    if (print == 0)
        return err_make(ERR_RETRY, "endpoint.memory", "no memory for a note");
    return endpoint_remember(out, a, "e", id, print, c->now + 2 * ENDPOINT_DAY);
}
