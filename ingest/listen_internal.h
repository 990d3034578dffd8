/*
 * listen_internal.h: what the files of the listener share.
 *
 * listen.c has a tenant's sockets and their life, listen_connection.c what comes over one of them,
 * listen_status.c what people are told of it.
 */
#ifndef WEIR_LISTEN_INTERNAL_H
#define WEIR_LISTEN_INTERNAL_H
#include "common/tls.h"
#include "ingest/feed.h"
#include "ingest/frames.h"
#include "ingest/listen.h"
#include "ingest/state.h"

enum {
    LISTEN_READ_MAX = FRAMES_LINE_MAX + 16,
    LISTEN_CONNECTIONS_MAX = 64,  /* of a tenant */
    LISTEN_SILENT_MS = 60 * 1000, /* then a connection may have to go for a new one */
};

struct connection {
    uv_tcp_t tcp;
    struct listener *listener;
    struct connection *next;
    struct tls *tls;        /* NULL: plain */
    uint64_t handshake_end; /* uv_now: until then the handshake has to be done */
    uint64_t heard;         /* uv_now: when its last bytes came */
    int64_t mark;           /* of its last line: see feed_safe */
    size_t n;               /* bytes in data that are not used yet */
    size_t skipped;         /* bytes of a line that was too long; 0: no such line is under way */
    bool ended;             /* nothing more will be read */
    bool taken;             /* and the last line was taken: it closes when that is on disk */
    bool cut;               /* it ended in the middle of TLS */
    bool closed;
    char data[LISTEN_READ_MAX];
};

/* What people are told; see store/source_status.h. succeeded: the last line was taken. */
struct listener_status {
    struct source_status_row row; /* its texts are elsewhere */
    struct err trouble;           /* ERR_OK: it listens */
    uv_timer_t timer;
    bool begun;  /* row is as it was stored, and what came since */
    bool urgent; /* not to wait for the timer */
    bool saving;
};

struct listener {
    const struct ingest *env;
    struct ingest_tenant tenant;
    ingest_gone *gone;
    void *arg;
    struct listener *next; /* in listen_shared */
    struct arena *settings;
    struct source_conf conf;
    struct state_load load;
    struct arena *line; /* one line */
    struct feed *feed;
    struct tls_server *tls; /* NULL: sensors come without */
    uv_udp_t udp;           /* not with TLS */
    uv_tcp_t tcp;
    uv_timer_t retry, tick; /* tick: while handshakes are under way */
    struct listener_status status;
    struct connection *connections;
    size_t n_connections;
    unsigned open; /* handles not yet closed, connections' included */
    unsigned busy; /* answers of the database that will come */
    unsigned tries;
    const char *told;      /* code of the trouble that was logged; NULL: none */
    uint64_t refusal_told; /* uv_now of the last refusal that was logged; 0: none */
    bool listening, udp_open, full, closing;
    char bytes[FRAMES_LINE_MAX]; /* a datagram, or what TLS came with: used up at once */
};

/* listen_take - one line. False: there is no room, the line was not taken; listener_full follows
 * from the caller. */
bool listen_take(struct listener *l, struct slice line);
void listen_reject(struct listener *l, const char *reason); /* counts */
/* listen_refuse - counts, and says who was refused and why, once a minute at most. */
void listen_refuse(struct listener *l, struct err why, const char *address);
/* listen_fill_up - no more room: connections are not read until feed's room. */
void listen_fill_up(struct listener *l);

/* connection_new - takes the next one of the server's queue; counts and closes it when it is not
 * welcome. */
void connection_new(struct listener *l);
/* connection_go_on - there is room again. */
void connection_go_on(struct connection *c);
/* connection_synced - closes one whose last line is on disk. */
void connection_synced(struct connection *c);
/* connection_slow - closes one whose handshake takes too long; true: one is still under way. */
bool connection_slow(struct connection *c, uint64_t now);
void connection_stop(struct connection *c); /* reads no more for now */
void connection_close(struct connection *c);

/* listener_handle_closed - one of the listener's handles is gone. */
void listener_handle_closed(struct listener *l);
/* listener_answered - an answer of the database has come. */
void listener_answered(struct listener *l);
/* listener_peer_welcome - whether the address may send. */
bool listener_peer_welcome(const struct listener *l, const char *address);

/* ---- listen_status.c: nothing here holds up a line */

/* listener_status_loaded - the listener is of a tenant that has a port; harmless when called twice.
 */
void listener_status_loaded(struct listener *l);
/* listener_status_now - ERR_OK: it listens; else why it does not. */
void listener_status_now(struct listener *l, struct err e);
/* listener_status_taken - one more alert; version 100 ns or CLOCK_NONE. */
void listener_status_taken(struct listener *l, int64_t version, int64_t now);

#endif
