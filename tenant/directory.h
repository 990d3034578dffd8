/*
 * directory.h: a customer's directory id, which is kept as an HMAC only.
 *
 * The key is the first line of control.hmac_key_file; without it nobody can tell which directory a
 * row is of. Ref: design.md 6.
 */
#ifndef WEIR_DIRECTORY_H
#define WEIR_DIRECTORY_H
#include "common/conf.h"
#include "common/crypto.h"
#include "common/err.h"

extern const struct opt tenant_opts[]; /* control.hmac_key_file, tenant.* */

struct directory {
    char id[37]; /* the GUID, lower case */
    uint8_t hmac[CRYPTO_SHA256];
};

/* directory_of - from a GUID as written. ERR_STOP "usage.tenant": not a GUID; "conf.secret". */
MUST_CHECK struct err directory_of(const struct conf *c, const char *guid, struct directory *out);

struct slice directory_hmac(const struct directory *d); /* borrowed */

#endif
