#include "common/tls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "common/crypto.h"

enum { ROOM = 32 * 1024 };

#define A16 "aaaaaaaaaaaaaaaa"
#define A256 A16 A16 A16 A16 A16 A16 A16 A16 A16 A16 A16 A16 A16 A16 A16 A16

/* Two key pairs with certificates that are CAs of their own; the first is the server's. */
struct room {
    char folder[64], cert[2][96], key[2][96];
    struct slice ca[2];
    struct arena *a;
};

static void
write_file(const char *path, struct slice text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text.p, 1, text.n, f), text.n);
    assert_int_equal(fclose(f), 0);
}

static int
setup(void **state)
{
    static const char *const names[] = {"localhost", NULL};
    struct room *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->a = arena_new(1 << 20);
    (void)snprintf(r->folder, sizeof r->folder, "/tmp/weir-test-tls-XXXXXX");
    assert_non_null(mkdtemp(r->folder));
    for (int i = 0; i < 2; i++) {
        struct slice key;
        char folder[sizeof r->folder];
        memcpy(folder, r->folder, sizeof folder);
        struct err e = crypto_self_signed(names, 1, r->a, &r->ca[i], &key);
        assert_int_equal(e.kind, ERR_NONE);
        (void)snprintf(r->cert[i], sizeof r->cert[i], "%s/cert%d", folder, i);
        (void)snprintf(r->key[i], sizeof r->key[i], "%s/key%d", folder, i);
        write_file(r->cert[i], r->ca[i]);
        write_file(r->key[i], key);
    }
    *state = r;
    return 0;
}

static int
teardown(void **state)
{
    struct room *r = *state;
    for (int i = 0; i < 2; i++) {
        (void)unlink(r->cert[i]);
        (void)unlink(r->key[i]);
    }
    assert_int_equal(rmdir(r->folder), 0);
    arena_free(r->a);
    free(r);
    return 0;
}

/* ---- a client, in memory too */

struct client {
    SSL_CTX *ctx;
    SSL *ssl;
};

static struct client
client_new(const struct room *r, int cert, int version)
{
    struct client c = {.ctx = SSL_CTX_new(TLS_client_method())};
    assert_int_equal(SSL_CTX_set_min_proto_version(c.ctx, version), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(c.ctx, version), 1);
    SSL_CTX_set_security_level(c.ctx, 0);
    if (cert >= 0) {
        assert_int_equal(SSL_CTX_use_certificate_chain_file(c.ctx, r->cert[cert]), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey_file(c.ctx, r->key[cert], SSL_FILETYPE_PEM), 1);
    }
    c.ssl = SSL_new(c.ctx);
    SSL_set_bio(c.ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(c.ssl);
    return c;
}

static void
client_free(struct client *c)
{
    SSL_free(c->ssl);
    SSL_CTX_free(c->ctx);
}

/* Moves bytes both ways, `step` at a time to the server, until nothing moves. What the server reads
 * is added to text. */
static struct err
exchange(struct client *c, struct tls *t, size_t step, char *text, size_t *n)
{
    char bytes[ROOM];
    struct err e = ERR_OK;
    for (bool moved = true; moved && e.kind == ERR_NONE;) {
        int from_client;
        moved = false;
        (void)SSL_do_handshake(c->ssl);
        ERR_clear_error();
        while (e.kind == ERR_NONE &&
               (from_client = BIO_read(SSL_get_wbio(c->ssl), bytes, (int)step)) > 0) {
            size_t got = 1;
            e = tls_feed(t, (struct slice){bytes, (size_t)from_client});
            assert_int_equal(e.kind, ERR_NONE);
            while (got > 0 && e.kind == ERR_NONE) {
                e = tls_read(t, text + *n, ROOM - *n, &got);
                *n += got;
            }
            moved = true;
        }
        for (size_t out; (out = tls_out(t, bytes, sizeof bytes)) > 0; moved = true)
            assert_int_equal(BIO_write(SSL_get_rbio(c->ssl), bytes, (int)out), (int)out);
    }
    return e;
}

static struct tls_server *
server(const struct room *r, struct slice ca)
{
    struct tls_server *s;
    struct err e = tls_server_new(r->cert[0], r->key[0], ca, &s);
    if (e.kind)
        fail_msg("%s: %s", e.code, e.text);
    return s;
}

static void
test_lines_come_through_in_pieces_of_any_size(void **state)
{
    struct room *r = *state;
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    static const size_t steps[] = {1, 7, ROOM};
    struct tls_server *s = server(r, SLICE_NONE);
    for (size_t i = 0; i < 6; i++) {
        char text[ROOM];
        size_t n = 0;
        struct client c = client_new(r, -1, versions[i % 2]);
        struct tls *t = tls_accept(s);
        struct err e = exchange(&c, t, steps[i / 2], text, &n);
        assert_int_equal(e.kind, ERR_NONE);
        assert_true(tls_ready(t));
        assert_false(tls_ended(t));
        assert_int_equal(SSL_write(c.ssl, "one\ntwo\n", 8), 8);
        e = exchange(&c, t, steps[i / 2], text, &n);
        assert_int_equal(n, 8);
        assert_memory_equal(text, "one\ntwo\n", 8);
        SSL_shutdown(c.ssl);
        e = exchange(&c, t, steps[i / 2], text, &n);
        assert_int_equal(e.kind, ERR_NONE);
        assert_true(tls_ended(t));
        tls_end(t);
        assert_true(tls_out(t, text, sizeof text) > 0); /* our goodbye */
        tls_free(t);
        client_free(&c);
    }
    tls_server_free(s);
}

static void
test_only_clients_of_the_ca_are_let_in(void **state)
{
    struct room *r = *state;
    static const struct {
        int cert, version;
        const char *code; /* NULL: let in */
    } rows[] = {
        {1, TLS1_2_VERSION, NULL},
        {1, TLS1_3_VERSION, NULL},
        {0, TLS1_2_VERSION, "tls.client"},
        {0, TLS1_3_VERSION, "tls.client"},
        {-1, TLS1_2_VERSION, "tls.client"},
        {-1, TLS1_3_VERSION, "tls.client"},
        {1, TLS1_1_VERSION, "tls.handshake"},
    };
    struct tls_server *s = server(r, r->ca[1]);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[ROOM];
        size_t n = 0;
        struct client c = client_new(r, rows[i].cert, rows[i].version);
        struct tls *t = tls_accept(s);
        struct err e = exchange(&c, t, ROOM, text, &n);
        if (rows[i].code != NULL) {
            assert_int_equal(e.kind, ERR_REJECT);
            assert_string_equal(e.code, rows[i].code);
            assert_false(tls_ready(t));
            e = tls_read(t, text, sizeof text, &n); /* and it stays so */
            assert_int_equal(e.kind, ERR_REJECT);
            assert_int_equal(n, 0);
        } else {
            assert_int_equal(e.kind, ERR_NONE);
            assert_true(tls_ready(t));
        }
        tls_free(t);
        client_free(&c);
    }
    tls_server_free(s);
}

/* A certificate that CA number `ca` has signed. */
static void
use_leaf(const struct room *r, int ca, SSL_CTX *ctx)
{
    FILE *cert_file = fopen(r->cert[ca], "r"), *key_file = fopen(r->key[ca], "r");
    assert_true(cert_file != NULL && key_file != NULL);
    X509 *issuer = PEM_read_X509(cert_file, NULL, NULL, NULL), *leaf = X509_new();
    EVP_PKEY *key = PEM_read_PrivateKey(key_file, NULL, NULL, NULL);
    assert_true(issuer != NULL && leaf != NULL && key != NULL);
    assert_int_equal(X509_set_version(leaf, 2), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(leaf), -60));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(leaf), 3600));
    assert_int_equal(X509_set_issuer_name(leaf, X509_get_subject_name(issuer)), 1);
    assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(leaf), "CN", MBSTRING_ASC,
                                                (const unsigned char *)"sensor", -1, -1, 0),
                     1);
    assert_int_equal(X509_set_pubkey(leaf, key), 1);
    assert_true(X509_sign(leaf, key, EVP_sha256()) > 0);
    assert_int_equal(SSL_CTX_use_certificate(ctx, leaf), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(ctx, key), 1);
    X509_free(issuer);
    X509_free(leaf);
    EVP_PKEY_free(key);
    (void)fclose(cert_file);
    (void)fclose(key_file);
}

/* Both are called localhost. */
static void
test_a_ca_with_the_same_name_is_another_ca(void **state)
{
    struct room *r = *state;
    struct tls_server *s = server(r, r->ca[1]);
    for (int ca = 0; ca < 2; ca++) {
        char text[ROOM];
        size_t n = 0;
        struct client c = client_new(r, -1, TLS1_3_VERSION);
        use_leaf(r, ca, c.ctx);
        SSL_free(c.ssl);
        c.ssl = SSL_new(c.ctx);
        SSL_set_bio(c.ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
        SSL_set_connect_state(c.ssl);
        struct tls *t = tls_accept(s);
        struct err e = exchange(&c, t, ROOM, text, &n);
        assert_int_equal(tls_ready(t), ca == 1);
        assert_string_equal(e.kind ? e.code : "let in", ca == 1 ? "let in" : "tls.client");
        if (e.kind)
            assert_non_null(strstr(e.text, "signature"));
        tls_free(t);
        client_free(&c);
    }
    tls_server_free(s);
}

static void
test_a_session_is_not_resumed(void **state)
{
    struct room *r = *state;
    struct tls_server *s = server(r, r->ca[1]);
    SSL_SESSION *session = NULL;
    for (int i = 0; i < 2; i++) {
        char text[ROOM];
        size_t n = 0;
        struct client c = client_new(r, 1, TLS1_2_VERSION);
        if (session != NULL)
            assert_int_equal(SSL_set_session(c.ssl, session), 1);
        struct tls *t = tls_accept(s);
        struct err e = exchange(&c, t, ROOM, text, &n);
        assert_int_equal(e.kind, ERR_NONE);
        assert_false(SSL_session_reused(c.ssl));
        SSL_SESSION_free(session);
        session = SSL_get1_session(c.ssl);
        tls_free(t);
        client_free(&c);
    }
    SSL_SESSION_free(session);
    tls_server_free(s);
}

static void
test_a_renegotiation_gets_nothing(void **state)
{
    struct room *r = *state;
    struct tls_server *s = server(r, SLICE_NONE);
    char text[ROOM];
    size_t n = 0;
    struct client c = client_new(r, -1, TLS1_2_VERSION);
    struct tls *t = tls_accept(s);
    struct err e = exchange(&c, t, ROOM, text, &n);
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(SSL_renegotiate(c.ssl), 1);
    e = exchange(&c, t, ROOM, text, &n);
    if (e.kind) /* the client may take our no for the end */
        assert_string_equal(e.code, "tls.broken");
    assert_int_not_equal(SSL_do_handshake(c.ssl), 1);
    assert_int_equal(n, 0);
    tls_free(t);
    client_free(&c);
    tls_server_free(s);
}

static void
test_what_is_no_tls_is_refused(void **state)
{
    struct room *r = *state;
    static const char *const bytes[] = {
        "<36>1 2020-01-14T09:19:27.540731+00:00 DC1 CEF 6076 X 0|Microsoft|Azure ATP|",
        "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "\x16\x03\x01\xff\xff garbage",
        "\x16\x03\x01\x01\x01\x01\xff\xff\xff" A256, /* a hello of 16 MiB */
    };
    struct tls_server *s = server(r, SLICE_NONE);
    for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) {
        char text[ROOM];
        size_t n = 0;
        struct tls *t = tls_accept(s);
        struct err e = tls_feed(t, slice_of(bytes[i]));
        assert_int_equal(e.kind, ERR_NONE);
        e = tls_read(t, text, sizeof text, &n);
        assert_int_equal(e.kind, ERR_REJECT);
        assert_string_equal(e.code, "tls.handshake");
        tls_end(t); /* harmless */
        tls_free(t);
    }
    tls_server_free(s);
    tls_free(NULL);
    tls_server_free(NULL);
}

static void
test_wrong_files_are_named(void **state)
{
    struct room *r = *state;
    struct tls_server *s;
    static const struct {
        int cert, key; /* index; 2: the other kind of file; 3: no file */
        const char *code;
    } rows[] = {
        {3, 0, "tls.certificate"}, {0, 3, "tls.key"}, {0, 1, "tls.key"},
        {2, 0, "tls.certificate"}, {0, 2, "tls.key"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *certs[] = {r->cert[0], r->cert[1], r->key[0], "/nowhere/cert"};
        const char *keys[] = {r->key[0], r->key[1], r->cert[0], "/nowhere/key"};
        struct err e = tls_server_new(certs[rows[i].cert], keys[rows[i].key], SLICE_NONE, &s);
        assert_int_equal(e.kind, ERR_STOP);
        assert_string_equal(e.code, rows[i].code);
        assert_null(s);
    }
}

static void
test_a_client_ca_must_be_certificates_of_cas(void **state)
{
    struct room *r = *state;
    struct slice both = slice_join(r->a, r->ca[0], r->ca[1]);
    struct slice torn = slice_sub(both, 0, both.n - 40);
    assert_int_equal(tls_ca_check(r->ca[0]).kind, ERR_NONE);
    assert_int_equal(tls_ca_check(both).kind, ERR_NONE);
    assert_int_equal(tls_ca_check(torn).kind, ERR_REJECT);
    assert_int_equal(tls_ca_check(SLICE("")).kind, ERR_REJECT);
    assert_int_equal(tls_ca_check(SLICE("no PEM")).kind, ERR_REJECT);
    assert_int_equal(tls_ca_check(SLICE_NONE).kind, ERR_REJECT);
    struct tls_server *s;
    struct err e = tls_server_new(r->cert[0], r->key[0], torn, &s);
    assert_string_equal(e.code, "tls.client_ca");
    tls_server_free(server(r, both));
}

static void
test_certificates_tell_from_when_to_when_they_are_valid(void **state)
{
    static const char *const names[] = {"localhost", NULL};
    const struct room *r = *state;
    struct slice longer, key;
    int64_t from, until, from_of_two, until_of_two;
    struct err e = crypto_self_signed(names, 30, r->a, &longer, &key);
    assert_int_equal(e.kind, ERR_NONE);
    e = tls_valid(r->ca[0], &from, &until);
    assert_int_equal(e.kind, ERR_NONE);
    assert_true(until > from);
    e = tls_valid(slice_join(r->a, longer, r->ca[0]), &from_of_two, &until_of_two);
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(until_of_two, until); /* the first one to end */
    assert_true(from_of_two >= from);
    e = tls_valid(longer, &from_of_two, &until_of_two);
    assert_int_equal(e.kind, ERR_NONE);
    assert_true(until_of_two - until > 28 * 86400);
    static const char *const bad[] = {NULL, "", "no certificate",
                                      "-----BEGIN CERTIFICATE-----\nAAAA\n"
                                      "-----END CERTIFICATE-----\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        e = tls_valid(slice_of(bad[i]), &from, &until);
        assert_string_equal(e.code, "tls.certificate");
    }
}

/* Whoever asked would get the word, and without it would wait for ever. */
static void
test_nobody_is_asked_for_a_pass_phrase(void **state)
{
    const struct slice mark = SLICE("-----BEGIN CERTIFICATE-----\n"), word = SLICE("word\n");
    struct room *r = *state;
    struct tls_server *s = NULL;
    int said[2], was = dup(STDIN_FILENO);
    assert_int_equal(pipe(said), 0);
    assert_true(was >= 0 && dup2(said[0], STDIN_FILENO) == STDIN_FILENO);
    for (int i = 0; i < 8; i++)
        assert_int_equal(write(said[1], word.p, word.n), word.n);
    close(said[1]);
    struct slice locked =
        slice_printf(r->a,
                     "%.*sProc-Type: 4,ENCRYPTED\n"
                     "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n%.*s",
                     SLICE_ARG(mark), SLICE_ARG(slice_sub(r->ca[0], mark.n, r->ca[0].n)));
    struct err e = tls_ca_check(locked);
    assert_string_equal(e.code, "tls.client_ca");
    FILE *in = fopen(r->key[0], "r"), *out;
    EVP_PKEY *key = PEM_read_PrivateKey(in, NULL, NULL, NULL);
    (void)fclose(in);
    out = fopen(r->key[0], "w");
    assert_int_equal(PEM_write_PrivateKey(out, key, EVP_aes_128_cbc(),
                                          (const unsigned char *)"word", 4, NULL, NULL),
                     1);
    assert_int_equal(fclose(out), 0);
    EVP_PKEY_free(key);
    e = tls_server_new(r->cert[0], r->key[0], SLICE_NONE, &s);
    assert_string_equal(e.code, "tls.key");
    assert_int_equal(dup2(was, STDIN_FILENO), STDIN_FILENO);
    close(was);
    close(said[0]);
}

int
main(void)
{
#define ROOMED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        ROOMED(test_certificates_tell_from_when_to_when_they_are_valid),
        ROOMED(test_lines_come_through_in_pieces_of_any_size),
        ROOMED(test_only_clients_of_the_ca_are_let_in),
        ROOMED(test_a_ca_with_the_same_name_is_another_ca),
        ROOMED(test_a_session_is_not_resumed),
        ROOMED(test_a_renegotiation_gets_nothing),
        ROOMED(test_what_is_no_tls_is_refused),
        ROOMED(test_wrong_files_are_named),
        ROOMED(test_a_client_ca_must_be_certificates_of_cas),
        ROOMED(test_nobody_is_asked_for_a_pass_phrase),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
