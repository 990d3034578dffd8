/*
 * source.h: what a source is.
 *
 * A source is one file of pure functions (style.md 7). Tokens, HTTP, retries, quotas, checkpoints,
 * Avro and Kafka are the workers', alike for all. No function here knows the time, a socket or a
 * database; what they need is in their arguments. Thread: any.
 */
#ifndef WEIR_SOURCE_H
#define WEIR_SOURCE_H
#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/conf.h"
#include "common/err.h"
#include "common/fetch.h"
#include "common/slice.h"
#include "schemas/alert.h"

enum { SOURCE_SENDERS_MAX = 16 };

/*
 * What a source remembers of a tenant besides its watermarks: blobs that are done, alerts that were
 * open, a fallback that is in force. Kept with the cursor, sealed, at most SOURCE_NOTES_MAX; those
 * that end first go first.
 */
enum { SOURCE_NOTES_MAX = 16384, SOURCE_NOTE_KEY_MAX = 128 };
struct source_note {
    struct slice key; /* 1 to SOURCE_NOTE_KEY_MAX bytes of printable ASCII, the source's own */
    int64_t value;    /* the source's own */
    int64_t until;    /* 100 ns: forgotten after; in a page CLOCK_NONE: forgotten now */
};
struct source_notes {
    const struct source_note *list; /* sorted by key, each key once */
    size_t n;
};

/* What a tenant's settings say of one source; see credential in docs/settings. Borrowed texts. */
struct source_conf {
    const struct conf *conf;   /* the worker's options */
    struct slice directory_id; /* the tenant's GUID at the source */
    struct slice base_url;     /* no slash at the end */
    struct slice token_url;    /* of the token endpoint, v1 or v2; NONE: a static token */
    struct slice resource;     /* v1: resource=; v2: scope=<resource>/.default */
    struct slice client_id, client_secret;
    struct slice static_token; /* apps: 64 hex digits */
    struct slice publisher_id; /* mail: PublisherIdentifier */
    struct slice workspace;    /* identity: only lines that name it are taken; NONE: any */
    int64_t port;              /* identity, apps: where its sensors or agent send to; 0: none */
    struct slice senders[SOURCE_SENDERS_MAX]; /* who may send, see sender.h; none: any */
    size_t n_senders;
    bool tls;                  /* who sends comes by TLS, and in no other way */
    struct slice client_ca;    /* PEM; a sensor's certificate must be signed by it */
    struct source_notes notes; /* as stored when this round began */
    int64_t now;               /* 100 ns, the worker's clock, corrected by the server's Date */
    int64_t start;             /* 100 ns: how far back a first run reaches */
};

/* Where a source goes on. Stored as JSON, sealed; each number only grows. */
struct cursor {
    int64_t since;  /* 100 ns: the watermark, from the source's data; CLOCK_NONE: never asked */
    int64_t closed; /* 100 ns: a second watermark (apps: resolutionDate; mail: before it no blob
                       is expected any more, see mail_list.c) */
    int64_t until;  /* 100 ns: upper bound of the window under way; CLOCK_NONE: none */
    bool started;   /* mail: the subscription is on */
};

/* One request of a round; parse() finds it again in the answer. */
struct source_request {
    struct fetch_request http; /* without Authorization: the worker adds it */
    int call;                  /* index into the source's calls: which quota it uses up */
    bool together;             /* may be under way beside others of its round that say so too */
    struct slice carry;        /* the source's own: what earlier answers of a chain have given;
                                  kept until its answer is done with; those of a round together
                                  may be 40 MiB */
    int step;                  /* the source's own: which call this is */
    struct cursor at;          /* the cursor as this request knows it */
    int64_t skip;              /* the source's own: rows before this page */
    int halved;                /* how often its rows were halved, see source_smaller */
    int64_t from, until;       /* the source's own: the window asked for, 100 ns */
    int64_t seen;              /* the source's own: newest time on earlier pages, or CLOCK_NONE */
};

struct answer {
    const struct source_request *asked;
    const struct source_conf *conf;
    long status;
    struct slice headers;
    struct slice body;
    unsigned tries;    /* how often this very request has failed in this round before */
    struct err failed; /* why there is no answer (status 0, no headers, no body): of fetch_start,
                          "fetch.timeout", "fetch.too_large"; else ERR_OK. See source_status */
};

/* One raw alert or record, byte for byte as the source gave it. */
struct raw_alert {
    struct slice native_id; /* of the record: MDE id, audit record Id, MCAS _id, alert GUID */
    int64_t
        version; /* 100 ns; CLOCK_NONE: the source gives none, the worker sets the time received */
    struct slice payload;
};

enum { SOURCE_REQUESTS_MAX = 400 };

/* What one answer holds. */
struct page {
    struct raw_alert *alerts; /* in the arena */
    size_t n_alerts;
    struct source_request *next; /* further requests of this round */
    size_t n_next;
    struct cursor at; /* to be stored once this page's alerts and all further requests are done */
    struct source_note *notes; /* to be remembered or forgotten with it; in the arena */
    size_t n_notes;
    bool again;      /* more is waiting: begin the next round without a pause */
    struct err warn; /* what an operator should know although the round goes on; ERR_OK: nothing */
};

/* What a raw document is to the store. */
enum source_fate { FATE_ALERT = 0, FATE_IGNORE };
struct source_ident {
    enum source_fate fate;
    const char *reason;     /* FATE_IGNORE: static, dotted: "mail.record_type" */
    struct slice native_id; /* the alert's key: several documents may make up one alert (mail) */
    struct slice part_id;   /* of the document within the alert; NONE: the document is the alert */
    int64_t version;        /* 100 ns; CLOCK_NONE: use the record's */
    /* identity: the same detection comes by another channel, too; what both call its kind. Then
     * FATE_IGNORE means that the other channel's document is the alert and this one adds to it;
     * native_id and reason are given either way. NONE: it comes one way only. */
    struct slice twin;
};

/* How a tenant wants identity data: design.md 7. */
enum identity_channel { IDENTITY_OFF = 0, IDENTITY_APPS, IDENTITY_SYSLOG };

/* One document of an alert, with the time we first received these bytes. */
struct source_document {
    struct slice payload;
    int64_t received; /* 100 ns */
};

/*
 * One quota of a service: what one key (sources.md 2.10, 3.9, 4.8) may ask. The worker paces by it
 * so that it cannot be exceeded, whoever asked for the tenant before, and shows what is left.
 */
struct source_call {
    const char *name;  /* metric label and word in `weir source status`: "alerts", "blob" */
    int per_minute;    /* what the service allows; 0: no such limit */
    int per_hour;      /* 0: no such limit */
    int share_percent; /* how much of it weir uses when `ingest.quota_percent` is 0 */
};

struct hook_kind;    /* hook.h */
struct source_probe; /* probe.h */

struct source {
    const char *name;       /* configuration section, metric label, the word in tables and logs */
    int number;             /* in tables and keys: endpoint 1, mail 2, apps 3, identity 4 */
    const struct opt *opts; /* rows it adds to the configuration; NULL: none */
    bool listens;    /* its alerts come to us: no first; parse gets one frame as answer.body, and
                        answer.asked is NULL */
    bool may_listen; /* its alerts may come to us as well, to a worker with --listen: a tenant whose
                        settings have a port and no base_url. parse then as with `listens` */
    int answer_max_mib;               /* the largest answer that is taken; 0: 64 */
    const struct source_call *calls;  /* ended by a row without a name; NULL: no quota is known */
    const struct hook_kind *hook;     /* it can notify us, see hook.h; NULL: it cannot */
    const struct source_probe *probe; /* what `weir source check` knows of it; NULL: nothing */

    /* first - the requests that continue at a cursor; n written to *out_n, in the arena. */
    struct err (*first)(const struct source_conf *c, const struct cursor *at, struct arena *a,
                        struct source_request **out, size_t *out_n);

    /*
     * parse - one answer: its alerts, further requests, the cursor once those are done.
     * Errors: ERR_RETRY (429, 5xx, a page that is not whole; after_ms when the source named it),
     *         ERR_STOP "<source>.token" (401: the worker gets a new token and asks again once),
     *         "<source>.forbidden" (403: permission; text says which and how to get it),
     *         ERR_REJECT: of this answer nothing can be taken, go on without it.
     */
    struct err (*parse)(const struct answer *got, struct arena *a, struct page *out);

    /* ident - which alert a raw document belongs to. ERR_REJECT: it can never be mapped. */
    struct err (*ident)(struct slice payload, enum identity_channel channel, struct arena *a,
                        struct source_ident *out);

    /*
     * map - all documents of one alert in our words; order does not matter to the result.
     * directory_id is for name-based ids. ERR_REJECT: "<source>.<what>", the alert is dead.
     */
    struct err (*map)(const struct source_document *docs, size_t n, struct slice directory_id,
                      struct arena *a, struct alert *out);
};

/* The table of sources, made from the names ingest/source_*.c; ended by NULL. */
extern const struct source *const sources[];

const struct source *source_by_name(struct slice name); /* NULL: none */
const struct source *source_by_number(int64_t number);  /* NULL: none */

/*
 * source_conf_read - a tenant's settings of one source, as `weir tenant opt-in --settings` took
 * them: {"base_url","token_url","resource","client_id","client_secret","token","publisher_id",
 * "workspace","port","senders","tls","client_ca"}. Texts stay in the arena; conf, now and start are
 * left alone.
 *
 * Errors: ERR_REJECT "settings.source": not an object, an unknown or wrong member, an address that
 *         is not http(s), a source that lacks what it needs; the text names the member.
 */
MUST_CHECK struct err source_conf_read(const struct source *s, struct slice json, struct arena *a,
                                       struct source_conf *out);

/* source_conf_copy - the texts of a tenant's settings copied into the arena. ERR_RETRY
 * "ingest.memory". */
MUST_CHECK struct err source_conf_copy(const struct source_conf *from, struct arena *a,
                                       struct source_conf *out);

/* Helpers that sources share. */

/* source_note - the note of that key as the round began; NULL: there is none. */
const struct source_note *source_note(const struct source_conf *c, struct slice key);

/* source_take - the items of the list member `name` of an answer's top object (NULL: the answer is
 * the list) as raw alerts, byte for byte; native ids and versions are left to the caller. doc and
 * list: the answer, read. Errors: as source_page; ERR_RETRY "source.shape". */
MUST_CHECK struct err source_take(struct slice body, const char *name, struct page *out,
                                  struct arena *a, struct json *doc, struct json *list);
/* source_status - the error that an HTTP status means for every source (401, 403, 408, 429, 5xx),
 * and ERR_RETRY with the code of got->failed when there is no answer;
 * ERR_OK for 200..299 and for what only the source can judge (other 4xx). code must be the
 * source's name. Reads Retry-After. */
MUST_CHECK struct err source_status(const struct answer *got, const char *source);
/* source_too_large - there is no answer because it is larger than the worker takes. */
bool source_too_large(const struct answer *got);
/* source_rows - the rows to ask for: usual, halved as often as the request says; at least 1. */
int64_t source_rows(int64_t usual, const struct source_request *r);
/*
 * source_smaller - what to ask for after an answer that was too large: half the rows, or what
 * stands behind the one row that is too large alone, with a warning in the page.
 *
 * r        in: a copy of the request; out: its halved and skip changed, the rest is the caller's
 * Errors:  ERR_RETRY "fetch.too_large": one row after the other is too large, so that the server
 *          hardly does what it is asked.
 */
MUST_CHECK struct err source_smaller(const struct answer *got, int64_t usual,
                                     struct source_request *r, struct page *out);
/* source_larger - after an answer that was not: twice the rows for the next, up to the usual. */
void source_larger(int64_t usual, struct source_request *r);
/* source_page - json_parse for an answer: what is not JSON is ERR_RETRY, for it may be whole next
 * time. Codes as json_parse. */
MUST_CHECK struct err source_page(struct slice body, struct arena *a, struct json *out);
/* source_time - a member that is a time; CLOCK_NONE when absent or unreadable. */
int64_t source_time(struct json object, const char *name);
/* source_time_ms - a member that is milliseconds since 1970; CLOCK_NONE when absent or no time of
 * the years 1970 to 9999. */
int64_t source_time_ms(struct json object, const char *name);
/* source_word - member's text without white space and NULs at its ends; NONE for null, "" and the
 * literal "null" (sources.md 2.14). */
struct slice source_word(struct json object, const char *name);
/* source_id - as source_word, and an integer as its decimal text: ids come in both types. */
struct slice source_id(struct json object, const char *name, struct arena *a);
/* source_unnamed - a native id for a record that gives none, so that it can be kept as dead:
 * "sha256:" and the hash of its bytes. SLICE_NONE: out of memory. */
struct slice source_unnamed(struct slice payload, struct arena *a);
/* source_shallow - compact JSON text that is not nested so deep that what holds it could not be
 * read again (JSON_DEPTH_MAX). */
bool source_shallow(struct slice json);
/* source_rest - the members of an object that are not in `known` (ended by NULL) and not null or
 * empty, as a JSON object for alert.additional; at most 64, none over 4 KiB or
 * not source_shallow. NONE: there are none. */
struct slice source_rest(struct json object, const char *const *known, struct arena *a);

#endif
