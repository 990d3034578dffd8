/*
 * conf_file.h: the YAML of a configuration file as a flat list of dotted names.
 *
 * Mappings inside mappings become dots: `ingest: {poll_s: 5}` is ingest.poll_s, as is the flat
 * `ingest.poll_s: 5`. Lists, aliases and second documents have no meaning here and are errors.
 */
#ifndef WEIR_CONF_FILE_H
#define WEIR_CONF_FILE_H
#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "common/slice.h"

enum {
    CONF_FILE_MAX = 256 * 1024, /* bytes */
    CONF_FILE_DEPTH_MAX = 8,    /* mappings inside each other */
    CONF_FILE_KEYS_MAX = 4096,
    CONF_FILE_NAME_MAX = 128, /* bytes of a dotted name */
};

struct conf_entry {
    const char *name;    /* dotted; lives during the visit */
    const char *value;   /* lives during the visit; NULL: nothing stands after the colon */
    size_t line, column; /* of the name, from 1 */
    size_t value_line, value_column;
};

/*
 * conf_file_each - visit every name of a YAML text in its order.
 *
 * label    names the file in errors
 * visit    may refuse: its error ends the reading and is returned
 *
 * Owns:    nothing.
 * Errors:  ERR_STOP "conf.yaml": grammar, limits, a name twice; the text says where.
 * Thread:  any.
 */
MUST_CHECK struct err conf_file_each(const char *label, struct slice text,
                                     struct err (*visit)(void *ctx, const struct conf_entry *e),
                                     void *ctx);

#endif
