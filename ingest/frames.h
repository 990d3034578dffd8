/*
 * frames.h: a stream of bytes to lines of syslog.
 *
 * Senders over TCP either end a line with LF (a CR before it is dropped) or put its length in
 * front (octet counting); each line may be either. Pure. Ref: sources.md 5.2, RFC 6587 3.4.
 */
#ifndef WEIR_FRAMES_H
#define WEIR_FRAMES_H
#include "common/slice.h"

enum { FRAMES_LINE_MAX = 64 * 1024 };

enum frames_found { FRAMES_MORE, FRAMES_LINE, FRAMES_TOO_LONG };

/*
 * frames_next - the next line of what has been received.
 *
 * data   what was received and not yet used
 * line   FRAMES_LINE: the line without its end or length, borrowed from data; may be empty
 * used   bytes of data that are done with, line included
 *
 * FRAMES_MORE: no whole line yet (used is 0). FRAMES_TOO_LONG: it is over FRAMES_LINE_MAX; used
 * tells how much of it to drop; what follows starts a new line.
 */
enum frames_found frames_next(struct slice data, struct slice *line, size_t *used);

#endif
