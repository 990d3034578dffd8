/*
 * ingest.h: the worker of one source in one region: what its parts share.
 *
 * ingest.c follows the control topic and knows which tenants are on; poll.c asks for one tenant;
 * listen.c takes lines for one tenant; out.c sends what they found to Kafka and says when it is
 * confirmed. Ref: design.md 5.
 */
#ifndef WEIR_INGEST_H
#define WEIR_INGEST_H
#include "common/bus.h"
#include "common/cli.h"
#include "common/fetch.h"
#include "common/health.h"
#include "common/loop.h"
#include "common/oid.h"
#include "common/seal.h"
#include "ingest/source.h"
#include "schemas/codec.h"
#include "schemas/topics.h"
#include "store/db.h"

extern const struct opt ingest_opts[];
extern const struct cli_command run_ingest_command;

struct answers;
struct out_shared;
struct listen_shared;

/* What every tenant of the worker uses; all borrowed, they outlive the tenants. */
struct ingest {
    struct loop *loop;
    const struct conf *conf;
    const struct source *source;
    struct bus_producer *producer;
    struct db *db; /* of the region */
    struct fetch *fetch;
    struct seal *seal;
    struct codec *codec;
    struct out_shared *shared;    /* see out.h */
    struct answers *answers;      /* see answers.h */
    struct listen_shared *listen; /* see listen.h; NULL: the source is asked */
    struct topic_name topic;      /* weir.R.alerts */
};

/* One tenant epoch, as the control topic named it. */
struct ingest_tenant {
    struct oid oid;
    int32_t epoch;
    int64_t settings_version;
    bool at_once; /* somebody waits for the first answer: a new tenant, or new settings */
};

/* A poller or listener says once that its tenant cannot go on: its schema is gone (db.undefined).
 */
typedef void ingest_gone(void *arg, const struct oid *oid);

#endif
