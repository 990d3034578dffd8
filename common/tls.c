#include "common/tls.h"

#include <limits.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

enum { CA_MAX = 64 };

struct tls_server {
    SSL_CTX *ctx;
};

struct tls {
    SSL *ssl;
    bool ready; /* was once: a renegotiation that is refused changes nothing */
    bool failed;
};

/* Why OpenSSL said no, of the first error in its queue, which is then empty. */
static struct err
refused(enum err_kind kind, const char *code, const char *what)
{
    unsigned long first = ERR_get_error();
    const char *why = first != 0 ? ERR_reason_error_string(first) : NULL;
    ERR_clear_error();
    return err_make(kind, code, "%.90s: %.50s", what, why != NULL ? why : "unreadable");
}

/* Nobody is asked for a pass phrase: OpenSSL would do so on the terminal or on stdin, and the
 * worker would wait. */
static int
no_pass_phrase(char *to, int size, int writing, void *arg)
{
    (void)to, (void)size, (void)writing, (void)arg;
    return -1;
}

/* ---- whose clients are let in */

static BIO *
reader(struct slice text)
{
    return text.n > 0 && text.n <= INT_MAX ? BIO_new_mem_buf(text.p, (int)text.n) : NULL;
}

/* Each certificate of the text, to a store and to the list that clients are shown (either may be
 * NULL). */
static struct err
read_ca(struct slice pem, enum err_kind kind, X509_STORE *store, SSL_CTX *ctx)
{
    static const char code[] = "tls.client_ca";
    BIO *bio = reader(pem);
    struct err e = ERR_OK;
    size_t n = 0;
    if (bio == NULL)
        return err_make(kind, code, "no certificate of a client CA");
    for (;;) {
        X509 *cert = PEM_read_bio_X509(bio, NULL, no_pass_phrase, NULL);
        if (cert == NULL)
            break;
        if (++n > CA_MAX)
            e = err_make(kind, code, "more than %d certificates of client CAs", CA_MAX);
        else if (X509_check_ca(cert) == 0)
            e = err_make(kind, code, "certificate %zu is of no CA", n);
        else if ((store != NULL && X509_STORE_add_cert(store, cert) != 1) ||
                 (ctx != NULL && SSL_CTX_add_client_CA(ctx, cert) != 1))
            e = refused(kind, code, "the client CA");
        X509_free(cert);
        if (e.kind)
            break;
    }
    /* the end of the text is an error of its own kind */
    unsigned long last = ERR_peek_last_error();
    bool end = ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
    if (e.kind == ERR_NONE && n == 0)
        e = err_make(kind, code, "no certificate of a client CA, which must be PEM");
    else if (e.kind == ERR_NONE && !end)
        e = refused(kind, code, "the client CA");
    ERR_clear_error();
    BIO_free(bio);
    return e;
}

struct err
tls_ca_check(struct slice client_ca)
{
    ERR_clear_error();
    return read_ca(client_ca, ERR_REJECT, NULL, NULL);
}

/* ---- from when to when */

static bool
seconds_of(const ASN1_TIME *t, int64_t *out_s)
{
    struct tm tm;
    if (t == NULL || ASN1_TIME_to_tm(t, &tm) != 1)
        return false;
    *out_s = timegm(&tm);
    return true;
}

struct err
tls_valid(struct slice pem, int64_t *from_s, int64_t *until_s)
{
    static const char code[] = "tls.certificate";
    BIO *bio = reader(pem);
    struct err e = ERR_OK;
    size_t n = 0;
    X509 *cert;
    *from_s = INT64_MIN;
    *until_s = INT64_MAX;
    ERR_clear_error();
    while (e.kind == ERR_NONE && bio != NULL &&
           (cert = PEM_read_bio_X509(bio, NULL, no_pass_phrase, NULL)) != NULL) {
        int64_t from = 0, until = 0;
        if (++n > CA_MAX || !seconds_of(X509_get0_notBefore(cert), &from) ||
            !seconds_of(X509_get0_notAfter(cert), &until))
            e = err_make(ERR_REJECT, code, "certificate %zu has no times, or there are too many",
                         n);
        *from_s = from > *from_s ? from : *from_s;
        *until_s = until < *until_s ? until : *until_s;
        X509_free(cert);
    }
    ERR_clear_error();
    BIO_free(bio);
    return e.kind == ERR_NONE && n == 0 ? err_make(ERR_REJECT, code, "no certificate in PEM") : e;
}

/* ---- server */

static struct err
configure(SSL_CTX *ctx, const char *cert_file, const char *key_file, struct slice client_ca)
{
    if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1)
        return refused(ERR_STOP, "tls.certificate", "TLS 1.2");
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(ctx, 0);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_default_passwd_cb(ctx, no_pass_phrase);
    if (SSL_CTX_use_certificate_chain_file(ctx, cert_file) != 1)
        return refused(ERR_STOP, "tls.certificate", cert_file);
    if (SSL_CTX_use_PrivateKey_file(ctx, key_file, SSL_FILETYPE_PEM) != 1)
        return refused(ERR_STOP, "tls.key", key_file);
    if (SSL_CTX_check_private_key(ctx) != 1)
        return refused(ERR_STOP, "tls.key", key_file);
    if (client_ca.n == 0)
        return ERR_OK;
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return read_ca(client_ca, ERR_STOP, SSL_CTX_get_cert_store(ctx), ctx);
}

struct err
tls_server_new(const char *cert_file, const char *key_file, struct slice client_ca,
               struct tls_server **out)
{
    ERR_clear_error();
    *out = NULL;
    struct tls_server *s = calloc(1, sizeof *s);
    if (s != NULL)
        s->ctx = SSL_CTX_new(TLS_server_method());
    if (s == NULL || s->ctx == NULL) {
        free(s);
        return err_make(ERR_STOP, "tls.certificate", "out of memory");
    }
    struct err e = configure(s->ctx, cert_file, key_file, client_ca);
    if (e.kind)
        tls_server_free(s);
    else
        *out = s;
    return e;
}

void
tls_server_free(struct tls_server *s)
{
    if (s == NULL)
        return;
    SSL_CTX_free(s->ctx);
    free(s);
}

/* ---- connection */

struct tls *
tls_accept(struct tls_server *s)
{
    ERR_clear_error();
    struct tls *t = calloc(1, sizeof *t);
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
    if (t != NULL)
        t->ssl = SSL_new(s->ctx);
    if (t == NULL || t->ssl == NULL || in == NULL || out == NULL) {
        BIO_free(in);
        BIO_free(out);
        if (t != NULL)
            SSL_free(t->ssl);
        free(t);
        return NULL;
    }
    SSL_set_bio(t->ssl, in, out);
    SSL_set_accept_state(t->ssl);
    return t;
}

void
tls_free(struct tls *t)
{
    if (t == NULL)
        return;
    SSL_free(t->ssl);
    free(t);
}

struct err
tls_feed(struct tls *t, struct slice bytes)
{
    ERR_clear_error();
    if (bytes.n == 0 || (bytes.n <= INT_MAX &&
                         BIO_write(SSL_get_rbio(t->ssl), bytes.p, (int)bytes.n) == (int)bytes.n))
        return ERR_OK;
    return err_make(ERR_RETRY, "tls.memory", "no room for %zu bytes", bytes.n);
}

/* The codes tell an administrator where to look: at the sensor's certificate, or elsewhere. */
static struct err
broken(struct tls *t)
{
    t->failed = true;
    if (tls_ready(t))
        return refused(ERR_REJECT, "tls.broken", "a TLS connection");
    unsigned long first = ERR_peek_error();
    int reason = ERR_GET_LIB(first) == ERR_LIB_SSL ? ERR_GET_REASON(first) : 0;
    bool client = reason == SSL_R_CERTIFICATE_VERIFY_FAILED ||
                  reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE;
    long verified = SSL_get_verify_result(t->ssl);
    /* a wrong signature (of another CA with the same name) queues errors of the arithmetic first */
    if (verified != X509_V_OK) {
        ERR_clear_error();
        return err_make(ERR_REJECT, "tls.client", "the client's certificate: %.80s",
                        X509_verify_cert_error_string(verified));
    }
    return refused(ERR_REJECT, client ? "tls.client" : "tls.handshake", "a TLS handshake");
}

struct err
tls_read(struct tls *t, char *to, size_t size, size_t *n)
{
    *n = 0;
    if (t->failed)
        return err_make(ERR_REJECT, "tls.broken", "the connection is broken");
    ERR_clear_error();
    int good = SSL_read_ex(t->ssl, to, size, n);
    t->ready = t->ready || SSL_is_init_finished(t->ssl) == 1;
    if (good == 1)
        return ERR_OK;
    *n = 0;
    switch (SSL_get_error(t->ssl, 0)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
    case SSL_ERROR_ZERO_RETURN:
        return ERR_OK;
    default:
        return broken(t);
    }
}

size_t
tls_out(struct tls *t, char *to, size_t size)
{
    int n = BIO_read(SSL_get_wbio(t->ssl), to, size < INT_MAX ? (int)size : INT_MAX);
    ERR_clear_error();
    return n > 0 ? (size_t)n : 0;
}

bool
tls_ready(const struct tls *t)
{
    return t->ready;
}

bool
tls_ended(const struct tls *t)
{
    return (SSL_get_shutdown(t->ssl) & SSL_RECEIVED_SHUTDOWN) != 0;
}

void
tls_end(struct tls *t)
{
    if (t->failed || !tls_ready(t))
        return;
    ERR_clear_error();
    (void)SSL_shutdown(t->ssl);
    ERR_clear_error();
}
