/*
 * keys_internal.h: stop values and forms of text, for the files of keys; nobody else includes it.
 */
#ifndef WEIR_KEYS_INTERNAL_H
#define WEIR_KEYS_INTERNAL_H
#include "normalize/keys.h"

enum { KEYS_GUID_LENGTH = 36 };

/* keys_stop_* - is it a value that everybody has, which therefore says nothing? Case does not
 * matter; but a SID, a hash and a GUID come in lower case. (correlation.md 3) */
bool keys_stop_account(struct slice name); /* or domain */
bool keys_stop_host(struct slice name);
bool keys_stop_hash(struct slice hash);
bool keys_stop_guid(struct slice guid);
bool keys_stop_session(struct slice id);
bool keys_stop_sid(struct slice sid); /* true also for what is no SID */

/* keys_cloud_sid - the object id in a SID of the directory; SLICE_NONE: not such a SID, or no
 * memory. */
struct slice keys_cloud_sid(struct slice sid, struct arena *a);
/* keys_command - a command line without what is new each time it runs, of limited length.
 * SLICE_NONE: no memory. */
struct slice keys_command(struct slice text, struct arena *a);
/* keys_url_host - of "scheme://user@host:port/path", without brackets; part of url. */
struct slice keys_url_host(struct slice url);

#endif
