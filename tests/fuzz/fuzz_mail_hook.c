/* Any bytes are a request to the webhook: method, path and authId a line each, then the body. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "ingest/mail_hook.h"
#include "ingest/source.h"

extern const struct source source_mail;

#define TENANT "8a1a1157-0272-492d-ab10-3f9853ac8183"

/* The listener's configuration, with a key that lies in no folder. */
static struct conf *
conf_make(void)
{
    static const char key[] = "0123456789abcdef0123456789abcdef\n";
    const struct opt *const tables[] = {source_mail.opts, NULL};
    char flag[100];
    struct conf *c = NULL;
    int f = memfd_create("key", 0);
    if (f < 0 || write(f, key, sizeof key - 1) != (ssize_t)(sizeof key - 1))
        abort();
    (void)snprintf(flag, sizeof flag, "ingest.mail.webhook_key_file=/proc/self/fd/%d", f);
    const char *const flags[] = {flag, "ingest.mail.webhook_url=https://weir.example", NULL};
    struct err e = conf_load(tables, "/dev/null", flags, &c);
    if (e.kind)
        abort();
    return c;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new((size_t)32 << 20);
    struct slice rest = {(const char *)data, size};
    static struct conf *conf; /* of the process: making it takes longer than an input */
    if (conf == NULL)
        conf = conf_make();
    struct mail_hook right;
    struct err e = mail_hook_of(conf, SLICE(TENANT), a, &right);
    if (e.kind)
        abort();
    struct hook_request r = {.conf = conf};
    r.method = slice_split(&rest, '\n');
    r.path = slice_split(&rest, '\n');
    r.auth_id = slice_split(&rest, '\n');
    bool given = slice_eq(r.auth_id, SLICE("right")); /* what no search would find */
    if (given)
        r.auth_id = right.auth_id;
    r.body = rest;
    const struct hook_reply reply = mail_hook_kind.judge(&r, a);
    if ((reply.status == 200 || reply.wake.n > 0) && !given)
        abort(); /* a stranger was believed */
    if (reply.wake.n > 0 && (reply.status != 200 || !slice_eq_nocase(reply.wake, SLICE(TENANT))))
        abort();
    FUZZ_PLANT(reply.status == 200 && reply.wake.n == 0 && slice_starts(r.body, SLICE("[")));
    arena_free(a);
    return 0;
}
