/*
 * log.h: one line a fact.
 *
 * A line is a JSON object on stdout: ts, level, role, event, then fields with their units in the
 * name. On a terminal the same fields come as text. No payloads, tokens or personal data; a tenant
 * is its oid. Ref: style.md 9.
 *
 *     log_info("ingest.page", LOG_STR("source", name), LOG_INT("alerts", n));
 *     log_err("ingest.refused", &e, LOG_STR("source", name));
 */
#ifndef WEIR_LOG_H
#define WEIR_LOG_H
/* the macros below end their lists by __VA_OPT__, which is newer than C11: no word about that */
#pragma GCC system_header
#include <stdint.h>

#include "common/err.h"
#include "common/oid.h"
#include "common/slice.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log_field {
    const char *name; /* NULL ends the list */
    enum { LOG_FIELD_INT, LOG_FIELD_SLICE, LOG_FIELD_OID } kind;
    int64_t i;
    struct slice s;
    const struct oid *oid;
};

#define LOG_INT(field, value)                                                                      \
    ((struct log_field){.name = (field), .kind = LOG_FIELD_INT, .i = (value)})
#define LOG_STR(field, value)                                                                      \
    ((struct log_field){.name = (field), .kind = LOG_FIELD_SLICE, .s = slice_of(value)})
#define LOG_SLICE(field, value)                                                                    \
    ((struct log_field){.name = (field), .kind = LOG_FIELD_SLICE, .s = (value)})
#define LOG_OID(value) ((struct log_field){.name = "oid", .kind = LOG_FIELD_OID, .oid = (value)})
#define LOG_FIELDS(...) ((const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){.name = NULL}})

#define log_debug(event, ...) log_write(LOG_DEBUG, event, NULL, LOG_FIELDS(__VA_ARGS__))
#define log_info(event, ...) log_write(LOG_INFO, event, NULL, LOG_FIELDS(__VA_ARGS__))
#define log_warn(event, ...) log_write(LOG_WARN, event, NULL, LOG_FIELDS(__VA_ARGS__))
/* with the error's code and text; ERR_RETRY is a warning, the others are errors */
#define log_err(event, e, ...) log_write(LOG_ERROR, event, e, LOG_FIELDS(__VA_ARGS__))

/* log_setup - role names the process in every line (static); least is the lowest level written.
 * Before it, lines go out with role "weir" from LOG_INFO on. cli_main has called it with the
 * configured level when a command runs. */
void log_setup(const char *role, enum log_level least);

/* log_output - the descriptor that lines go to from now on; stdout at first. For commands whose
 * stdout is data. */
void log_output(int fd);

/* log_write - use the macros above. e may be NULL. A line that nobody reads is lost and counted
 * (weir_log_lines_total{level="lost"}); it neither blocks nor ends the process. errno is kept.
 * Thread: the loop's. */
void log_write(enum log_level level, const char *event, const struct err *e,
               const struct log_field *fields);

#endif
