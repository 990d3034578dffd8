/*
 * err.h: errors are values.
 *
 * The kind answers the only question a pipeline has: again, not this one, or stop? Zero is
 * success. Reporting never allocates. Whoever decides what to do logs; on the way up only return.
 */
#ifndef WEIR_ERR_H
#define WEIR_ERR_H
#include <stdint.h>

enum err_kind {
    ERR_NONE = 0,
    ERR_RETRY,  /* the world is busy: same call again, later */
    ERR_REJECT, /* this record is wrong: dead-letter it, go on with the next */
    ERR_STOP,   /* this process cannot go on: log, close, exit */
};

struct err {
    enum err_kind kind;
    const char *code; /* static, dotted, stable: "fetch.status"; log key and metric label */
    int64_t after_ms; /* ERR_RETRY only: earliest useful retry; 0 leaves it to our backoff */
    char text[160];   /* for people: never parsed, never a secret */
};

#define MUST_CHECK __attribute__((warn_unused_result))
#define ERR_OK ((struct err){.kind = ERR_NONE})

/* err_make - text is cut to fit and always terminated; code must be static. Thread: any. */
MUST_CHECK struct err err_make(enum err_kind kind, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* err_retry - as err_make with ERR_RETRY, not to be tried again before after_ms. */
MUST_CHECK struct err err_retry(int64_t after_ms, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
