#include "ingest/hook.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/metric.h"

enum { BODY_MAX = 1024 * 1024, REQUEST_MEMORY = 8 * 1024 * 1024, PEM_MAX = 256 * 1024 };

struct hook {
    const struct conf *conf;
    const struct hook_kind *kind;
    struct http *server;
    void (*wake)(void *arg, struct slice directory_id);
    void *arg;
    struct arena *files; /* certificate and key, while the server starts */
    bool closing;
};

static void
handle(void *arg, struct http_request *r)
{
    struct hook *h = arg;
    if (h->closing) {
        http_answer(r, 503, "text/plain", SLICE(""), NULL);
        return;
    }
    const struct hook_request asked = {
        .conf = h->conf,
        .method = r->method,
        .path = r->path,
        .body = r->body,
        .auth_id = http_header(r, "Webhook-AuthID"),
        .validation_code = http_header(r, "Webhook-ValidationCode"),
    };
    const struct hook_reply reply = h->kind->judge(&asked, r->arena);
    metric_add(METRIC_weir_ingest_notifications_total, 1,
               reply.status == 200 ? "taken" : "refused");
    if (reply.wake.n > 0)
        h->wake(h->arg, reply.wake);
    http_answer(r, reply.status, "text/plain", SLICE(""), NULL);
}

static struct err
read_file(const char *path, struct arena *a, struct slice *out)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return err_make(ERR_STOP, "hook.files", "%s: %s", path, strerror(errno));
    char *text = arena_alloc(a, PEM_MAX + 1);
    size_t n = text != NULL ? fread(text, 1, PEM_MAX + 1, f) : 0;
    bool bad = text == NULL || ferror(f) != 0 || n == 0 || n > PEM_MAX;
    (void)fclose(f);
    if (bad)
        return err_make(ERR_STOP, "hook.files", "%s: unreadable, empty or over %d bytes", path,
                        PEM_MAX);
    *out = (struct slice){text, n};
    return ERR_OK;
}

static struct err
listen_on(struct hook *h, struct loop *l)
{
    const struct hook_kind *k = h->kind;
    const char *cert = conf_text(h->conf, k->cert_option);
    const char *key = conf_text(h->conf, k->key_option);
    struct http_conf http = {
        .address = conf_text(h->conf, k->address_option),
        .port = (int)conf_int(h->conf, k->port_option),
        .body_max = BODY_MAX,
        .arena_max = REQUEST_MEMORY,
        .handle = handle,
        .arg = h,
    };
    if ((cert == NULL) != (key == NULL))
        return err_make(ERR_STOP, "hook.files", "%s and %s: set both or none of them",
                        k->cert_option, k->key_option);
    struct err e = k->ready(h->conf, h->files);
    if (e.kind == ERR_NONE && cert != NULL)
        e = read_file(cert, h->files, &http.cert_pem);
    if (e.kind == ERR_NONE && key != NULL)
        e = read_file(key, h->files, &http.key_pem);
    return e.kind ? e : http_start(l, &http, &h->server);
}

static void
hook_free(void *arg)
{
    struct hook *h = arg;
    arena_free(h->files);
    free(h);
}

struct err
hook_start(struct loop *l, const struct conf *c, const struct hook_kind *kind,
           void (*wake)(void *arg, struct slice directory_id), void *arg, struct hook **out)
{
    *out = NULL;
    if (conf_int(c, kind->port_option) == 0)
        return ERR_OK;
    struct hook *h = calloc(1, sizeof *h);
    if (h == NULL)
        return err_make(ERR_STOP, "hook.memory", "out of memory");
    *h = (struct hook){.conf = c, .kind = kind, .wake = wake, .arg = arg};
    h->files = arena_new((size_t)PEM_MAX * 4);
    struct err e =
        h->files == NULL ? err_make(ERR_STOP, "hook.memory", "out of memory") : listen_on(h, l);
    if (e.kind) {
        hook_free(h);
        if (strcmp(e.code, "http.busy") != 0)
            return e;
        e.kind = ERR_RETRY; /* another worker of this host has it: ours are polled all the same */
        log_err("ingest.webhook_busy", &e);
        return ERR_OK;
    }
    log_info("ingest.webhook", LOG_INT("port", http_port(h->server)));
    *out = h;
    return ERR_OK;
}

int
hook_port(const struct hook *h)
{
    return http_port(h->server);
}

void
hook_close(struct hook *h)
{
    if (h == NULL || h->closing)
        return;
    h->closing = true;
    http_close(h->server, hook_free, h);
}
