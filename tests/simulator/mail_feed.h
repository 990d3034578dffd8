/*
 * mail_feed.h: what the Management Activity API knows of one tenant.
 *
 * Its subscriptions, how its records become blobs, and the marks that it hands out: names of blobs
 * and of pages. No socket and no clock here: the time is an argument. Ref: sources.md 3.
 */
#ifndef SIM_MAIL_FEED_H
#define SIM_MAIL_FEED_H
#include "tests/simulator/plan.h"

#define MAIL_HOUR (3600 * CLOCK_SECOND)
#define MAIL_DAY (24 * MAIL_HOUR)

enum { MAIL_TYPES = 5, MAIL_OFF_MAX = 16, MAIL_PAGE_BLOBS = 4, MAIL_HOOK_TRIES = 5 };
extern const char *const mail_types[MAIL_TYPES]; /* content types; records are in the first */

/* How the service behaves; all zero: as it mostly does. Members of the scenario's "mail". */
struct mail_traits {
    int64_t cut;          /* 1: another start of a window gives other blobs */
    int64_t plain_hook;   /* 1: a webhook's address may begin with http */
    int64_t page_life_s;  /* until the name of a page ends; 0: it does not */
    int64_t revive_s;     /* after a stop, no start for so long */
    int64_t hook_gap_ms;  /* before a notification is tried again, doubling; 0: 1000 */
    int64_t filler_bytes; /* unrelated records beside those of a blob */
    int64_t filler_every; /* only in every n-th blob; 0: in none */
    int64_t stop_ms;      /* since the start: an administrator stops it once; 0: never */
    int64_t audit_off_ms; /* until then there is no audit log: every call fails */
    int64_t blob_records; /* made up: at most so many in a blob; 0: 6 */
};

enum mail_hook_status { MAIL_HOOK_NONE, MAIL_HOOK_ENABLED, MAIL_HOOK_DISABLED, MAIL_HOOK_EXPIRED };

struct mail_hook {
    enum mail_hook_status status;
    char address[512], auth_id[256], expiration[40];
    int64_t expires; /* 100 ns; CLOCK_NONE: never */
    int64_t since;   /* 100 ns: older blobs are not told */
    int failures;    /* in a row */
    int64_t next_try;
};

struct mail_subscription {
    bool known, on;
    int64_t stopped; /* 100 ns: when last; CLOCK_NONE: never */
    struct mail_hook hook;
};

struct mail_feed {
    struct slice tenant; /* directory id */
    struct mail_traits traits;
    struct mail_subscription subs[MAIL_TYPES];
    struct {
        int64_t from, until;
    } off[MAIL_OFF_MAX]; /* of the first type: what came then is available when it is over */
    size_t n_off;
    uint64_t refused; /* takes turns between 403 and 429 */
    uint64_t pages;   /* sent so far: the header's spelling changes with it */
    int64_t *told;    /* per blob, 100 ns: when its notification succeeded; CLOCK_NONE: not yet */
    size_t told_room; /* length of told */
    bool telling;     /* a notification is under way */
    size_t tell[20];  /* the blobs in it */
    size_t n_tell;
};

/* A refused call: the answer's status, AF code and text. code NULL: it is not refused. */
struct mail_refusal {
    int status;
    const char *code, *text;
};

void mail_feed_init(struct mail_feed *f, struct slice tenant);

/* mail_type - index into mail_types, any letter case; MAIL_TYPES: none of them. */
size_t mail_type(struct slice name);

/* ---- subscriptions */

/* mail_start_check - whether `start` may go on: AF20024 when it would change nothing, AF20023 too
 * soon after a stop. hook NULL: the call names none. */
struct mail_refusal mail_start_check(const struct mail_feed *f, size_t type,
                                     const struct mail_hook *hook, int64_t now);
void mail_start(struct mail_feed *f, size_t type, const struct mail_hook *hook, int64_t now);
void mail_stop(struct mail_feed *f, size_t type, int64_t now);
/* mail_content_check - AF20022: never started; AF20023: stopped. */
struct mail_refusal mail_content_check(const struct mail_feed *f, size_t type);
/* mail_hook_look - a hook whose time is over becomes expired. */
void mail_hook_look(struct mail_hook *hook, int64_t now);
const char *mail_hook_word(const struct mail_hook *hook); /* "enabled", "disabled", "expired" */

/* ---- windows */

struct mail_window {
    int64_t from, to; /* 100 ns; from <= contentCreated < to */
};

/* mail_window - the two times of a request; both or none, in the three forms with or without Z, at
 * most a day apart, the start within 7 days and an hour. */
struct mail_refusal mail_window(struct slice from, struct slice to, int64_t now,
                                struct mail_window *out);

/* ---- blobs */

/* What became available together. */
struct mail_atom {
    size_t number;   /* its `blob` in the plan; 0: not yet available */
    int64_t created; /* 100 ns: when it became available, as the service says */
    size_t n;        /* records */
};

/* A blob as one window shows it: an atom, half of it, or two. */
struct mail_blob {
    const struct mail_atom *a, *b; /* b NULL: one atom */
    int part;                      /* 0 all of it, 1 and 2 its halves */
    int64_t created;
};

/* mail_atoms - by number, from 1; [0] is not used. n is plan.blobs + 1. NULL: out of memory. */
struct mail_atom *mail_atoms(const struct mail_feed *f, const struct plan *p, int64_t now,
                             struct arena *a, size_t *n);

/* mail_list - the blobs of a window in order of availability. NULL: out of memory. */
struct mail_blob *mail_list(const struct mail_feed *f, const struct mail_window *w,
                            struct mail_atom *atoms, size_t n_atoms, struct arena *a, size_t *n);

/* mail_blob_id - contentId, in one of the three forms that were seen. SLICE_NONE: out of memory. */
struct slice mail_blob_id(const struct mail_feed *f, const struct mail_blob *b, struct arena *a);

/* mail_blob_find - the blob of that id: AF20052 when it is none, AF20050 when there is no such
 * blob, AF20051 when it is older than 7 days. */
struct mail_refusal mail_blob_find(const struct mail_feed *f, struct slice id,
                                   const struct mail_atom *atoms, size_t n_atoms, int64_t now,
                                   struct arena *a, struct mail_blob *out);

/* mail_blob_records - its deliveries, in no special order when the feed cuts. NULL: no memory. */
struct delivery **mail_blob_records(const struct mail_feed *f, const struct plan *p,
                                    const struct mail_blob *b, struct arena *a, size_t *n);

/* mail_filler - unrelated records for this blob, each with a comma in front; empty when it gets
 * none. SLICE_NONE: out of memory. */
struct slice mail_filler(const struct mail_feed *f, const struct mail_blob *b, struct arena *a);

/* ---- pages */

/* mail_page_name - nextPage: good for this window, until page_life is over. */
struct slice mail_page_name(const struct mail_feed *f, const struct mail_window *w, size_t page,
                            int64_t now, struct arena *a);
/* mail_page_find - AF20031: not one of ours, of another window, or over. */
struct mail_refusal mail_page_find(const struct mail_feed *f, const struct mail_window *w,
                                   struct slice name, int64_t now, size_t *page);

#endif
