/*
 * tls_client.h: a sensor's side of TLS over bytes that somebody else moves, and its certificate.
 *
 * Who listens is not checked: these sensors only have to be somebody, not to trust somebody.
 * OpenSSL behind it. Thread: one.
 */
#ifndef SIM_TLS_CLIENT_H
#define SIM_TLS_CLIENT_H
#include <stdbool.h>

#include "common/arena.h"
#include "common/err.h"
#include "common/slice.h"

/* A client's certificate, signed by an authority that exists for nothing else. PEM. */
struct tls_identity {
    struct slice ca, cert, key;
};

/* tls_identity_make - fresh keys, good for ten years, in the arena. ERR_STOP "tls.identity". */
MUST_CHECK struct err tls_identity_make(const char *name, struct arena *a,
                                        struct tls_identity *out);

struct tls_client; /* one connection; opaque */

/* tls_client_new - who NULL: shows no certificate. NULL: it could not be made. */
struct tls_client *tls_client_new(const struct tls_identity *who);
void tls_client_free(struct tls_client *t); /* NULL is fine */

/* tls_client_feed - bytes of the peer. False: it refused us, or the connection is broken. */
bool tls_client_feed(struct tls_client *t, const char *bytes, size_t n);
/* tls_client_ready - the handshake is done as far as we know; it begins with the first call. */
bool tls_client_ready(struct tls_client *t);
/* tls_client_write - plain bytes for the peer, once ready. False: broken. */
bool tls_client_write(struct tls_client *t, const char *bytes, size_t n);
void tls_client_end(struct tls_client *t); /* says that nothing more comes */
/* tls_client_out - up to `size` bytes to be sent; 0: none. */
size_t tls_client_out(struct tls_client *t, char *to, size_t size);

#endif
