#include "ingest/apps_listing.h"

#include <string.h>

#include "common/clock.h"
#include "common/crypto.h"

static const struct slice prefix = {"o.", 2};

static int64_t
days(const struct source_conf *c)
{
    return conf_int(c->conf, "ingest.apps.open_days") * 86400 * CLOCK_SECOND;
}

bool
apps_listing_due(const struct source_conf *c, int64_t *from)
{
    int64_t every = conf_int(c->conf, "ingest.apps.open_every_s") * CLOCK_SECOND;
    const struct source_note *at = source_note(c, SLICE("at"));
    const struct source_note *listed = source_note(c, SLICE("listed"));
    int64_t first = c->now - days(c);
    *from = at != NULL && at->value > first ? at->value : first;
    if (every == 0)
        return false;
    /* a clock that was set back must not put it off for ever */
    return at != NULL || listed == NULL || c->now - listed->value >= every ||
           listed->value > c->now;
}

static struct err
add(struct slice key, int64_t value, int64_t until, struct arena *a, struct page *out)
{
    enum { FIRST = 8 };
    bool full = (out->n_notes & (out->n_notes - 1)) == 0; /* room doubles */
    if (out->n_notes == 0 || (full && out->n_notes >= FIRST)) {
        size_t room = out->n_notes == 0 ? FIRST : out->n_notes * 2;
        struct source_note *larger = arena_alloc(a, room * sizeof *larger);
        if (larger == NULL)
            return err_make(ERR_RETRY, "apps.memory", "no memory for what to remember");
        if (out->n_notes > 0)
            memcpy(larger, out->notes, out->n_notes * sizeof *larger);
        out->notes = larger;
    }
    out->notes[out->n_notes++] = (struct source_note){key, value, until};
    return ERR_OK;
}

struct err
apps_listing_set(const struct source_conf *c, const char *key, int64_t value, struct arena *a,
                 struct page *out)
{
    const int64_t long_enough = 400 * 86400 * CLOCK_SECOND; /* longer than any listing's pause */
    bool known = source_note(c, slice_of(key)) != NULL;
    if (value == CLOCK_NONE && !known)
        return ERR_OK;
    return add(slice_of(key), value == CLOCK_NONE ? 0 : value,
               value == CLOCK_NONE ? CLOCK_NONE : c->now + long_enough, a, out);
}

int64_t
apps_hash(struct slice payload)
{
    uint8_t hash[CRYPTO_SHA256];
    int64_t v;
    crypto_sha256(payload, hash);
    memcpy(&v, hash, sizeof v);
    return v;
}

/* SLICE_NONE: an id that no note can have; such an alert is not remembered. */
static struct slice
key_of(struct slice id, struct arena *a)
{
    if (id.n == 0 || id.n + prefix.n > SOURCE_NOTE_KEY_MAX)
        return SLICE_NONE;
    for (size_t i = 0; i < id.n; i++)
        if (id.p[i] <= ' ' || id.p[i] >= 0x7f)
            return SLICE_NONE;
    return slice_join(a, prefix, id);
}

struct err
apps_listing_forget(const struct source_conf *c, struct slice id, struct arena *a, struct page *out)
{
    struct slice key = key_of(id, a);
    if (key.n == 0 || source_note(c, key) == NULL)
        return ERR_OK;
    return add(key, 0, CLOCK_NONE, a, out);
}

struct err
apps_listing_note(const struct source_conf *c, const struct apps_row *row, struct arena *a,
                  struct page *out)
{
    if (!row->open)
        return apps_listing_forget(c, row->id, a, out);
    struct slice key = key_of(row->id, a);
    if (key.n == 0 || row->raised == CLOCK_NONE)
        return ERR_OK;
    const struct source_note *known = source_note(c, key);
    int64_t until = row->raised + days(c);
    if (until <= c->now || (known != NULL && known->value == row->hash && known->until == until))
        return ERR_OK;
    return add(key, row->hash, until, a, out);
}

struct slice
apps_met_new(const struct source_conf *c, struct arena *a)
{
    size_t n = c->notes.n / 8 + 1;
    char *bits = arena_alloc(a, n);
    return bits != NULL ? (struct slice){bits, n} : SLICE_NONE;
}

bool
apps_met_add(const struct source_conf *c, char *met, const struct apps_row *row)
{
    char text[SOURCE_NOTE_KEY_MAX];
    if (row->id.n == 0 || row->id.n + prefix.n > sizeof text)
        return false;
    memcpy(text, prefix.p, prefix.n);
    memcpy(text + prefix.n, row->id.p, row->id.n);
    const struct source_note *note = source_note(c, (struct slice){text, prefix.n + row->id.n});
    if (note == NULL)
        return false;
    size_t at = (size_t)(note - c->notes.list);
    char bit = (char)(1 << (at % 8));
    bool first = (met[at / 8] & bit) == 0;
    met[at / 8] = (char)(met[at / 8] | bit);
    return first && note->value == row->hash;
}

/* The n-th note is an alert that should have been in the listing. */
static bool
is_missing(const struct source_conf *c, const char *met, int64_t from, int64_t to, size_t n)
{
    const struct source_note *note = &c->notes.list[n];
    int64_t raised = note->until - days(c);
    return slice_starts(note->key, prefix) && note->until > c->now && raised >= from &&
           raised < to && (met[n / 8] >> (n % 8) & 1) == 0;
}

size_t
apps_missing(const struct source_conf *c, const char *met, int64_t from, int64_t to,
             struct slice *out, size_t most)
{
    size_t n = 0, all = c->notes.n;
    /* begins elsewhere each time: what is asked for in vain must not keep the others out */
    size_t begin = all > 0 ? (size_t)(c->now / CLOCK_SECOND) * 7919 % all : 0;
    for (size_t i = 0; i < all && n < most; i++) {
        size_t at = (begin + i) % all;
        struct slice key = c->notes.list[at].key;
        if (is_missing(c, met, from, to, at))
            out[n++] = slice_sub(key, prefix.n, key.n);
    }
    return n;
}
