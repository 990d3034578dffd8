#include "common/crypto.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

enum { CHUNK_MAX = 1 << 30, CERT_CLOCK_SKEW_S = 300, DAY_S = 86400 };

/* A broken machine: nothing that continued could be trusted. */
static void
must(bool good, const char *what)
{
    if (good)
        return;
    (void)fprintf(stderr, "crypto: %s failed\n", what);
    abort();
}

void
crypto_random(void *out, size_t n)
{
    unsigned char *p = out;
    while (n > 0) {
        size_t now = n < CHUNK_MAX ? n : CHUNK_MAX;
        must(RAND_bytes(p, (int)now) == 1, "drawing random bytes");
        p += now;
        n -= now;
    }
}

static void
digest(const EVP_MD *md, const struct slice *parts, size_t n, uint8_t *out)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx != NULL && EVP_DigestInit_ex(ctx, md, NULL) == 1;
    for (size_t i = 0; good && i < n; i++)
        good = EVP_DigestUpdate(ctx, parts[i].p != NULL ? parts[i].p : "", parts[i].n) == 1;
    must(good && EVP_DigestFinal_ex(ctx, out, NULL) == 1, "hashing");
    EVP_MD_CTX_free(ctx);
}

void
crypto_sha256_of(const struct slice *parts, size_t n, uint8_t out[CRYPTO_SHA256])
{
    digest(EVP_sha256(), parts, n, out);
}

void
crypto_sha256(struct slice data, uint8_t out[CRYPTO_SHA256])
{
    digest(EVP_sha256(), &data, 1, out);
}

void
crypto_sha1(struct slice data, uint8_t out[20])
{
    digest(EVP_sha1(), &data, 1, out);
}

void
crypto_hmac_sha256(struct slice key, struct slice data, uint8_t out[CRYPTO_SHA256])
{
    unsigned n = 0;
    must(key.n <= CHUNK_MAX &&
             HMAC(EVP_sha256(), key.p != NULL ? key.p : "", (int)key.n,
                  (const unsigned char *)(data.p != NULL ? data.p : ""), data.n, out, &n) != NULL &&
             n == CRYPTO_SHA256,
         "HMAC");
}

bool
crypto_equal(const void *a, const void *b, size_t n)
{
    return CRYPTO_memcmp(a, b, n) == 0;
}

/* ---- AES-256-GCM */

struct crypto_gcm {
    EVP_CIPHER_CTX *close, *open;
};

/* A context that knows its cipher and waits for keys. NULL: out of memory. */
static EVP_CIPHER_CTX *
gcm_context(int closing)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    if (ctx != NULL && EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, NULL, NULL, closing) == 1)
        return ctx;
    EVP_CIPHER_CTX_free(ctx);
    return NULL;
}

struct crypto_gcm *
crypto_gcm_new(void)
{
    struct crypto_gcm *g = calloc(1, sizeof *g);
    if (g == NULL)
        return NULL;
    *g = (struct crypto_gcm){gcm_context(1), gcm_context(0)};
    if (g->close != NULL && g->open != NULL)
        return g;
    crypto_gcm_free(g);
    return NULL;
}

void
crypto_gcm_free(struct crypto_gcm *g)
{
    if (g == NULL)
        return;
    EVP_CIPHER_CTX_free(g->close);
    EVP_CIPHER_CTX_free(g->open);
    free(g);
}

/* Everything but the tag. */
static void
gcm_run(EVP_CIPHER_CTX *ctx, const uint8_t *key, const uint8_t *nonce, const struct slice *aad,
        size_t n, struct slice text, uint8_t *out)
{
    int got = 0;
    bool good = text.n <= CHUNK_MAX && EVP_CipherInit_ex(ctx, NULL, NULL, key, nonce, -1) == 1;
    for (size_t i = 0; good && i < n; i++)
        good = EVP_CipherUpdate(ctx, NULL, &got, (const uint8_t *)aad[i].p, (int)aad[i].n) == 1;
    if (good && text.n > 0)
        good = EVP_CipherUpdate(ctx, out, &got, (const uint8_t *)text.p, (int)text.n) == 1;
    must(good, "AES-GCM");
}

void
crypto_gcm_close(struct crypto_gcm *g, const uint8_t key[CRYPTO_GCM_KEY],
                 const uint8_t nonce[CRYPTO_GCM_NONCE], const struct slice *aad, size_t n,
                 struct slice plain, uint8_t *out, uint8_t tag[CRYPTO_GCM_TAG])
{
    int got = 0;
    uint8_t rest[16]; /* GCM leaves nothing for the end */
    gcm_run(g->close, key, nonce, aad, n, plain, out);
    must(EVP_CipherFinal_ex(g->close, rest, &got) == 1 &&
             EVP_CIPHER_CTX_ctrl(g->close, EVP_CTRL_GCM_GET_TAG, CRYPTO_GCM_TAG, tag) == 1,
         "AES-GCM");
}

bool
crypto_gcm_open(struct crypto_gcm *g, const uint8_t key[CRYPTO_GCM_KEY],
                const uint8_t nonce[CRYPTO_GCM_NONCE], const struct slice *aad, size_t n,
                struct slice text, const uint8_t tag[CRYPTO_GCM_TAG], uint8_t *out)
{
    int got = 0;
    uint8_t rest[16], expected[CRYPTO_GCM_TAG];
    memcpy(expected, tag, sizeof expected);
    gcm_run(g->open, key, nonce, aad, n, text, out);
    must(EVP_CIPHER_CTX_ctrl(g->open, EVP_CTRL_GCM_SET_TAG, CRYPTO_GCM_TAG, expected) == 1,
         "AES-GCM");
    return EVP_CipherFinal_ex(g->open, rest, &got) == 1;
}

/* version and variant into 16 bytes, and those as text. RFC 9562, 4. */
static void
guid_format(uint8_t b[16], unsigned version, char out[37])
{
    b[6] = (uint8_t)((b[6] & 0x0f) | (version << 4));
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    (void)snprintf(out, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
                   b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
                   b[13], b[14], b[15]);
}

void
crypto_guid(char out[37])
{
    uint8_t b[16];
    crypto_random(b, sizeof b);
    guid_format(b, 4, out);
}

void
crypto_guid_of(const uint8_t space[16], struct slice name, char out[37])
{
    uint8_t sum[20];
    const struct slice parts[] = {{(const char *)space, 16}, name};
    digest(EVP_sha1(), parts, 2, sum);
    guid_format(sum, 5, out);
}

/* ---- certificates */

/* One name as an entry of the list; it is a DNS name unless it reads as an address. */
static bool
name_add(GENERAL_NAMES *list, const char *text)
{
    unsigned char address[16];
    size_t n = inet_pton(AF_INET, text, address) == 1    ? 4
               : inet_pton(AF_INET6, text, address) == 1 ? 16
                                                         : 0;
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_STRING *value = ASN1_STRING_type_new(n > 0 ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);
    bool good = name != NULL && value != NULL &&
                ASN1_STRING_set(value, n > 0 ? (const void *)address : (const void *)text,
                                n > 0 ? (int)n : (int)strlen(text)) == 1;
    if (good) {
        GENERAL_NAME_set0_value(name, n > 0 ? GEN_IPADD : GEN_DNS, value);
        value = NULL;
        good = sk_GENERAL_NAME_push(list, name) > 0;
    }
    if (good)
        return true;
    ASN1_STRING_free(value);
    GENERAL_NAME_free(name);
    return false;
}

static bool
names_set(X509 *cert, const char *const *names)
{
    GENERAL_NAMES *list = GENERAL_NAMES_new();
    bool good = list != NULL;
    for (; good && *names != NULL; names++)
        good = name_add(list, *names);
    good = good && X509_add1_ext_i2d(cert, NID_subject_alt_name, list, 0, X509V3_ADD_DEFAULT) == 1;
    GENERAL_NAMES_free(list);
    return good;
}

/* A certificate of its own authority: clients that are given it as CA file accept it. */
static bool
basics_set(X509 *cert)
{
    BASIC_CONSTRAINTS *basics = BASIC_CONSTRAINTS_new();
    if (basics == NULL)
        return false;
    basics->ca = 0xff;
    bool good = X509_add1_ext_i2d(cert, NID_basic_constraints, basics, 1, X509V3_ADD_DEFAULT) == 1;
    BASIC_CONSTRAINTS_free(basics);
    return good;
}

static bool
serial_set(X509 *cert)
{
    uint8_t serial[16];
    crypto_random(serial, sizeof serial);
    serial[0] &= 0x7f; /* positive */
    BIGNUM *n = BN_bin2bn(serial, sizeof serial, NULL);
    bool good = n != NULL && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert)) != NULL;
    BN_free(n);
    return good;
}

static bool
cert_fill(X509 *cert, EVP_PKEY *key, const char *const *names, int days)
{
    X509_NAME *subject = X509_get_subject_name(cert);
    return X509_set_version(cert, X509_VERSION_3) == 1 && serial_set(cert) &&
           X509_gmtime_adj(X509_getm_notBefore(cert), -CERT_CLOCK_SKEW_S) != NULL &&
           X509_gmtime_adj(X509_getm_notAfter(cert), (long)days * DAY_S) != NULL &&
           X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)"weir",
                                      -1, -1, 0) == 1 &&
           X509_set_issuer_name(cert, subject) == 1 && X509_set_pubkey(cert, key) == 1 &&
           basics_set(cert) && names_set(cert, names) && X509_sign(cert, key, EVP_sha256()) > 0;
}

static struct slice
bio_text(BIO *bio, struct arena *a)
{
    char *p = NULL;
    long n = BIO_get_mem_data(bio, &p);
    return n > 0 ? slice_dup(a, (struct slice){p, (size_t)n}) : SLICE_NONE;
}

struct err
crypto_self_signed(const char *const *names, int days, struct arena *a, struct slice *cert_pem,
                   struct slice *key_pem)
{
    struct err e = ERR_OK;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    BIO *cert_bio = BIO_new(BIO_s_mem()), *key_bio = BIO_new(BIO_s_secmem());
    if (key == NULL || cert == NULL || cert_bio == NULL || key_bio == NULL ||
        !cert_fill(cert, key, names, days) || PEM_write_bio_X509(cert_bio, cert) != 1 ||
        PEM_write_bio_PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL) != 1) {
        e = err_make(ERR_STOP, "crypto.cert", "a certificate could not be made");
        goto out;
    }
    *cert_pem = bio_text(cert_bio, a);
    *key_pem = bio_text(key_bio, a);
    if (cert_pem->p == NULL || key_pem->p == NULL)
        e = err_make(ERR_STOP, "crypto.cert", "no memory for a certificate");
out:
    BIO_free(key_bio);
    BIO_free(cert_bio);
    X509_free(cert);
    EVP_PKEY_free(key);
    return e;
}

struct err
crypto_signing_key(struct arena *a, struct slice *private_pem, struct slice *public_pem)
{
    struct err e = ERR_OK;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    BIO *private_bio = BIO_new(BIO_s_secmem()), *public_bio = BIO_new(BIO_s_mem());
    if (key == NULL || private_bio == NULL || public_bio == NULL ||
        PEM_write_bio_PrivateKey(private_bio, key, NULL, NULL, 0, NULL, NULL) != 1 ||
        PEM_write_bio_PUBKEY(public_bio, key) != 1) {
        e = err_make(ERR_STOP, "crypto.key", "a signing key could not be made");
        goto out;
    }
    *private_pem = bio_text(private_bio, a);
    *public_pem = bio_text(public_bio, a);
    if (private_pem->p == NULL || public_pem->p == NULL)
        e = err_make(ERR_STOP, "crypto.key", "no memory for a signing key");
out:
    BIO_free(public_bio);
    BIO_free(private_bio);
    EVP_PKEY_free(key);
    return e;
}

struct slice
crypto_unbase64(struct arena *a, struct slice text)
{
    enum { TEXT_MAX = 1024 * 1024 };
    if (text.n % 4 != 0 || text.n > TEXT_MAX)
        return SLICE_NONE;
    size_t pad = 0;
    while (pad < 2 && pad < text.n && text.p[text.n - 1 - pad] == '=')
        pad++;
    for (size_t i = 0; i < text.n - pad; i++) /* EVP_DecodeBlock skips blanks, we do not */
        if (strchr("+/", text.p[i]) == NULL && !isalnum((unsigned char)text.p[i]))
            return SLICE_NONE;
    unsigned char *out = arena_alloc(a, text.n / 4 * 3 + 1);
    if (out == NULL)
        return SLICE_NONE;
    int n = EVP_DecodeBlock(out, (const unsigned char *)text.p, (int)text.n);
    if (n < 0)
        return SLICE_NONE;
    return (struct slice){(const char *)out, (size_t)n - pad};
}
