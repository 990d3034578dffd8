#include "tests/simulator/tls_client.h"

#include <stdlib.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

enum { DAYS = 3650 };

/* ---- certificates */

static bool
extension_add(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX c;
    X509V3_set_ctx(&c, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &c, nid, value);
    bool good = e != NULL && X509_add_ext(cert, e, -1) == 1;
    X509_EXTENSION_free(e);
    return good;
}

/* issuer NULL: an authority, signed by itself. */
static X509 *
cert_make(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *signer)
{
    X509 *cert = X509_new();
    X509_NAME *subject = cert != NULL ? X509_get_subject_name(cert) : NULL;
    bool good =
        subject != NULL && X509_set_version(cert, 2) == 1 &&
        ASN1_INTEGER_set(X509_get_serialNumber(cert), issuer != NULL ? 2 : 1) == 1 &&
        X509_gmtime_adj(X509_getm_notBefore(cert), -86400) != NULL &&
        X509_gmtime_adj(X509_getm_notAfter(cert), 86400L * DAYS) != NULL &&
        X509_set_pubkey(cert, key) == 1 &&
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1,
                                   -1, 0) == 1 &&
        X509_set_issuer_name(cert, X509_get_subject_name(issuer != NULL ? issuer : cert)) == 1;
    if (issuer == NULL)
        good = good && extension_add(cert, cert, NID_basic_constraints, "critical,CA:TRUE") &&
               extension_add(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign");
    else
        good = good && extension_add(cert, issuer, NID_basic_constraints, "CA:FALSE") &&
               extension_add(cert, issuer, NID_ext_key_usage, "clientAuth");
    if (good && X509_sign(cert, signer, EVP_sha256()) > 0)
        return cert;
    X509_free(cert);
    return NULL;
}

static struct slice
bio_text(BIO *bio, bool written, struct arena *a)
{
    char *p = NULL;
    long n = written ? BIO_get_mem_data(bio, &p) : 0;
    return n > 0 ? slice_dup(a, (struct slice){p, (size_t)n}) : SLICE_NONE;
}

static struct slice
cert_text(X509 *cert, struct arena *a)
{
    BIO *bio = BIO_new(BIO_s_mem());
    struct slice text =
        bio_text(bio, bio != NULL && cert != NULL && PEM_write_bio_X509(bio, cert) == 1, a);
    BIO_free(bio);
    return text;
}

static struct slice
key_text(EVP_PKEY *key, struct arena *a)
{
    BIO *bio = BIO_new(BIO_s_mem());
    struct slice text = bio_text(
        bio, bio != NULL && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1, a);
    BIO_free(bio);
    return text;
}

struct err
tls_identity_make(const char *name, struct arena *a, struct tls_identity *out)
{
    EVP_PKEY *ca_key = EVP_EC_gen("P-256");
    EVP_PKEY *key = EVP_EC_gen("P-256");
    bool keys = ca_key != NULL && key != NULL;
    X509 *ca = keys ? cert_make("Sensors of contoso", ca_key, NULL, ca_key) : NULL;
    X509 *cert = ca != NULL ? cert_make(name, key, ca, ca_key) : NULL;
    *out = (struct tls_identity){SLICE_NONE, SLICE_NONE, SLICE_NONE};
    if (cert != NULL)
        *out = (struct tls_identity){cert_text(ca, a), cert_text(cert, a), key_text(key, a)};
    X509_free(cert);
    X509_free(ca);
    EVP_PKEY_free(key);
    EVP_PKEY_free(ca_key);
    if (out->ca.p == NULL || out->cert.p == NULL || out->key.p == NULL)
        return err_make(ERR_STOP, "tls.identity", "a certificate could not be made");
    return ERR_OK;
}

/* ---- connections */

struct tls_client {
    SSL_CTX *context;
    SSL *ssl;
    BIO *in, *out; /* owned by ssl */
    bool broken;
};

static bool
identity_use(SSL_CTX *context, const struct tls_identity *who)
{
    BIO *cert_bio = BIO_new_mem_buf(who->cert.p, (int)who->cert.n);
    BIO *key_bio = BIO_new_mem_buf(who->key.p, (int)who->key.n);
    X509 *cert = cert_bio != NULL ? PEM_read_bio_X509(cert_bio, NULL, NULL, NULL) : NULL;
    EVP_PKEY *key = key_bio != NULL ? PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL) : NULL;
    bool good = cert != NULL && key != NULL && SSL_CTX_use_certificate(context, cert) == 1 &&
                SSL_CTX_use_PrivateKey(context, key) == 1;
    X509_free(cert);
    EVP_PKEY_free(key);
    BIO_free(cert_bio);
    BIO_free(key_bio);
    return good;
}

struct tls_client *
tls_client_new(const struct tls_identity *who)
{
    struct tls_client *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return NULL;
    t->context = SSL_CTX_new(TLS_client_method());
    if (t->context == NULL || (who != NULL && !identity_use(t->context, who)))
        goto fail;
    SSL_CTX_set_verify(t->context, SSL_VERIFY_NONE, NULL);
    t->ssl = SSL_new(t->context);
    t->in = BIO_new(BIO_s_mem());
    t->out = BIO_new(BIO_s_mem());
    if (t->ssl == NULL || t->in == NULL || t->out == NULL) {
        BIO_free(t->in);
        BIO_free(t->out);
        goto fail;
    }
    SSL_set_bio(t->ssl, t->in, t->out);
    SSL_set_connect_state(t->ssl);
    return t;
fail:
    t->in = t->out = NULL;
    tls_client_free(t);
    return NULL;
}

void
tls_client_free(struct tls_client *t)
{
    if (t == NULL)
        return;
    SSL_free(t->ssl);
    SSL_CTX_free(t->context);
    free(t);
}

/* False: the result is an error that ends the connection. */
static bool
goes_on(struct tls_client *t, int result)
{
    int e = result > 0 ? SSL_ERROR_NONE : SSL_get_error(t->ssl, result);
    if (e != SSL_ERROR_NONE && e != SSL_ERROR_WANT_READ && e != SSL_ERROR_WANT_WRITE)
        t->broken = true;
    return !t->broken;
}

bool
tls_client_ready(struct tls_client *t)
{
    if (!t->broken && !SSL_is_init_finished(t->ssl))
        (void)goes_on(t, SSL_do_handshake(t->ssl));
    return !t->broken && SSL_is_init_finished(t->ssl);
}

bool
tls_client_feed(struct tls_client *t, const char *bytes, size_t n)
{
    char nowhere[256];
    int got;
    if (t->broken || BIO_write(t->in, bytes, (int)n) != (int)n)
        return false;
    if (!tls_client_ready(t))
        return !t->broken;
    do /* what a listener says is not read, but alerts and tickets have to be */
        got = SSL_read(t->ssl, nowhere, sizeof(nowhere));
    while (got > 0);
    return goes_on(t, got);
}

bool
tls_client_write(struct tls_client *t, const char *bytes, size_t n)
{
    return !t->broken && SSL_write(t->ssl, bytes, (int)n) == (int)n;
}

void
tls_client_end(struct tls_client *t)
{
    if (!t->broken && SSL_is_init_finished(t->ssl))
        (void)SSL_shutdown(t->ssl);
}

size_t
tls_client_out(struct tls_client *t, char *to, size_t size)
{
    int n = BIO_read(t->out, to, (int)size);
    return n > 0 ? (size_t)n : 0;
}
