/* The webhook listener on a real socket of this machine. */
#include "ingest/hook.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/fetch.h"
#include "ingest/mail_hook.h"
#include "ingest/source.h"

extern const struct source source_mail;

#define TENANT "8a1a1157-0272-492d-ab10-3f9853ac8183"
#define NEWS "[{\"tenantId\":\"" TENANT "\",\"contentType\":\"Audit.General\"}]"

struct bench {
    char key_file[64];
    struct conf *conf;
    struct loop *loop;
    struct fetch *fetch;
    struct hook *hook;
    struct arena *a;
    unsigned woken;
    bool answered, closed;
    long status;
};

static int
free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    int s = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(s, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(getsockname(s, (struct sockaddr *)&at, &n), 0);
    close(s);
    return ntohs(at.sin_port);
}

static struct conf *
conf_with(struct bench *b, int port, const char *more)
{
    char flags[2][160];
    struct conf *c;
    (void)snprintf(flags[0], sizeof flags[0], "ingest.mail.webhook_key_file=%s", b->key_file);
    (void)snprintf(flags[1], sizeof flags[1], "ingest.mail.webhook_port=%d", port);
    const char *const list[] = {flags[0], flags[1], "ingest.mail.webhook_url=https://x.example",
                                more, NULL};
    const struct opt *const tables[] = {source_mail.opts, fetch_opts, NULL};
    struct err e = conf_load(tables, "/dev/null", list, &c);
    if (e.kind)
        fail_msg("%s", e.text);
    return c;
}

static void
on_wake(void *arg, struct slice directory_id)
{
    struct bench *b = arg;
    assert_true(slice_eq(directory_id, SLICE(TENANT)));
    b->woken++;
}

static int
setup(void **state)
{
    static const char key[] = "0123456789abcdef0123456789abcdef";
    struct bench *b = calloc(1, sizeof *b);
    struct err e = ERR_OK;
    (void)snprintf(b->key_file, sizeof b->key_file, "/tmp/weir-hook-key-XXXXXX");
    int f = mkstemp(b->key_file);
    assert_true(f >= 0 && write(f, key, sizeof key - 1) == (ssize_t)(sizeof key - 1));
    close(f);
    b->a = arena_new(1 << 20);
    e = loop_new(false, &b->loop);
    assert_int_equal(e.kind, ERR_NONE);
    for (int tries = 0; tries < 10 && b->hook == NULL; tries++) { /* others want ports too */
        conf_free(b->conf);
        b->conf = conf_with(b, free_port(), NULL);
        e = hook_start(b->loop, b->conf, &mail_hook_kind, on_wake, b, &b->hook);
    }
    assert_int_equal(e.kind, ERR_NONE);
    e = fetch_open(b->loop, b->conf, &b->fetch);
    assert_int_equal(e.kind, ERR_NONE);
    *state = b;
    return 0;
}

static void
on_closed(void *arg)
{
    struct bench *b = arg;
    b->closed = true;
}

static int
teardown(void **state)
{
    struct bench *b = *state;
    hook_close(b->hook);
    fetch_close(b->fetch, on_closed, b);
    loop_stop(b->loop, 0);
    (void)loop_run(b->loop);
    loop_free(b->loop); /* asserts that every handle is closed */
    conf_free(b->conf);
    arena_free(b->a);
    (void)unlink(b->key_file);
    free(b);
    return 0;
}

static void
on_answer(void *arg, const struct fetch_answer *answer, struct err e)
{
    struct bench *b = arg;
    if (e.kind)
        fail_msg("%s", e.text);
    b->status = answer->status;
    b->answered = true;
}

static long
post(struct bench *b, struct slice auth_id, const char *code, const char *body)
{
    struct fetch_request r = {.method = "POST", .body = slice_of(body)};
    r.url = slice_printf(b->a, "http://127.0.0.1:%d/" TENANT, hook_port(b->hook));
    r.headers[r.n_headers++] = slice_printf(b->a, "Webhook-AuthID: %.*s", SLICE_ARG(auth_id));
    if (code != NULL)
        r.headers[r.n_headers++] = slice_printf(b->a, "Webhook-ValidationCode: %s", code);
    b->answered = false;
    struct err e = fetch_start(b->fetch, &r, b->a, on_answer, b);
    assert_int_equal(e.kind, ERR_NONE);
    assert_true(loop_turn(b->loop, &b->answered));
    return b->status;
}

static void
test_what_is_believed_wakes_and_a_validation_does_not(void **state)
{
    struct bench *b = *state;
    struct mail_hook right;
    struct err e = mail_hook_of(b->conf, SLICE(TENANT), b->a, &right);
    assert_int_equal(e.kind, ERR_NONE);
    assert_int_equal(post(b, right.auth_id, "x", "{\"validationCode\":\"x\"}"), 200);
    assert_int_equal(b->woken, 0);
    assert_int_equal(post(b, right.auth_id, NULL, NEWS), 200);
    assert_int_equal(b->woken, 1);
    assert_int_equal(post(b, SLICE("another"), NULL, NEWS), 403);
    assert_int_equal(post(b, right.auth_id, "y", "{\"validationCode\":\"x\"}"), 400);
    assert_int_equal(b->woken, 1);
}

static void
test_a_listener_that_is_not_configured_is_none_and_half_a_certificate_is_told(void **state)
{
    struct bench *b = *state;
    struct hook *h;
    struct conf *off = conf_with(b, 0, NULL);
    assert_int_equal(hook_start(b->loop, off, &mail_hook_kind, on_wake, b, &h).kind, ERR_NONE);
    assert_null(h);
    hook_close(h);
    conf_free(off);
    struct conf *half = conf_with(b, free_port(), "ingest.mail.webhook_cert_file=/nowhere");
    struct err e = hook_start(b->loop, half, &mail_hook_kind, on_wake, b, &h);
    assert_int_equal(e.kind, ERR_STOP);
    assert_string_equal(e.code, "hook.files");
    assert_non_null(strstr(e.text, "ingest.mail.webhook_cert_key_file"));
    conf_free(half);
}

static void
test_a_port_that_another_worker_has_is_no_reason_to_end(void **state)
{
    struct bench *b = *state;
    struct hook *second = b->hook;
    struct conf *same = conf_with(b, hook_port(b->hook), NULL);
    struct err e = hook_start(b->loop, same, &mail_hook_kind, on_wake, b, &second);
    assert_int_equal(e.kind, ERR_NONE);
    assert_null(second);
    conf_free(same);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_believed_wakes_and_a_validation_does_not),
        cmocka_unit_test(
            test_a_listener_that_is_not_configured_is_none_and_half_a_certificate_is_told),
        cmocka_unit_test(test_a_port_that_another_worker_has_is_no_reason_to_end),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
