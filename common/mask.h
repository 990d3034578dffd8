/*
 * mask.h: what of a setting may be shown to people. Thread: any.
 */
#ifndef WEIR_MASK_H
#define WEIR_MASK_H
#include "common/slice.h"

/*
 * mask_secrets - a text with *** in the place of every password in it, for a screen or a log.
 *
 * Known are libpq's connection strings: "host=x password='a b'", "postgresql://user:word@host/db",
 * "...?password=word"; any word that ends with "password" counts. One that nobody closed reaches to
 * the end.
 *
 * Owns:    the result lies in the arena; without memory it is SLICE_NONE.
 */
struct slice mask_secrets(struct slice text, struct arena *a);

#endif
