/*
 * sender.h: which addresses may send to a listener.
 *
 * A rule is an address or a network ("10.0.3.0/24"), of either family. An IPv4 address that comes
 * in IPv6's clothes (::ffff:10.0.3.7) is the IPv4 address. Pure.
 */
#ifndef WEIR_SENDER_H
#define WEIR_SENDER_H
#include <stdbool.h>

#include "common/arena.h"
#include "common/slice.h"

/* sender_rule - the rule as sender_matches wants it, in the arena: bits beyond the network's length
 * cleared, a length that covers all left out. SLICE_NONE: it is none. */
struct slice sender_rule(struct slice text, struct arena *a);

/* sender_matches - address is a text as inet_ntop or uv_ip_name write it. */
bool sender_matches(struct slice rule, const char *address);

#endif
