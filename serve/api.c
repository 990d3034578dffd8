#include "serve/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/crypto.h"
#include "common/log.h"
#include "serve/auth.h"
#include "serve/certificate.h"
#include "serve/decider.h"
#include "serve/route_change.h"
#include "serve/route_incident.h"
#include "serve/route_why_not.h"
#include "store/migrate.h"

const struct opt api_opts[] = {
    OPT_TEXT("api.address", "127.0.0.1", "Address the API listens on; 0.0.0.0 or :: for all."),
    OPT_INT("api.port", NULL, 8443, 0, 65535, "Port of the API; 0: any free one."),
    OPT_INT("region.*.api_port", NULL, -1, -1, 65535,
            "Port of the API of this region; -1: api.port."),
    OPT_BOOL("api.tls", 1, "TLS on; off only behind a proxy on the same host."),
    OPT_TEXT("api.cert_file", NULL,
             "Certificate chain in PEM; without it a self-signed one is made in run.dir."),
    OPT_TEXT("api.key_file", NULL, "Private key of the certificate, in PEM."),
    OPT_TEXT("api.audiences",
             "https://api.security.microsoft.com https://graph.microsoft.com "
             "https://api.securitycenter.microsoft.com",
             "What a token may be for, beside our own address; blanks between them."),
    OPT_INT("api.decision_wait_ms", "ms", 10000, 100, 60000,
            "How long a request that changes an incident waits until that is stored."),
    OPT_END,
};

enum {
    BODY_MAX = 256 * 1024,         /* a comment may have 30,000 characters */
    ARENA_MAX = 128 * 1024 * 1024, /* of one request: a page of incidents and its alerts' rows */
    PEM_ARENA = 1024 * 1024,
};

static const char *const READ_ROLES[] = {"Incident.Read.All", "Incident.ReadWrite.All", NULL};
static const char *const WRITE_ROLES[] = {"Incident.ReadWrite.All", NULL};
static const char *const GRAPH_READ_ROLES[] = {"SecurityIncident.Read.All",
                                               "SecurityIncident.ReadWrite.All", NULL};
static const char *const GRAPH_WRITE_ROLES[] = {"SecurityIncident.ReadWrite.All", NULL};

#define CLASSIC_PATH "/api/incidents/{}"
#define GRAPH_PATH "/v1.0/security/incidents/{}"

static const struct route routes[] = {
    {"incidents", "GET", "/api/incidents", READ_ROLES, route_incident_list, false},
    {"incident", "GET", CLASSIC_PATH, READ_ROLES, route_incident_get, false},
    {"explain", "GET", CLASSIC_PATH "/explain", READ_ROLES, route_incident_explain, false},
    {"change", "PATCH", CLASSIC_PATH, WRITE_ROLES, route_change_patch, false},
    {"comment", "POST", CLASSIC_PATH "/comments", WRITE_ROLES, route_change_comment, false},
    {"merge", "POST", CLASSIC_PATH "/merge", WRITE_ROLES, route_change_merge, false},
    {"move", "POST", CLASSIC_PATH "/moveAlerts", WRITE_ROLES, route_change_move, false},
    {"split", "POST", CLASSIC_PATH "/split", WRITE_ROLES, route_change_split, false},
    {"unpin", "POST", CLASSIC_PATH "/unpin", WRITE_ROLES, route_change_unpin, false},
    {"graph_incident", "GET", GRAPH_PATH, GRAPH_READ_ROLES, route_incident_get, true},
    {"graph_change", "PATCH", GRAPH_PATH, GRAPH_WRITE_ROLES, route_change_patch, true},
    {"graph_comment", "POST", GRAPH_PATH "/comments", GRAPH_WRITE_ROLES, route_change_comment,
     true},
    {"why_not", "GET", "/api/alerts/{}/whyNot", READ_ROLES, route_why_not, false},
    {"token_v1", "POST", "/{}/oauth2/token", NULL, auth_token_v1, false},
    {"token_v2", "POST", "/{}/oauth2/v2.0/token", NULL, auth_token_v2, false},
};
enum { ROUTES_N = sizeof routes / sizeof routes[0] };

struct worker {
    struct api api; /* first: routes see this part */
    char name[96];
    struct loop_hook hook;
};

/* ---- requests */

/* Does the path fit? "{}" stands for one segment that is not empty. */
static bool
path_fits(const char *pattern, struct slice path, struct slice *argument)
{
    struct slice p = slice_of(pattern);
    size_t hole = slice_find(p, SLICE("{}"), 0);
    if (hole == p.n)
        return slice_eq(p, path);
    struct slice tail = slice_sub(p, hole + 2, p.n);
    if (!slice_starts(path, slice_sub(p, 0, hole)) || !slice_ends(path, tail) ||
        path.n <= hole + tail.n)
        return false;
    struct slice middle = slice_sub(path, hole, path.n - hole - tail.n);
    *argument = middle;
    return slice_find(middle, SLICE("/"), 0) == middle.n;
}

static void
dispatch(struct call *c)
{
    struct slice path = c->r->path;
    struct slice others = SLICE_NONE; /* methods that the path takes */
    if (path.n > 1 && path.p[path.n - 1] == '/')
        path.n--;
    for (size_t i = 0; i < ROUTES_N; i++) {
        if (!path_fits(routes[i].path, path, &c->argument))
            continue;
        c->route = &routes[i];
        if (!slice_eq(c->r->method, slice_of(routes[i].method))) {
            others = others.p == NULL ? slice_of(routes[i].method)
                                      : slice_printf(c->r->arena, "%.*s, %s", SLICE_ARG(others),
                                                     routes[i].method);
            continue;
        }
        if (routes[i].roles != NULL)
            auth_check(c);
        else
            routes[i].handle(c);
        return;
    }
    if (others.p != NULL)
        call_fail(c, 405, "MethodNotAllowed", "This path takes %.*s only.", SLICE_ARG(others));
    else
        call_fail(c, 404, "ResourceNotFound", "There is nothing at this path.");
}

static void
handle(void *arg, struct http_request *r)
{
    struct worker *w = arg;
    static const struct http_header no_headers[] = {{NULL, NULL}};
    if (health_answer(w->api.health, r))
        return;
    struct call *c = arena_alloc(r->arena, sizeof *c);
    if (c == NULL) {
        http_answer(r, 500, "application/json; charset=utf-8",
                    SLICE("{\"error\":{\"code\":\"InternalServerError\",\"message\":\"Out of "
                          "memory.\"}}"),
                    no_headers);
        return;
    }
    *c = (struct call){.r = r, .api = &w->api, .began_ms = clock_mono_ms()};
    crypto_guid(c->id);
    dispatch(c);
}

/* ---- databases */

static void
on_control_up(void *arg)
{
    struct worker *w = arg;
    health_set(w->api.health, "control", true, NULL);
}

static void
on_control_down(void *arg, struct err e)
{
    struct worker *w = arg;
    (void)e; /* its text may change from try to try; health tells of the change */
    health_set(w->api.health, "control", false, "the control database does not answer");
}

static void
on_region_up(void *arg)
{
    struct worker *w = arg;
    health_set(w->api.health, "database", true, NULL);
    migrate_require(w->api.db, w->api.loop);
    if (w->api.decider != NULL)
        decider_up(w->api.decider);
}

static void
on_notified(void *arg, const char *channel, const char *payload)
{
    struct worker *w = arg;
    (void)channel; /* there is one */
    if (w->api.decider != NULL)
        decider_notified(w->api.decider, payload);
}

static void
on_region_down(void *arg, struct err e)
{
    struct worker *w = arg;
    (void)e;
    health_set(w->api.health, "database", false, "the region's database does not answer");
}

/* ---- start and stop */

/* Calls that wait for a database are answered by its closing, so that comes after the listener's.
 */
static void
on_http_closed(void *arg)
{
    struct worker *w = arg;
    struct decider *decider = w->api.decider;
    w->api.decider = NULL;
    decider_close(decider, NULL, NULL);
    if (w->api.control != NULL)
        db_close(w->api.control, NULL, NULL);
    if (w->api.db != NULL)
        db_close(w->api.db, NULL, NULL);
    health_close(w->api.health);
}

static void
on_stop(struct loop_hook *hook)
{
    struct worker *w = hook->data;
    if (w->api.http != NULL)
        http_close(w->api.http, on_http_closed, w);
    else
        on_http_closed(w);
}

static int
port_of(const struct conf *c, const char *region)
{
    char name[96];
    const char *const *regions;
    size_t n = conf_names(c, "region.*.api_port", &regions);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(regions[i], region) != 0)
            continue;
        (void)snprintf(name, sizeof name, "region.%s.api_port", region);
        int64_t port = conf_int(c, name);
        if (port >= 0)
            return (int)port;
    }
    return (int)conf_int(c, "api.port");
}

static struct err
listen_on(struct worker *w, struct arena *a)
{
    struct certificate cert = {.made = false};
    struct err e = ERR_OK;
    const char *address = conf_text(w->api.conf, "api.address");
    if (address == NULL)
        return err_make(ERR_STOP, "conf.value", "api.address is empty");
    if (w->api.tls)
        e = certificate_load(w->api.conf, w->api.region, a, &cert);
    if (e.kind)
        return e;
    const struct http_conf conf = {.address = address,
                                   .port = port_of(w->api.conf, w->api.region),
                                   .cert_pem = cert.cert_pem,
                                   .key_pem = cert.key_pem,
                                   .body_max = BODY_MAX,
                                   .arena_max = ARENA_MAX,
                                   .handle = handle,
                                   .arg = w};
    e = http_start(w->api.loop, &conf, &w->api.http);
    if (e.kind)
        return e;
    if (cert.made)
        log_info("api.certificate_made", LOG_SLICE("path", cert.path));
    log_info("api.listening", LOG_STR("address", address), LOG_INT("port", http_port(w->api.http)),
             LOG_STR("tls", w->api.tls ? "on" : "off"), LOG_SLICE("certificate", cert.path));
    return ERR_OK;
}

static struct err
open_parts(struct worker *w)
{
    struct api *api = &w->api;
    const struct db_events control = {.arg = w, .up = on_control_up, .down = on_control_down};
    const struct db_events region = {
        .arg = w, .up = on_region_up, .down = on_region_down, .notified = on_notified};
    struct err e = auth_init(api);
    if (e.kind == ERR_NONE)
        e = params_configured(api->conf, &api->params);
    if (e.kind == ERR_NONE)
        e = health_start(api->loop, api->conf, w->name, &api->health);
    if (e.kind)
        return e;
    health_set(api->health, "control", false, "not connected yet");
    health_set(api->health, "database", false, "not connected yet");
    e = db_open_control(api->loop, api->conf, w->name, &control, &api->control);
    if (e.kind == ERR_NONE)
        e = db_open_region(api->loop, api->conf, api->region, w->name, &region, &api->db);
    if (e.kind == ERR_NONE)
        e = decider_open(api->loop, api->conf, api->region, api->db,
                         conf_int(api->conf, "api.decision_wait_ms"), &api->decider);
    return e;
}

static int
run_api(struct cli *cli)
{
    struct worker *w = calloc(1, sizeof *w);
    struct arena *a = arena_new(PEM_ARENA);
    if (w == NULL || a == NULL) {
        free(w);
        arena_free(a);
        return cli_fail(cli, err_make(ERR_STOP, "api.memory", "out of memory"));
    }
    w->api.conf = cli_conf(cli);
    w->api.region = cli_flag(cli, "region");
    w->api.tls = conf_bool(w->api.conf, "api.tls");
    (void)snprintf(w->name, sizeof w->name, "api-%s-%d", w->api.region, (int)getpid());
    int code = 0;
    struct err e = loop_new(true, &w->api.loop);
    if (e.kind == ERR_NONE) {
        w->hook = (struct loop_hook){.stop = on_stop, .data = w};
        loop_on_stop(w->api.loop, &w->hook);
        e = open_parts(w);
        if (e.kind == ERR_NONE)
            e = listen_on(w, a);
        if (e.kind)
            loop_stop(w->api.loop, CLI_FAILED);
        code = loop_run(w->api.loop);
    }
    auth_fini(&w->api);
    arena_free(a);
    loop_free(w->api.loop);
    free(w);
    return e.kind ? cli_fail(cli, e) : code;
}

static const struct cli_flag run_api_flags[] = {
    {"region", "REGION", "the region whose tenants are served", true},
    {NULL, NULL, NULL, false},
};

const struct cli_command run_api_command = {
    .noun = "run",
    .verb = "api",
    .summary = "serve incidents and tokens of a region over HTTP",
    .example = "weir run api --region eu",
    .flags = run_api_flags,
    .run = run_api,
};
