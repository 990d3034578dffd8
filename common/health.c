#include "common/health.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/json.h"
#include "common/line.h"
#include "common/log.h"
#include "common/metric.h"

enum {
    NAME_MAX_BYTES = 64,
    PATH_MAX_BYTES = 512,
    BODY_MAX = 1024,            /* nobody has anything to send here */
    ARENA_MAX = 4 * 1024 * 1024 /* a whole /metrics */
};

static const char JSON_TYPE[] = "application/json";
static const char TEXT_TYPE[] = "text/plain; charset=utf-8";
static const char METRICS_TYPE[] = "text/plain; version=0.0.4; charset=utf-8";

const struct opt health_opts[] = {
    OPT_TEXT("run.dir", "/run/weir",
             "Directory in which each worker writes its port and process id."),
    OPT_INT("health.port", NULL, 0, 0, 65535,
            "Port of /metrics, /livez and /readyz on 127.0.0.1; 0 takes a free one."),
    OPT_END,
};

struct part {
    const char *name, *why;
    bool well;
};

struct health {
    struct loop *loop; /* borrowed */
    struct http *http; /* owned */
    struct part parts[HEALTH_PARTS_MAX];
    size_t parts_n;
    char name[NAME_MAX_BYTES + 1];
    char path[PATH_MAX_BYTES]; /* of the file in the run directory; "" while there is none */
};

/* ---- the parts */

void
health_set(struct health *h, const char *part, bool well, const char *why)
{
    size_t i = 0;
    while (i < h->parts_n && strcmp(h->parts[i].name, part) != 0)
        i++;
    assert(i < HEALTH_PARTS_MAX);
    bool fresh = i == h->parts_n, changed = fresh || h->parts[i].well != well;
    h->parts[i] = (struct part){part, well ? NULL : why, well};
    h->parts_n += fresh;
    if (changed && well)
        log_info("health.up", LOG_STR("part", part));
    else if (changed)
        log_warn("health.down", LOG_STR("part", part), LOG_STR("why", why));
}

bool
health_ready(const struct health *h)
{
    for (size_t i = 0; i < h->parts_n; i++)
        if (!h->parts[i].well)
            return false;
    return !loop_stopping(h->loop);
}

/* ---- answers */

/* {"ready":false,"parts":[{"name":"kafka","well":false,"why":"no broker answers"}]} */
static void
answer_ready(struct health *h, struct http_request *r)
{
    struct json_out *body = json_out_object(r->arena), *parts = json_out_array(r->arena);
    bool ready = health_ready(h);
    json_out_bool(body, "ready", ready);
    if (loop_stopping(h->loop))
        json_out_bool(body, "stopping", true);
    for (size_t i = 0; i < h->parts_n; i++) {
        struct json_out *part = json_out_object(r->arena);
        json_out_text(part, "name", slice_of(h->parts[i].name));
        json_out_bool(part, "well", h->parts[i].well);
        if (!h->parts[i].well)
            json_out_text(part, "why", slice_of(h->parts[i].why));
        json_out_add(parts, part);
    }
    json_out_set(body, "parts", parts);
    struct slice text = json_out_print(body, r->arena);
    if (text.p == NULL)
        http_answer(r, 500, TEXT_TYPE, SLICE("out of memory\n"), NULL);
    else
        http_answer(r, ready ? 200 : 503, JSON_TYPE, text, NULL);
}

static void
answer_metrics(struct health *h, struct http_request *r)
{
    (void)h;
    struct slice text = metric_text(r->arena);
    if (text.p == NULL)
        http_answer(r, 500, TEXT_TYPE, SLICE("out of memory\n"), NULL);
    else
        http_answer(r, 200, METRICS_TYPE, text, NULL);
}

/* That this runs is the answer: it runs on the loop. */
static void
answer_live(struct health *h, struct http_request *r)
{
    (void)h;
    http_answer(r, 200, TEXT_TYPE, SLICE("ok\n"), NULL);
}

bool
health_answer(struct health *h, struct http_request *r)
{
    static const struct {
        const char *path;
        void (*answer)(struct health *h, struct http_request *r);
    } ROUTES[] = {{"/metrics", answer_metrics}, {"/livez", answer_live}, {"/readyz", answer_ready}};
    static const struct http_header ALLOW[] = {{"Allow", "GET, HEAD"}, {NULL, NULL}};
    for (size_t i = 0; i < sizeof ROUTES / sizeof ROUTES[0]; i++) {
        if (!slice_eq(r->path, slice_of(ROUTES[i].path)))
            continue;
        if (slice_eq(r->method, SLICE("GET")) || slice_eq(r->method, SLICE("HEAD")))
            ROUTES[i].answer(h, r);
        else
            http_answer(r, 405, TEXT_TYPE, SLICE("GET it\n"), ALLOW);
        return true;
    }
    return false;
}

static void
handle(void *arg, struct http_request *r)
{
    if (!health_answer(arg, r))
        http_answer(r, 404, TEXT_TYPE, SLICE("/metrics, /livez and /readyz are here\n"), NULL);
}

/* ---- the file in the run directory */

static struct err
dir_failed(const char *what, const char *path)
{
    return err_make(ERR_STOP, "health.run_dir", "cannot %s %.60s: %s (see the setting run.dir)",
                    what, path, strerror(errno));
}

/* The name becomes a file's name. */
static bool
name_ok(const char *name)
{
    size_t n = strlen(name);
    return n > 0 && n <= NAME_MAX_BYTES && name[0] != '.' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == n;
}

static bool
write_whole(const char *path, struct slice text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return false;
    ssize_t n = write(fd, text.p, text.n);
    if (n >= 0 && (size_t)n < text.n) { /* a disk that is nearly full takes a part */
        errno = ENOSPC;
        n = -1;
    }
    int reason = errno;
    close(fd);
    errno = reason;
    return n >= 0;
}

/* Readers never see half a file: it is written under another name and renamed. */
static struct err
file_write(struct health *h, const char *dir)
{
    char text[NAME_MAX_BYTES + 128], path[PATH_MAX_BYTES], fresh[PATH_MAX_BYTES + 8];
    struct line l = {.p = text, .size = sizeof text};
    line_printf(&l, "{\"name\":\"%s\",\"pid\":%ld,\"port\":%d}\n", h->name, (long)getpid(),
                http_port(h->http));
    int n = snprintf(path, sizeof path, "%s/%s.json", dir, h->name);
    if (n < 0 || (size_t)n >= sizeof path)
        return err_make(ERR_STOP, "health.run_dir", "run.dir is too long");
    if (mkdir(dir, 0755) != 0 && errno != EEXIST)
        return dir_failed("make", dir);
    (void)snprintf(fresh, sizeof fresh, "%s.new", path);
    if (!write_whole(fresh, (struct slice){l.p, l.n}) || rename(fresh, path) != 0) {
        struct err e = dir_failed("write", fresh);
        (void)unlink(fresh);
        return e;
    }
    memcpy(h->path, path, sizeof path);
    return ERR_OK;
}

/* ---- start and close */

static void
http_closed(void *arg)
{
    free(arg);
}

struct err
health_start(struct loop *l, const struct conf *c, const char *name, struct health **out)
{
    const char *dir = conf_text(c, "run.dir");
    if (!name_ok(name))
        return err_make(ERR_STOP, "health.name", "'%.64s' cannot be a worker's name", name);
    if (dir == NULL)
        return err_make(ERR_STOP, "health.run_dir", "run.dir is empty");
    struct health *h = calloc(1, sizeof *h);
    if (h == NULL)
        return err_make(ERR_STOP, "health.memory", "out of memory");
    h->loop = l;
    (void)snprintf(h->name, sizeof h->name, "%s", name);
    struct http_conf conf = {.address = "127.0.0.1",
                             .port = (int)conf_int(c, "health.port"),
                             .body_max = BODY_MAX,
                             .arena_max = ARENA_MAX,
                             .handle = handle,
                             .arg = h};
    struct err e = http_start(l, &conf, &h->http);
    if (e.kind) {
        free(h);
        return e;
    }
    metric_set(METRIC_weir_build_info, 1, WEIR_VERSION);
    e = file_write(h, dir);
    if (e.kind)
        health_close(h);
    else
        *out = h;
    return e;
}

void
health_close(struct health *h)
{
    if (h == NULL)
        return;
    if (h->path[0] != '\0' && unlink(h->path) != 0 && errno != ENOENT)
        log_warn("health.file_left", LOG_STR("path", h->path), LOG_STR("why", strerror(errno)));
    http_close(h->http, http_closed, h);
}
