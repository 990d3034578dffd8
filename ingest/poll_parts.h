/*
 * poll_parts.h: what poll.c (a tenant's rounds) and poll_request.c (the requests of one round)
 * share. Internal to the two.
 *
 * A round is a list of requests that grows while it is worked off. A request that is under way has
 * a slot: its token, its answer, its page until Kafka's queue has taken all of it. Most requests
 * run alone; those that a source marks `together` run beside each other, up to
 * ingest.concurrency.
 */
#ifndef WEIR_POLL_PARTS_H
#define WEIR_POLL_PARTS_H
#include "ingest/answers.h"
#include "ingest/limit.h"
#include "ingest/notes.h"
#include "ingest/out.h"
#include "ingest/poll.h"
#include "ingest/state.h"
#include "ingest/token.h"

enum slot_state {
    SLOT_FREE = 0,
    SLOT_AGAIN,   /* to be asked once more */
    SLOT_ROOM,    /* waits for memory */
    SLOT_TOKEN,   /* waits for a token */
    SLOT_ASKED,   /* waits for the answer */
    SLOT_SENDING, /* its page goes to Kafka */
};

struct slot {
    struct poll *poll;
    enum slot_state state;
    size_t at; /* of its request in the round */
    struct answers_want room;
    struct token_want want;
    unsigned token;      /* serial of the one that was sent */
    struct arena *arena; /* of the answer and the page; NULL: none */
    struct page page;
    size_t page_at;   /* alerts before it were sent */
    bool asked_again; /* it was refused with 401 once */
    unsigned tries;   /* how often it failed */
    size_t need;      /* bytes that its answer wants; 0: not known */
};

/* The requests of one round; all in its arena. */
struct round {
    struct arena *arena; /* NULL: no round is under way */
    struct source_request *queue;
    size_t n_queue, next, capacity; /* before next: begun */
    size_t carried;                 /* bytes that requests carry which are not done */
    struct slot *slots;
    size_t n_slots, busy;      /* slots that are not free */
    struct source_note *notes; /* that pages said, in that order */
    size_t n_notes, notes_capacity;
    struct cursor at; /* what it will store */
    bool again;       /* the source has more: no pause after this round */
    size_t sent;      /* raw alerts */
    int64_t newest;   /* the greatest version sent; CLOCK_NONE: none */
};

/* What people are told; see store/source_status.h. */
struct status {
    struct source_status_row row; /* its texts are elsewhere */
    struct err trouble;           /* ERR_OK: all is well */
    bool begun;                   /* row is as it was stored, and what came since */
    bool was_bad;                 /* the stored row tells of a trouble */
    bool urgent, saving;
    int64_t saved_ms; /* monotonic: a change is told at once, new alerts once a minute, that nothing
                         happens every five */
    int64_t saved_alerts;
};

enum phase {
    PHASE_LOADING, /* settings and cursor come, or a wait for another try */
    PHASE_ASLEEP,  /* its alerts come another way: nothing is asked */
    PHASE_IDLE,    /* the timer begins the next round */
    PHASE_ROUND,
    PHASE_SAVING,
};

struct poll {
    const struct ingest *env;
    struct ingest_tenant tenant;
    ingest_gone *gone;
    void *arg;
    enum phase phase;
    struct arena *settings; /* texts of conf */
    struct arena *loading;  /* of a load under way */
    struct source_conf conf;
    int64_t ahead_s;  /* the source's clock before ours, when that matters */
    bool clock_known; /* the source has told its time */
    struct token *token;
    struct out *out;
    struct limit *limits; /* one a call of the source; NULL: no quota is known */
    struct state_load load;
    struct cursor stored; /* as the database has it */
    struct notes notes;   /* the same */
    struct notes next_notes;
    struct round round;
    struct status status;
    size_t usual; /* bytes that the last answer with alerts took; 0: none came yet */
    bool began;   /* a round was begun, or its time was set */
    bool first;   /* the status is being stored for the first time, before the first request */
    bool waiting_room;
    bool one_by_one;     /* Kafka refused one of a round for good: which? */
    struct err failed;   /* this round: why a record was not confirmed */
    unsigned tries;      /* failed rounds in a row */
    int64_t news_ms;     /* monotonic: the source's last word that there is news */
    int64_t round_ms;    /* ... and the begin of the last round */
    const char *trouble; /* code that was logged last; NULL: all is well */
    uv_timer_t timer;
    unsigned busy; /* answers of the database that will come */
    bool closing, timer_closed;
};

/* ---- poll.c */

/* poll_step - what is next? Every callback ends here. */
void poll_step(struct poll *p);

/* poll_pause - go on in a while: as e asks, else by the number of tries. A wait under way is only
 * made longer. */
void poll_pause(struct poll *p, struct err e, unsigned tries);

/* poll_lose - the round is lost: after a wait it begins again from the stored cursor. */
void poll_lose(struct poll *p, struct err e);

/* poll_waits - the timer will go on. */
bool poll_waits(const struct poll *p);

/* poll_wait - step again in ms; a wait under way is only made longer. */
void poll_wait(struct poll *p, int64_t ms);

/* poll_hide - no secret of the tenant in a text that will be shown, whatever a service said. */
void poll_hide(const struct poll *p, struct err *e);

/* poll_status_saved - the status was stored, or not. */
void poll_status_saved(struct poll *p, struct err e);

/* ---- poll_status.c: nothing here holds up a round */

void status_begin(struct poll *p); /* from what was loaded; harmless when called twice */
/* status_first - nobody asked for this tenant before: that somebody will is being stored, and
 * poll_status_saved tells when it is. */
bool status_first(struct poll *p);
void status_asked(struct poll *p); /* one more request */
void status_trouble(struct poll *p, const struct err *e);
void status_well(struct poll *p, size_t alerts, int64_t newest); /* a round ended well */
void status_tell(struct poll *p);                                /* store it, if it is time to */

/* ---- poll_request.c */

/* round_begin - the round's first requests. ERR_RETRY "ingest.memory", "ingest.round", those of the
 * source's first(). */
MUST_CHECK struct err round_begin(struct poll *p);

/* round_forget - what is under way ends, and all memory is given back: a worker has 1,000 tenants.
 */
void round_forget(struct poll *p);

/* round_send - the pages that have come, to Kafka. False: on_room goes on, or on_idle
 * when each one is sent alone. */
bool round_send(struct poll *p);

/* round_rejected - a raw alert is left out for good: counted, and the log says why. */
void round_rejected(const struct poll *p, struct err e);

/* round_ask - begin as many requests as may be. False: the round was lost meanwhile. */
bool round_ask(struct poll *p);

/* round_done - every request was answered, and every page sent. */
bool round_done(const struct poll *p);

#endif
