/* Who the services know: directory ids, domains, tokens, and what their administrators enter. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/crypto.h"
#include "tests/simulator/replay.h"
#include "tests/simulator/sim.h"

#define CONTOSO "3f2a8c1e-6b7d-4e59-9a40-1c5d7e8f9b20"
#define PLAN_MEMORY ((size_t)4 << 30)

/* 64 hex digits; the first eight are the tenant's number, so that a token finds it. */
static struct slice
token_of(const struct sim *s, size_t number)
{
    uint8_t mac[CRYPTO_SHA256];
    char text[32];
    int n = snprintf(text, sizeof(text), "apps %zu", number);
    crypto_hmac_sha256((struct slice){(const char *)s->token_key, sizeof(s->token_key)},
                       (struct slice){text, (size_t)n}, mac);
    for (size_t i = 0; i < 4; i++)
        mac[i] = (uint8_t)(number >> (24 - 8 * i));
    return slice_hex(s->arena, (struct slice){(const char *)mac, sizeof(mac)});
}

struct err
tenants_make(struct sim *s, size_t n)
{
    struct slice first = s->directory != NULL ? slice_of(s->directory) : SLICE(CONTOSO);
    s->tenants = arena_alloc(s->arena, n * sizeof(*s->tenants));
    if (s->tenants == NULL)
        return err_make(ERR_STOP, "sim.memory", "out of memory");
    for (size_t i = 0; i < n; i++) {
        struct sim_tenant *t = &s->tenants[s->n_tenants++];
        *t = (struct sim_tenant){.sim = s, .number = i, .apps_token = token_of(s, i)};
        t->id = first;
        t->domain = SLICE("contoso.com");
        if (i > 0) {
            t->id = slice_printf(s->arena, "%.24s%012zx", first.p, i);
            t->domain = slice_printf(s->arena, "t%zu.example", i);
        }
        t->plan.started = CLOCK_NONE;
        t->plan.frugal = n > 1;
        t->plan.arena = n > 1 ? s->arena : arena_new(PLAN_MEMORY);
        if (t->plan.arena == NULL || t->domain.p == NULL || t->apps_token.p == NULL)
            return err_make(ERR_STOP, "sim.memory", "out of memory");
    }
    return ERR_OK;
}

void
tenants_free(struct sim *s)
{
    for (size_t i = 0; i < s->n_tenants; i++)
        if (s->tenants[i].plan.arena != s->arena)
            arena_free(s->tenants[i].plan.arena);
}

struct sim_tenant *
tenant_find(struct sim *s, struct slice name)
{
    int64_t number = 0;
    char *end = NULL;
    char hex[16] = "";
    if (s->n_tenants > 0 &&
        (slice_eq_nocase(name, s->tenants[0].id) || slice_eq_nocase(name, s->tenants[0].domain)))
        return &s->tenants[0];
    if (name.n == 36) {
        memcpy(hex, name.p + 24, 12);
        number = strtoll(hex, &end, 16);
    } else if (slice_starts(name, SLICE("t")) && slice_ends(name, SLICE(".example")) &&
               !slice_int(slice_sub(name, 1, name.n - 1 - strlen(".example")), &number))
        return NULL;
    if (number < 1 || (uint64_t)number >= s->n_tenants)
        return NULL;
    struct sim_tenant *t = &s->tenants[number];
    return slice_eq_nocase(name, t->id) || slice_eq_nocase(name, t->domain) ? t : NULL;
}

struct sim_tenant *
tenant_of_token(struct sim *s, struct slice token)
{
    char hex[9] = "";
    if (token.n != 64)
        return NULL;
    memcpy(hex, token.p, 8);
    unsigned long number = strtoul(hex, NULL, 16);
    if (number >= s->n_tenants || !slice_eq_nocase(token, s->tenants[number].apps_token))
        return NULL;
    return &s->tenants[number];
}

/* ---- what a tenant's administrator would enter */

static struct json_out *
oauth_source(const struct sim_tenant *t, struct arena *a, const char *name, const char *endpoint,
             const char *resource)
{
    const char *origin = t->sim->origin;
    struct json_out *o = json_out_object(a);
    json_out_text(o, "base_url", slice_printf(a, "%s/%s", origin, name));
    json_out_text(o, "token_url",
                  slice_printf(a, "%s/login/%.*s/%s", origin, SLICE_ARG(t->id), endpoint));
    json_out_text(o, "resource", slice_of(resource));
    json_out_text(o, "client_id", SLICE(SIM_CLIENT_ID));
    json_out_text(o, "client_secret", t->sim->secret);
    return o;
}

static struct json_out *
identity_source(const struct sim *s, struct arena *a, const char *syslog)
{
    struct json_out *o = json_out_object(a);
    struct json_out *senders = json_out_array(a);
    const char *colon = strrchr(syslog, ':');
    json_out_add_text(senders, SLICE("127.0.0.1"));
    json_out_text(o, "channel", SLICE("syslog"));
    if (s->data == NULL) /* real lines name several; without it all are taken */
        json_out_text(o, "workspace", SLICE("contoso-corp"));
    json_out_set(o, "senders", senders);
    if (s->sensor_ca.p != NULL) {
        json_out_bool(o, "tls", true);
        json_out_text(o, "client_ca", s->sensor_ca);
    }
    json_out_int(o, "port", colon != NULL ? atoi(colon + 1) : 0);
    return o;
}

/* What Azure ATP found comes through Cloud App Security. */
static struct json_out *
identity_by_apps(struct arena *a)
{
    struct json_out *o = json_out_object(a);
    json_out_text(o, "channel", SLICE("apps"));
    return o;
}

static struct json_out *
settings_of(struct sim_tenant *t, struct arena *a, const char *syslog)
{
    struct sim *s = t->sim;
    struct json_out *o = json_out_object(a);
    struct json_out *domains = json_out_array(a);
    struct json_out *sources = json_out_object(a);
    struct json_out *mail = oauth_source(t, a, "mail", "oauth2/v2.0/token", SIM_RESOURCE_MAIL);
    struct json_out *apps = json_out_object(a);
    json_out_text(mail, "publisher_id", SLICE(SIM_PUBLISHER));
    json_out_text(apps, "base_url", slice_printf(a, "%s/apps", s->origin));
    json_out_text(apps, "token", t->apps_token);
    json_out_set(sources, "endpoint",
                 oauth_source(t, a, "endpoint", "oauth2/token", SIM_RESOURCE_ENDPOINT));
    json_out_set(sources, "mail", mail);
    json_out_set(sources, "apps", apps);
    if (s->replay != NULL)
        json_out_set(sources, "identity", identity_by_apps(a));
    else if (syslog != NULL && t->number == 0)
        json_out_set(sources, "identity", identity_source(s, a, syslog));
    for (size_t i = 0; s->replay != NULL && i < s->replay->n_domains; i++)
        json_out_add_text(domains, s->replay->domains[i]);
    if (s->replay == NULL)
        json_out_add_text(domains, t->domain);
    json_out_text(o, "directory_id", t->id);
    json_out_text(o, "name", slice_sub(t->domain, 0, slice_find(t->domain, SLICE("."), 0)));
    json_out_set(o, "domains", domains);
    json_out_set_raw(o, "hubs", s->replay != NULL ? SLICE("[]") : slice_of(story_hubs));
    json_out_set(o, "sources", sources);
    return o;
}

struct err
sensor_make(struct sim *s, const char *how)
{
    struct tls_identity named;
    bool none = strcmp(how, "none") == 0;
    bool other = strcmp(how, "other") == 0;
    if (!none && !other && strcmp(how, "good") != 0)
        return err_make(ERR_REJECT, "syslog.tls", "'%s' is not good, none or other", how);
    struct err e = tls_identity_make("DC1", s->arena, &s->sensor);
    if (e.kind == ERR_NONE)
        e = tls_identity_make("Nobody", s->arena, &named);
    if (e.kind == ERR_NONE)
        e = sim_write_file(s->dir, "sensor-ca.pem", s->sensor.ca);
    if (e.kind == ERR_NONE)
        e = sim_write_file(s->dir, "sensor.pem", s->sensor.cert);
    if (e.kind == ERR_NONE)
        e = sim_write_file(s->dir, "sensor-key.pem", s->sensor.key);
    if (e.kind)
        return e;
    s->syslog_tls = true;
    s->sensor_ca = other ? named.ca : s->sensor.ca;
    if (none)
        s->sensor.cert = s->sensor.key = SLICE_NONE;
    return ERR_OK;
}

/* DIR/tenants.jsonl: every tenant in a line. */
static struct err
list_write(struct sim *s, struct arena *a, const char *syslog)
{
    struct slice *lines = arena_alloc(a, s->n_tenants * sizeof(*lines));
    for (size_t i = 0; lines != NULL && i < s->n_tenants; i++)
        lines[i] = json_out_print(settings_of(&s->tenants[i], a, syslog), a);
    struct slice text = lines != NULL ? sim_lines(lines, s->n_tenants, a) : SLICE_NONE;
    if (text.p == NULL || arena_short(a))
        return err_make(ERR_STOP, "sim.memory", "out of memory");
    return sim_write_file(s->dir, "tenants.jsonl", text);
}

struct err
settings_write(struct sim *s, const char *syslog)
{
    struct arena *a = arena_new((size_t)1 << 30);
    if (a == NULL)
        return err_make(ERR_STOP, "sim.memory", "out of memory");
    struct err e = s->n_tenants > 1 ? list_write(s, a, syslog) : ERR_OK;
    struct json_out *o = settings_of(&s->tenants[0], a, syslog);
    json_out_int(o, "pid", getpid());
    json_out_text(o, "control_url", slice_printf(a, "%s/sim", s->origin));
    struct slice text = json_out_print_indented(o, a);
    if (e.kind == ERR_NONE && text.p == NULL)
        e = err_make(ERR_STOP, "sim.memory", "out of memory");
    if (e.kind == ERR_NONE) /* last: who waits for it finds the rest */
        e = sim_write_file(s->dir, "sim.json", text);
    arena_free(a);
    return e;
}
