/*
 * tls.h: the server's side of TLS over bytes that somebody else moves.
 *
 * No sockets: what the peer sent goes in by tls_feed, what must be sent to it comes out by
 * tls_out, plain bytes by tls_read. TLS 1.2 and newer, no renegotiation, no resumption (so that
 * each connection shows its certificate), no compression. OpenSSL behind it. Thread: one.
 */
#ifndef WEIR_TLS_H
#define WEIR_TLS_H
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/slice.h"

struct tls_server; /* a certificate, and whose clients are let in; opaque */
struct tls;        /* one connection; opaque */

/*
 * tls_server_new - reads the certificate (with its chain) and the key from PEM files, which must
 * not be encrypted.
 *
 * client_ca  PEM of one or more certificates: a client must show one that they signed and that may
 *            be used as a client; SLICE_NONE: clients show none
 *
 * Owns:    the caller frees *out; connections keep what they need of it.
 * Errors:  ERR_STOP "tls.certificate", "tls.key", "tls.client_ca": the text says what is wrong.
 */
MUST_CHECK struct err tls_server_new(const char *cert_file, const char *key_file,
                                     struct slice client_ca, struct tls_server **out);
void tls_server_free(struct tls_server *s); /* NULL is fine */

/* tls_ca_check - whether client_ca is what tls_server_new takes. ERR_REJECT "tls.client_ca". */
MUST_CHECK struct err tls_ca_check(struct slice client_ca);

/* tls_valid - from when to when (Unix seconds) all certificates of a PEM text are valid.
 * ERR_REJECT "tls.certificate". */
MUST_CHECK struct err tls_valid(struct slice pem, int64_t *from_s, int64_t *until_s);

struct tls *tls_accept(struct tls_server *s); /* NULL: out of memory */
void tls_free(struct tls *t);                 /* NULL is fine */

/* tls_feed - bytes of the peer, copied. ERR_RETRY "tls.memory". */
MUST_CHECK struct err tls_feed(struct tls *t, struct slice bytes);

/*
 * tls_read - up to `size` plain bytes of what was fed; *n is 0 when more must be fed, or at the
 * end (tls_ended). Call it until then: it also does the handshake. Then look at tls_out, after an
 * error too: the peer is told why.
 *
 * Errors:  ERR_REJECT "tls.handshake" (it speaks no TLS, or no version of ours), "tls.client" (no
 *          certificate, or a wrong one), "tls.broken": nothing more can be read.
 */
MUST_CHECK struct err tls_read(struct tls *t, char *to, size_t size, size_t *n);

/* tls_out - up to `size` bytes for the peer; 0: none. */
size_t tls_out(struct tls *t, char *to, size_t size);

bool tls_ready(const struct tls *t); /* the handshake is done */
bool tls_ended(const struct tls *t); /* the peer has said that nothing more comes */
void tls_end(struct tls *t);         /* we say so; see tls_out */

#endif
