/*
 * plain.h: text for people out of a source's HTML.
 *
 * Descriptions of some alerts are HTML, of some Markdown, of most neither, and nothing in them says
 * which. What is surely markup goes, everything else stays. Ref: sources.md 4.5.
 */
#ifndef WEIR_PLAIN_H
#define WEIR_PLAIN_H
#include "common/arena.h"
#include "common/slice.h"

enum { PLAIN_MAX = 32 * 1024 };

/*
 * plain_text - tags off, character references decoded once, icons' placeholders gone.
 *
 * A tag is an element that HTML knows, or any with an attribute; "<anna@contoso.com>" and "a < b"
 * stay. Elements that break a line become a line end; what stands in script and style goes with
 * them. Markdown stays as it is: it is readable. The result may hold "<" that was "&lt;": it is
 * text, and whoever shows it as HTML has to escape it. Never longer than what was given, which is
 * returned itself when there is nothing to do. Of more than PLAIN_MAX bytes the first are taken: an
 * alert holds half of them.
 *
 * Errors:  SLICE_NONE: out of memory.
 */
struct slice plain_text(struct slice s, struct arena *a);

#endif
