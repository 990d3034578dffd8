/*
 * codec.h: records to bytes and back.
 *
 * Every Kafka value is an Avro record in a Confluent frame: byte 0, the schema's number big-endian
 * (schemas/index), the record. A value is decoded with the schema it was written with and mapped
 * to the struct by field name; a field it lacks gets our default (libraries.md 5.3). avro-c shows
 * only in codec*.c. Slices of a decoded record live in the arena.
 */
#ifndef WEIR_CODEC_H
#define WEIR_CODEC_H
#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/err.h"
#include "common/oid.h"
#include "common/slice.h"

struct codec; /* opaque: parsed schemas, reused values; one a process, used on one thread */

/* bytes of a frame; larger ones are refused both ways */
enum { CODEC_VALUE_MAX = 8 * 1024 * 1024 };

MUST_CHECK struct err codec_new(struct codec **out); /* ERR_STOP "codec.schema" */
void codec_free(struct codec *c);

enum tenant_state {
    TENANT_NONE = 0,
    TENANT_PROVISIONING,
    TENANT_ACTIVE,
    TENANT_SUSPENDED,
    TENANT_PURGING,
    TENANT_PURGED
};
const char *tenant_state_word(enum tenant_state s); /* "active" */
enum tenant_state tenant_state_of(struct slice word);

/* weir.R.control: who is on. schemas/tenant_state.avsc */
struct tenant_record {
    struct oid oid;
    int32_t epoch;
    enum tenant_state state;
    int32_t shard;
    uint32_t sources;         /* bit source->number: on */
    int32_t identity_channel; /* enum identity_channel */
    int64_t settings_version; /* raised by each change of settings or credentials */
};

/* weir.R.alerts, kind 1: one version of one alert. schemas/raw_alert.avsc */
struct raw_record {
    struct oid oid;
    int32_t epoch;
    struct slice source;    /* name */
    struct slice native_id; /* of the record */
    int64_t version;        /* 100 ns: the source's update time, else received */
    int64_t received;       /* 100 ns: when these bytes came first */
    struct slice payload;   /* sealed (common/seal) */
};

/* weir.R.alerts, kind 2: people's decisions, at their place in the log. schemas/control_event.avsc
 */
struct control_record {
    struct oid oid;
    int32_t epoch;
    struct slice id;   /* GUID of the request, so that it is applied once */
    struct slice kind; /* update, merge, move, split, free, parameters: schemas/decision.h */
    int64_t incident_id;
    int64_t time;
    struct slice by;      /* sealed */
    struct slice payload; /* sealed JSON */
};

/* weir.R.incidents: no content. schemas/incident_event.avsc */
struct event_record {
    struct oid oid;
    int32_t epoch;
    int64_t incident_id, version;
    struct slice kind;             /* created, updated, merged, closed, reopened, split */
    struct slice severity, status; /* Graph words */
    int32_t alerts, users, devices, sources;
    int64_t created, updated, first_activity, last_activity; /* 100 ns */
    int64_t merged_into;                                     /* 0: not merged */
    struct slice link;                                       /* path of the incident in the API */
};

/* weir.R.incidents.<oid>: full incident. schemas/incident.avsc; sealed is the Graph JSON. */
struct incident_record {
    struct oid oid;
    int32_t epoch;
    int64_t incident_id, version;
    struct slice sealed;
};

/* Encoders: a framed value in the arena. An absent slice is written as an empty one, and comes back
 * as such. ERR_REJECT "codec.too_large", ERR_RETRY "codec.memory". */
MUST_CHECK struct err codec_tenant(struct codec *c, const struct tenant_record *r, struct arena *a,
                                   struct slice *out);
MUST_CHECK struct err codec_raw(struct codec *c, const struct raw_record *r, struct arena *a,
                                struct slice *out);
MUST_CHECK struct err codec_control(struct codec *c, const struct control_record *r,
                                    struct arena *a, struct slice *out);
MUST_CHECK struct err codec_event(struct codec *c, const struct event_record *r, struct arena *a,
                                  struct slice *out);
MUST_CHECK struct err codec_incident(struct codec *c, const struct incident_record *r,
                                     struct arena *a, struct slice *out);

/* codec_schema - the name of the schema a frame was written with ("raw_alert"); NULL: no frame, or
 * a number that schemas/index does not have. */
const char *codec_schema(struct codec *c, struct slice frame);

/* Decoders. ERR_REJECT "codec.frame", "codec.record": not such a record; ERR_RETRY "codec.memory":
 * the arena is full. Nothing is written then. */
MUST_CHECK struct err codec_tenant_read(struct codec *c, struct slice frame, struct arena *a,
                                        struct tenant_record *out);
MUST_CHECK struct err codec_raw_read(struct codec *c, struct slice frame, struct arena *a,
                                     struct raw_record *out);
MUST_CHECK struct err codec_control_read(struct codec *c, struct slice frame, struct arena *a,
                                         struct control_record *out);
MUST_CHECK struct err codec_event_read(struct codec *c, struct slice frame, struct arena *a,
                                       struct event_record *out);
MUST_CHECK struct err codec_incident_read(struct codec *c, struct slice frame, struct arena *a,
                                          struct incident_record *out);

/* codec_schema_add - also read frames of a schema that another release writes: a flat record of a
 * name we know. text is Avro JSON; it is not kept. ERR_STOP "codec.schema". */
MUST_CHECK struct err codec_schema_add(struct codec *c, int32_t number, const char *text);

/* codec_schema_text - the .avsc of a number as it was written; NULL: none. For the registry paths.
 */
const char *codec_schema_text(int32_t number);

#endif
