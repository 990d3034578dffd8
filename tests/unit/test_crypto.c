#include "common/crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

static void
assert_hex(const uint8_t *bytes, size_t n, const char *expected)
{
    struct arena *a = arena_new(4096);
    struct slice hex = slice_hex(a, (struct slice){(const char *)bytes, n});
    assert_true(slice_eq(hex, slice_of(expected)));
    arena_free(a);
}

/* FIPS 180-4 examples and RFC 4231, case 2. */
static void
test_hashes_are_the_published_ones(void **state)
{
    uint8_t sum[CRYPTO_SHA256], parts_sum[CRYPTO_SHA256];
    crypto_sha256(SLICE("abc"), sum);
    assert_hex(sum, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    const struct slice parts[] = {SLICE("a"), SLICE_NONE, SLICE("bc")};
    crypto_sha256_of(parts, 3, parts_sum);
    assert_memory_equal(sum, parts_sum, 32);
    crypto_sha256(SLICE_NONE, sum);
    assert_hex(sum, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    crypto_sha1(SLICE("abc"), sum);
    assert_hex(sum, 20, "a9993e364706816aba3e25717850c26c9cd0d89d");
    crypto_hmac_sha256(SLICE("Jefe"), SLICE("what do ya want for nothing?"), sum);
    assert_hex(sum, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    (void)state;
}

static void
test_random_bytes_and_guids_do_not_repeat(void **state)
{
    uint8_t x[16] = {0}, y[16] = {0};
    char g[37], h[37];
    crypto_random(x, sizeof x);
    crypto_random(y, sizeof y);
    crypto_random(y, 0);
    assert_false(crypto_equal(x, y, sizeof x));
    assert_true(crypto_equal(x, x, sizeof x));
    crypto_guid(g);
    crypto_guid(h);
    assert_string_not_equal(g, h);
    assert_int_equal(strlen(g), 36);
    assert_int_equal(g[14], '4');
    assert_non_null(strchr("89ab", g[19]));
    (void)state;
}

/* RFC 9562, appendix A.4. */
static void
test_a_guid_of_a_name_is_the_published_one(void **state)
{
    static const uint8_t dns[16] = {0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1,
                                    0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8};
    char g[37];
    crypto_guid_of(dns, SLICE("www.example.com"), g);
    assert_string_equal(g, "2ed6657d-e927-568b-95e1-2665a8aea6a2");
    (void)state;
}

static void
test_a_self_signed_certificate_holds_its_names(void **state)
{
    static const char *const names[] = {"localhost", "weir.example", "127.0.0.1", "::1", NULL};
    struct arena *a = arena_new(65536);
    struct slice cert_pem, key_pem;
    struct err e = crypto_self_signed(names, 30, a, &cert_pem, &key_pem);
    assert_int_equal(e.kind, ERR_NONE);
    BIO *cert_bio = BIO_new_mem_buf(cert_pem.p, (int)cert_pem.n);
    BIO *key_bio = BIO_new_mem_buf(key_pem.p, (int)key_pem.n);
    X509 *cert = PEM_read_bio_X509(cert_bio, NULL, NULL, NULL);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL);
    assert_non_null(cert);
    assert_int_equal(X509_check_private_key(cert, key), 1);
    assert_int_equal(X509_verify(cert, key), 1);
    assert_int_equal(X509_check_host(cert, "weir.example", 0, 0, NULL), 1);
    assert_int_equal(X509_check_host(cert, "other.example", 0, 0, NULL), 0);
    assert_int_equal(X509_check_ip_asc(cert, "127.0.0.1", 0), 1);
    assert_int_equal(X509_check_ip_asc(cert, "::1", 0), 1);
    assert_int_equal(X509_check_ip_asc(cert, "127.0.0.2", 0), 0);
    int days = 0, seconds = 0;
    assert_int_equal(ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(cert)), 1);
    assert_in_range(days, 29, 30);
    EVP_PKEY_free(key);
    X509_free(cert);
    BIO_free(cert_bio);
    BIO_free(key_bio);
    arena_free(a);
    (void)state;
}

static void
test_a_certificate_without_memory_is_an_error(void **state)
{
    static const char *const names[] = {"localhost", NULL};
    struct arena *a = arena_new(16);
    struct slice cert_pem, key_pem;
    struct err e = crypto_self_signed(names, 30, a, &cert_pem, &key_pem);
    assert_int_equal(e.kind, ERR_STOP);
    assert_string_equal(e.code, "crypto.cert");
    arena_free(a);
    (void)state;
}

static void
test_base64_is_read_strictly(void **state)
{
    static const struct {
        const char *text;
        const char *bytes; /* NULL: refused */
    } rows[] = {
        {"", ""},       {"Zg==", "f"},  {"Zm8=", "fo"},   {"Zm9v", "foo"}, {"Zm9vYmFy", "foobar"},
        {"Zg=", NULL},  {"Zg", NULL},   {"Zm9v\n", NULL}, {" Zm9", NULL},  {"Z===", NULL},
        {"Zm_v", NULL}, {"Z=9v", NULL},
    };
    struct arena *a = arena_new(4096);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct slice got = crypto_unbase64(a, slice_of(rows[i].text));
        if (rows[i].bytes == NULL)
            assert_null(got.p);
        else
            assert_true(slice_eq(got, slice_of(rows[i].bytes)));
    }
    arena_free(a);
    (void)state;
}

/* Test cases 13 and 14 of McGrew and Viega's proposal of GCM. */
static void
test_gcm_is_the_published_one(void **state)
{
    static const uint8_t key[CRYPTO_GCM_KEY], nonce[CRYPTO_GCM_NONCE], zeros[16];
    uint8_t out[16], tag[CRYPTO_GCM_TAG];
    struct crypto_gcm *g = crypto_gcm_new();
    crypto_gcm_close(g, key, nonce, NULL, 0, SLICE_NONE, out, tag);
    assert_hex(tag, 16, "530f8afbc74536b9a963b4f1c4cb738b");
    crypto_gcm_close(g, key, nonce, NULL, 0, (struct slice){(const char *)zeros, 16}, out, tag);
    assert_hex(out, 16, "cea7403d4d606b6e074ec5d3baf39d18");
    assert_hex(tag, 16, "d0d1c8a799996bf0265b98b5d48ab919");
    crypto_gcm_free(g);
    (void)state;
}

static void
test_gcm_opens_only_what_was_closed_so(void **state)
{
    static const char *const changes[] = {"", "key", "nonce", "aad", "text", "tag"};
    struct crypto_gcm *g = crypto_gcm_new();
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        uint8_t key[CRYPTO_GCM_KEY] = {1}, nonce[CRYPTO_GCM_NONCE] = {2}, tag[CRYPTO_GCM_TAG];
        char place[] = "kafka|t|x", text[21] = "a text of 20 letters";
        const struct slice aad[] = {SLICE("WEI1"), {place, sizeof place - 1}};
        struct slice sealed = {text, 20};
        crypto_gcm_close(g, key, nonce, aad, 2, sealed, (uint8_t *)text, tag);
        assert_string_not_equal(text, "a text of 20 letters");
        key[31] ^= strcmp(changes[i], "key") == 0;
        nonce[11] ^= strcmp(changes[i], "nonce") == 0;
        place[8] ^= strcmp(changes[i], "aad") == 0;
        text[19] ^= strcmp(changes[i], "text") == 0;
        tag[15] ^= strcmp(changes[i], "tag") == 0;
        bool opened = crypto_gcm_open(g, key, nonce, aad, 2, sealed, tag, (uint8_t *)text);
        assert_int_equal(opened, i == 0);
        if (opened)
            assert_string_equal(text, "a text of 20 letters");
    }
    crypto_gcm_free(g);
    (void)state;
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hashes_are_the_published_ones),
        cmocka_unit_test(test_random_bytes_and_guids_do_not_repeat),
        cmocka_unit_test(test_a_guid_of_a_name_is_the_published_one),
        cmocka_unit_test(test_a_self_signed_certificate_holds_its_names),
        cmocka_unit_test(test_a_certificate_without_memory_is_an_error),
        cmocka_unit_test(test_base64_is_read_strictly),
        cmocka_unit_test(test_gcm_is_the_published_one),
        cmocka_unit_test(test_gcm_opens_only_what_was_closed_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
