/*
 * plan.h: what the simulator will give out, in which order and when.
 *
 * A delivery is one payload, byte for byte as its service serves it. The list is complete before
 * the first one is released, so that a test knows what to expect.
 */
#ifndef SIM_PLAN_H
#define SIM_PLAN_H
#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/json.h"
#include "common/slice.h"

enum sim_source { SIM_ENDPOINT, SIM_MAIL, SIM_APPS, SIM_IDENTITY, SIM_SOURCES };
extern const char *const sim_source_names[SIM_SOURCES];

/* How an identity line travels. */
enum sim_transport { SIM_LF, SIM_COUNTED, SIM_UDP, SIM_TRANSPORTS };

struct delivery {
    size_t n; /* its place in the plan, from 1 */
    enum sim_source source;
    enum sim_transport transport;
    size_t sensor; /* identity: which sensor's connection */
    struct slice payload;
    struct json row; /* the payload parsed; absent for lines, mail, frugal plans: plan_row */
    struct slice native_id, alert_id;
    int64_t version;     /* 100 ns; CLOCK_NONE: the source gives none */
    struct slice expect; /* stored, unchanged, dead, ignored, any */
    struct slice truth;  /* main, other-1 ...; NONE: not an alert of the story */
    size_t repeat_of;    /* n of the delivery with these bytes; 0: none */
    size_t replaces;     /* n of the earlier version that this one takes the place of; 0: none */
    size_t blob;         /* mail: number of its blob, from 1 */
    int64_t late;        /* 100 ns; mail: its blob says that it came so much earlier */
    int64_t planned;     /* 100 ns: when it is to be released */
    int64_t released;    /* 100 ns: when it was; CLOCK_NONE: not yet */
    bool hasty;          /* takes the place of `replaces` even if nobody has seen that */
    size_t heir;         /* n of the version that took its place; 0: none has */
    bool hidden;         /* a newer version took its place */
    struct slice
        related;       /* endpoint: evidence that lists do not show (2019); NONE: the payload's */
    uint64_t served;   /* how often a client was given it; identity: written */
    int64_t served_ms; /* when last, by clock_mono_ms */
};

struct plan {
    struct arena *arena; /* owns everything; lives as long as the program */
    struct delivery *items;
    size_t n, capacity;
    size_t blobs;
    size_t n_released;
    size_t n_skipped; /* records of the data folder that no service here serves */
    int64_t started;  /* 100 ns; CLOCK_NONE: held back */
    int64_t next_due; /* 100 ns: nothing is due before */
    bool mute;        /* there is no listener: lines are planned, never written */
    bool frugal;      /* rows are parsed when they are needed, see plan_row */
};

/* plan_add - a copy of d at the end, n set; payload and texts are borrowed. NULL: out of memory. */
struct delivery *plan_add(struct plan *p, const struct delivery *d);

/*
 * plan_name - fills row, native_id, alert_id and version from the payload, as design.md 5 names an
 * alert: MDE id and lastUpdateTime; audit record Id, AlertId (or that of an investigation's Data)
 * and CreationTime; MCAS _id; the GUID of an identity line, or "line:" and 32 hex of its SHA-256.
 * What is not there stays absent. ERR_RETRY "plan.memory".
 */
MUST_CHECK struct err plan_name(struct plan *p, struct delivery *d);

/* plan_row - the payload parsed: as kept, or (frugal plans) anew in the arena. */
struct json plan_row(const struct plan *p, const struct delivery *d, struct arena *a);

/* plan_shows - a client that asks now may be given it. */
bool plan_shows(const struct delivery *d, enum sim_source source);

/* plan_line - one delivery as JSON text, as in deliveries.jsonl. */
struct slice plan_line(const struct delivery *d, struct arena *a);

/* plan_write - DIR/deliveries.jsonl, whole or not at all. ERR_STOP "plan.write". */
MUST_CHECK struct err plan_write(const struct plan *p, const char *dir);

/*
 * plan_release - releases what is due at `now`; returns how many were.
 *
 * A version that replaces an earlier one waits until that was served once: a real service changes
 * a row days later, never before anybody could see it. One that is hasty does not wait.
 */
size_t plan_release(struct plan *p, int64_t now);

/* plan_replace - a new version of what shows as `old`, released now. NULL: out of memory. */
struct delivery *plan_replace(struct plan *p, struct delivery *old, struct slice payload,
                              int64_t now);

/* plan_serve - a client was given it. */
void plan_serve(struct delivery *d);

/* plan_done - all released, and each that shows served or (unless mute) written at least once. */
bool plan_done(const struct plan *p);

/* sim_write_file - DIR/name by way of a temporary name. ERR_STOP "sim.write". */
MUST_CHECK struct err sim_write_file(const char *dir, const char *name, struct slice content);

#endif
