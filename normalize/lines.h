/*
 * lines.h: a text file line by line, in bounded memory.
 */
#ifndef WEIR_LINES_H
#define WEIR_LINES_H
#include <stdio.h>

#include "common/err.h"
#include "common/slice.h"

enum { LINES_BYTES_MAX = 64 << 20 }; /* of one line */

struct lines {
    FILE *in;         /* borrowed */
    const char *what; /* "standard input", "truth.jsonl": for error texts; borrowed */
    char *buf;
    size_t cap, from, to; /* what is in buf and not given out lies between */
    size_t number;        /* of the last line */
    bool end;             /* nothing is left in the file */
};

void lines_init(struct lines *l, FILE *in, const char *what);
void lines_fini(struct lines *l); /* the file stays open */

/*
 * lines_next - the next line that is not blank, white space at both ends taken off.
 *
 * out      borrowed until the next call; SLICE_NONE: the file is at its end
 * Errors:  ERR_REJECT "lines.long": over LINES_BYTES_MAX; ERR_STOP "lines.read"; ERR_RETRY
 *          "lines.memory".
 */
MUST_CHECK struct err lines_next(struct lines *l, struct slice *out);

/* lines_at - the error, with the file's name and the number of the last line in front. */
struct err lines_at(const struct lines *l, struct err e);

#endif
