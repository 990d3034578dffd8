/*
 * compose.h: JSON as services write it.
 *
 * Members in the order they are given, twice if given twice, texts with whatever is in them: what
 * a JSON library would not write. Memory is the arena's; once it is full nothing more is added and
 * compose_end gives SLICE_NONE.
 */
#ifndef SIM_COMPOSE_H
#define SIM_COMPOSE_H
#include "common/arena.h"
#include "common/slice.h"

struct compose {
    struct arena *arena;
    char *p;
    size_t n, room;
};

struct compose compose_begin(struct arena *a);

/* compose_raw - as it stands, like printf. */
void compose_raw(struct compose *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* compose_name - a comma unless something just opened, then the member's name and a colon. */
void compose_name(struct compose *c, const char *name);

void compose_text(struct compose *c, const char *name, struct slice v); /* absent: null */
void compose_int(struct compose *c, const char *name, int64_t v);
/* compose_json - v is JSON text. */
void compose_json(struct compose *c, const char *name, struct slice v);
/* compose_item - of a list: a text, with a comma unless the list just opened. */
void compose_item(struct compose *c, struct slice v);
/* compose_item_json - of a list: v is JSON text. */
void compose_item_json(struct compose *c, struct slice v);

struct slice compose_end(const struct compose *c);

#endif
