/*
 * line.h: text of bounded length, composed in place.
 *
 * For what must be written even when memory is short: log lines, error answers. What does not fit
 * is not half written: the line is marked full and stays as it was before the call.
 */
#ifndef WEIR_LINE_H
#define WEIR_LINE_H
#include <stdbool.h>
#include <stddef.h>

#include "common/slice.h"

struct line {
    char *p;     /* borrowed; never terminated */
    size_t size; /* of p */
    size_t n;    /* written so far, at most size */
    bool full;   /* something did not fit since this was last set to false */
};

void line_put(struct line *l, struct slice text);
void line_printf(struct line *l, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* line_json - the text as a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
void line_json(struct line *l, struct slice text);

/* line_plain - the text for a terminal, no quotes: control characters, C1 too, as \x1b, bytes that
 * are not UTF-8 become U+FFFD. */
void line_plain(struct line *l, struct slice text);

/* utf8_step - bytes of the character at the start of text (1 to 4); 0: not UTF-8, or no text. */
size_t utf8_step(struct slice text);

#endif
