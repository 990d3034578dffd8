/*
 * crypto.h: OpenSSL, the only place it shows.
 *
 * Failing to draw random bytes or to hash is a broken machine: those abort. Thread: any.
 */
#ifndef WEIR_CRYPTO_H
#define WEIR_CRYPTO_H
#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/err.h"
#include "common/slice.h"

enum { CRYPTO_SHA256 = 32 };

void crypto_random(void *out, size_t n);
void crypto_sha256(struct slice data, uint8_t out[CRYPTO_SHA256]);
/* crypto_sha256_of - of the parts one after the other. */
void crypto_sha256_of(const struct slice *parts, size_t n, uint8_t out[CRYPTO_SHA256]);
void crypto_sha1(struct slice data, uint8_t out[20]); /* for name-based GUIDs only */
void crypto_hmac_sha256(struct slice key, struct slice data, uint8_t out[CRYPTO_SHA256]);
bool crypto_equal(const void *a, const void *b, size_t n); /* in constant time */

/*
 * AES-256-GCM. One context a thread, made once: looking up the cipher costs as much as sealing one
 * alert (erasure.md 5.3). A nonce must never come twice under a key. aad is bound to the text: the
 * n parts one after the other. plain and out may be the same.
 */
enum { CRYPTO_GCM_KEY = 32, CRYPTO_GCM_NONCE = 12, CRYPTO_GCM_TAG = 16 };
struct crypto_gcm;                       /* opaque */
struct crypto_gcm *crypto_gcm_new(void); /* NULL: out of memory */
void crypto_gcm_free(struct crypto_gcm *g);
void crypto_gcm_close(struct crypto_gcm *g, const uint8_t key[CRYPTO_GCM_KEY],
                      const uint8_t nonce[CRYPTO_GCM_NONCE], const struct slice *aad, size_t n,
                      struct slice plain, uint8_t *out, uint8_t tag[CRYPTO_GCM_TAG]);
/* crypto_gcm_open - false: the key is another, or something was changed; out is then undefined. */
bool crypto_gcm_open(struct crypto_gcm *g, const uint8_t key[CRYPTO_GCM_KEY],
                     const uint8_t nonce[CRYPTO_GCM_NONCE], const struct slice *aad, size_t n,
                     struct slice text, const uint8_t tag[CRYPTO_GCM_TAG], uint8_t *out);

/* crypto_guid - version 4; lower case, 36 characters, NUL-terminated. */
void crypto_guid(char out[37]);
/* crypto_guid_of - version 5, name-based, from a space's 16 bytes and a name. RFC 9562, 5.5. */
void crypto_guid_of(const uint8_t space[16], struct slice name, char out[37]);
/* crypto_self_signed - a P-256 key and a certificate for the names (DNS names and addresses,
 * NULL-terminated), valid `days`, as PEM in the arena. ERR_STOP "crypto.cert". */
MUST_CHECK struct err crypto_self_signed(const char *const *names, int days, struct arena *a,
                                         struct slice *cert_pem, struct slice *key_pem);
/* crypto_signing_key - a fresh P-256 key pair as PEM, for tokens (ES256). ERR_STOP "crypto.key". */
MUST_CHECK struct err crypto_signing_key(struct arena *a, struct slice *private_pem,
                                         struct slice *public_pem);

/* crypto_unbase64 - standard alphabet with padding; SLICE_NONE: not base64, over 1 MiB, or the
 * arena is full. */
struct slice crypto_unbase64(struct arena *a, struct slice text);

#endif
