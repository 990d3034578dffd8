/*
 * One blob of audit records: taken, gone, or broken. Ref: sources.md 3.5, 3.6, 3.12.
 *
 * A blob that cannot be taken does not hold the others up: it is noted, its window goes on, and
 * each round asks for it again until it can be read or is not there any more. One that is no JSON
 * is given up after some tries: what can be read of it is taken, and a dead letter tells of the
 * rest, so that it neither blocks for ever nor vanishes.
 */
#include <string.h>

#include "common/clock.h"
#include "common/crypto.h"
#include "common/json.h"
#include "common/plant.h"
#include "ingest/mail_wire.h"

#define DAY (INT64_C(86400) * CLOCK_SECOND)
#define WAITING_KEPT (30 * DAY) /* the feed forgets sooner, and then says so */

enum {
    ID_MAX = 400,
    AT_ONCE = 2,       /* tries of a broken blob within its first round */
    TRIES = 8,         /* without configuration */
    REFUSED_TRIES = 5, /* of a blob that the feed cannot give, before the others go on */
    WAITING_MAX = 64,  /* more than that is not a blob's fault */
    WAITING_A_ROUND = 32,
    RAW_MAX = 256 * 1024, /* a dead letter holds the bytes up to this size */
    RECORD_MEMORY = 64 * 1024 * 1024,
    ITEMS_MAX = 2000000,
};

#define WAITING "wait:"

/* ---- names */

/* contentId: the last part of the address. */
static struct slice
content_id(struct slice uri)
{
    uri = slice_sub(uri, 0, slice_find(uri, SLICE("?"), 0));
    size_t at = uri.n;
    while (at > 0 && uri.p[at - 1] != '/')
        at--;
    return slice_sub(uri, at, uri.n);
}

static struct slice
done_key(struct slice id, struct arena *a)
{
    uint8_t sum[CRYPTO_SHA256];
    crypto_sha256(id, sum);
    struct slice hex = slice_hex(a, (struct slice){(const char *)sum, 16});
    return hex.p != NULL ? slice_join(a, SLICE("blob:"), hex) : SLICE_NONE;
}

/* The key holds the id itself, which is all that is needed to ask again; NONE: it is too long. */
static struct slice
waiting_key(struct slice id, struct arena *a)
{
    if (id.n == 0 || id.n + sizeof WAITING - 1 > SOURCE_NOTE_KEY_MAX)
        return SLICE_NONE;
    return slice_join(a, SLICE(WAITING), id);
}

bool
mail_blob_known(const struct source_conf *c, struct slice uri, struct arena *a)
{
    if (c->notes.n == 0)
        return false;
    struct slice id = content_id(uri), waiting = waiting_key(id, a);
    return source_note(c, done_key(id, a)) != NULL ||
           (waiting.p != NULL && source_note(c, waiting) != NULL);
}

/* ---- requests */

struct err
mail_blob_request(const struct source_conf *c, const struct cursor *at, struct slice uri,
                  int64_t note_until, struct arena *a, struct source_request *out)
{
    *out = (struct source_request){
        .step = MAIL_BLOB, .at = *at, .together = true, .until = note_until};
    if (PLANT(mail_blobs_have_a_quota_of_their_own))
        out->call = 1;
    return mail_request(c, "GET", uri, a, out);
}

/* A note's value: the second of the last try, and how many there were. */
static int64_t
waiting_value(int64_t now, int64_t tries)
{
    return now / CLOCK_SECOND << 8 | (tries < 255 ? tries : 255);
}

static int64_t
tries_of(const struct source_note *note)
{
    return note != NULL ? note->value & 255 : 0;
}

struct err
mail_blob_waiting(const struct source_conf *c, const struct cursor *at, struct arena *a,
                  struct source_request *out, size_t most, size_t *n)
{
    int64_t pause_s = mail_option(c, "ingest.poll_s", 60);
    for (size_t i = 0; i < c->notes.n && *n < most && *n < WAITING_A_ROUND; i++) {
        const struct source_note *note = &c->notes.list[i];
        if (!slice_starts(note->key, SLICE(WAITING)) ||
            c->now / CLOCK_SECOND - (note->value >> 8) < pause_s)
            continue;
        struct slice audit =
            slice_join(a, SLICE("audit/"), slice_sub(note->key, sizeof WAITING - 1, note->key.n));
        struct slice url =
            slice_cstr(a, audit) != NULL ? mail_feed_url(c, slice_cstr(a, audit), a) : SLICE_NONE;
        if (url.p == NULL)
            return mail_no_memory();
        struct err e = mail_blob_request(c, at, url, CLOCK_NONE, a, &out[*n]);
        if (e.kind)
            return e;
        out[(*n)++].skip = AT_ONCE; /* one try a round from now on */
    }
    return ERR_OK;
}

/* ---- a blob that is dealt with, and one that waits */

static struct err
note_done(const struct answer *got, struct arena *a, struct page *out)
{
    struct slice id = content_id(got->asked->http.url), waiting = waiting_key(id, a);
    struct err e = ERR_OK;
    if (got->asked->until != CLOCK_NONE)
        e = mail_note(out, a, done_key(id, a), 0, got->asked->until);
    if (e.kind == ERR_NONE && waiting.p != NULL && source_note(got->conf, waiting) != NULL)
        e = mail_note(out, a, waiting, 0, CLOCK_NONE);
    return e;
}

static size_t
waiting_count(const struct source_conf *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->notes.n; i++)
        n += slice_starts(c->notes.list[i].key, SLICE(WAITING));
    return n;
}

/* May this blob wait for a later round? One that waits already may. */
static bool
may_wait(const struct answer *got, struct arena *a)
{
    struct slice key = waiting_key(content_id(got->asked->http.url), a);
    return key.p != NULL &&
           (source_note(got->conf, key) != NULL || waiting_count(got->conf) < WAITING_MAX);
}

static struct err
let_wait(const struct answer *got, int64_t tries, struct err why, struct arena *a, struct page *out)
{
    const struct source_conf *c = got->conf;
    out->warn = why;
    return mail_note(out, a, waiting_key(content_id(got->asked->http.url), a),
                     waiting_value(c->now, tries), c->now + WAITING_KEPT);
}

/* ---- records */

/* An id is a key in tables and logs: no control characters, which JSON can hide as \u0000. */
static bool
good_id(struct slice id)
{
    for (size_t i = 0; i < id.n; i++)
        if ((unsigned char)id.p[i] < ' ')
            return false;
    return id.n > 0 && id.n <= ID_MAX;
}

static struct slice
hash_name(const char *prefix, struct slice bytes, struct arena *a)
{
    uint8_t sum[CRYPTO_SHA256];
    crypto_sha256(bytes, sum);
    struct slice hex = slice_hex(a, (struct slice){(const char *)sum, 16});
    return hex.p != NULL ? slice_join(a, slice_of(prefix), hex) : SLICE_NONE;
}

/* The items of an array's text, cut but not read: a blob may have 256 MiB, and what a whole
 * document takes in memory is a multiple of that. false: the array does not end where it should. */
static bool
cut_items(struct slice body, struct arena *a, struct slice **items, size_t *n, struct err *e)
{
    *items = NULL;
    *n = json_raw_items(body, NULL, NULL, 0);
    body = slice_trim(body);
    *e = ERR_OK;
    if (*n > ITEMS_MAX) {
        *n = 0;
        return false;
    }
    if (*n > 0)
        *items = arena_alloc(a, *n * sizeof **items);
    if (*n > 0 && *items == NULL)
        *e = mail_no_memory();
    if (*items != NULL)
        (void)json_raw_items(body, NULL, *items, *n);
    if (*n == 0) {
        struct json doc;
        struct err empty = json_parse(slice_sub(body, 0, 64), a, &doc);
        return empty.kind == ERR_NONE && body.n <= 64 && json_type(doc) == JSON_ARRAY;
    }
    const struct slice last = *items != NULL ? (*items)[*n - 1] : SLICE_NONE;
    if (last.p == NULL)
        return false;
    struct slice rest = slice_trim(slice_sub(body, (size_t)(last.p + last.n - body.p), body.n));
    return slice_eq(rest, SLICE("]"));
}

/* One record; ERR_REJECT: it is no JSON. */
static struct err
take_record(struct slice item, struct arena *scratch, struct arena *a, struct page *out)
{
    struct json record;
    arena_reset(scratch);
    struct raw_alert *r = &out->alerts[out->n_alerts];
    struct err e = json_parse(item, scratch, &record);
    if (e.kind && strcmp(e.code, "json.depth") != 0)
        return e;
    bool readable = e.kind == ERR_NONE;
    struct slice id = readable ? json_get_text(record, "Id") : SLICE_NONE;
    *r = (struct raw_alert){.payload = item, .version = CLOCK_NONE};
    if (readable)
        r->version = source_time(record, "CreationTime");
    /* without one its bytes name it; ident() then says what is wrong with it */
    r->native_id = good_id(id) ? slice_dup(a, id) : hash_name("record:", item, a);
    if (r->native_id.p == NULL)
        return mail_no_memory();
    out->n_alerts++;
    return ERR_OK;
}

/* All records that can be read; *broken says why not all could. */
static struct err
take_records(struct slice body, struct arena *a, struct page *out, struct err *broken)
{
    struct slice *items;
    size_t n;
    struct err e;
    *broken = ERR_OK;
    if (!cut_items(body, a, &items, &n, &e))
        *broken = err_make(ERR_REJECT, "mail.blob",
                           "%zu bytes that are no list of at most %d records", body.n, ITEMS_MAX);
    if (e.kind)
        return e;
    struct arena *scratch = arena_new(RECORD_MEMORY);
    out->alerts = arena_alloc(a, (n + 1) * sizeof *out->alerts); /* a dead letter may follow */
    if (scratch == NULL || out->alerts == NULL) {
        arena_free(scratch);
        return mail_no_memory();
    }
    for (size_t i = 0; e.kind == ERR_NONE && i < n; i++) {
        e = take_record(items[i], scratch, a, out);
        if (e.kind != ERR_REJECT)
            continue;
        *broken = err_make(ERR_REJECT, "mail.blob", "record %zu of %zu: %.100s", i, n, e.text);
        e = ERR_OK;
    }
    arena_free(scratch);
    return e;
}

/* ---- giving up */

/* The dead letter: the bytes when they are few, else what is known of them. It can never be taken
 * for a record: mail_ident refuses both. */
static struct err
give_up(const struct answer *got, struct err why, struct arena *a, struct page *out)
{
    struct slice id = content_id(got->asked->http.url);
    struct raw_alert *r =
        out->alerts != NULL ? &out->alerts[out->n_alerts] : arena_alloc(a, sizeof *r);
    struct slice body = got->body;
    if (body.n == 0 || body.n > RAW_MAX) {
        struct json_out *o = json_out_object(a);
        json_out_text(o, "contentId", id);
        json_out_text(o, "reason", slice_of(why.text));
        json_out_int(o, "bytes", (int64_t)body.n);
        json_out_int(o, "recordsTaken", (int64_t)out->n_alerts);
        body = json_out_print(o, a);
    }
    struct slice name = hash_name("blob:", id, a);
    if (r == NULL || body.p == NULL || name.p == NULL)
        return mail_no_memory();
    if (out->alerts == NULL)
        out->alerts = r;
    *r = (struct raw_alert){.native_id = name, .version = CLOCK_NONE, .payload = body};
    out->n_alerts += PLANT(broken_blobs_vanish) ? 0 : 1;
    out->warn = err_make(ERR_REJECT, "mail.blob_given_up", "%.120s", why.text);
    return note_done(got, a, out);
}

/* The same again, at once and in later rounds, and in the end not any more. */
static struct err
broken_blob(const struct answer *got, struct err why, struct arena *a, struct page *out)
{
    const struct source_request *asked = got->asked;
    struct slice key = waiting_key(content_id(asked->http.url), a);
    int64_t tries = tries_of(key.p != NULL ? source_note(got->conf, key) : NULL) + 1;
    struct source_request *r;
    if (asked->skip >= AT_ONCE &&
        (tries >= mail_option(got->conf, "ingest.mail.blob_tries", TRIES) || !may_wait(got, a)))
        return give_up(got, why, a, out);
    out->alerts = NULL; /* a page that is not whole: nothing of it is taken (design.md 10) */
    out->n_alerts = 0;
    why.code = "mail.blob_broken";
    if (asked->skip >= AT_ONCE)
        return let_wait(got, tries, why, a, out);
    struct err e = mail_one_more(out, a, &r);
    if (e.kind == ERR_NONE) {
        *r = *asked;
        r->skip++;
    }
    return e;
}

/* The feed does not give it: again, and if that does not help without holding up the others. */
static struct err
refused_blob(const struct answer *got, struct err why, struct arena *a, struct page *out)
{
    bool own = got->failed.kind != ERR_NONE || strcmp(why.code, "mail.server") == 0 ||
               strcmp(why.code, "mail.status") == 0;
    struct slice key = waiting_key(content_id(got->asked->http.url), a);
    const struct source_note *note = key.p != NULL ? source_note(got->conf, key) : NULL;
    if (!own || (got->tries < REFUSED_TRIES && note == NULL) || !may_wait(got, a))
        return why;
    why.code = "mail.blob_waits";
    return let_wait(got, tries_of(note), why, a, out);
}

struct err
mail_blob_parse(const struct answer *got, struct slice code, struct arena *a, struct page *out)
{
    static const char *const gone[] = {"AF20050", "AF20051", "AF20052", NULL};
    struct err broken;
    if (got->failed.kind == ERR_REJECT) /* too large: it will not get smaller */
        return give_up(got, got->failed, a, out);
    if (got->status == 404 || got->status == 410 || mail_code_is(code, gone)) {
        out->warn = err_make(ERR_REJECT, "mail.blob_gone", "%ld %.*s: a blob is not there any more",
                             got->status, SLICE_ARG(slice_sub(code, 0, 40)));
        return note_done(got, a, out);
    }
    struct err e = mail_refusal(got, code, a);
    if (e.kind == ERR_NONE && !mail_ok(got))
        e = mail_unexpected(got, code);
    if (e.kind)
        return refused_blob(got, e, a, out);
    e = take_records(got->body, a, out, &broken);
    if (e.kind)
        return e;
    return broken.kind ? broken_blob(got, broken, a, out) : note_done(got, a, out);
}
