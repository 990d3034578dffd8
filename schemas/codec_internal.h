/*
 * codec_internal.h: schemas and our records, for the files of the codec; nobody else includes it.
 *
 * codec.c knows the schemas and maps their fields to ours, once; codec_frame.c writes and reads
 * frames by that map.
 */
#ifndef WEIR_CODEC_INTERNAL_H
#define WEIR_CODEC_INTERNAL_H
#include <stddef.h>

#include <avro.h>

#include "schemas/codec.h"

enum {
    CODEC_SCHEMAS_MAX = 64, /* of all records and versions together */
    CODEC_FIELDS_MAX = 32,  /* of one record */
};

/* ---- our side: where a field of a struct is, and what it is */

enum codec_kind {
    KIND_END = 0,
    KIND_OID,
    KIND_I32,
    KIND_U32,
    KIND_I64,
    KIND_TEXT,
    KIND_BYTES,
    KIND_STATE
};

struct codec_field {
    enum codec_kind kind;
    const char *name;
    size_t at;
};

struct codec_record {
    const char *name;
    size_t size;
    const struct codec_field *fields; /* a field that a schema lacks becomes 0 or empty */
};

enum { TENANT, RAW, CONTROL, EVENT, INCIDENT, RECORDS };

extern const struct codec_record codec_records[RECORDS];

/* ---- Avro's side */

struct codec_schema {
    int32_t number;
    const struct codec_record *record; /* ours of this name */
    avro_schema_t schema;
    avro_value_iface_t *class;
    avro_value_t value; /* reused by every record */
    size_t n_fields;
    int index[CODEC_FIELDS_MAX]; /* of our field i in this schema; -1: it lacks it */
    int ours[CODEC_FIELDS_MAX];  /* the other way round; -1: not ours */
};

struct codec {
    struct codec_schema schemas[CODEC_SCHEMAS_MAX];
    size_t n;
    const struct codec_schema *write[RECORDS]; /* the newest of each that schemas/index has */
    avro_reader_t reader;
};

/* codec_schema_numbered - NULL: not known. */
struct codec_schema *codec_schema_numbered(struct codec *c, int32_t number);

#endif
