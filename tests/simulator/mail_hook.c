#include "tests/simulator/mail_hook.h"

#include <stdlib.h>
#include <string.h>

#include "common/crypto.h"
#include "common/fetch.h"
#include "common/log.h"

enum { POST_MEMORY = 1 << 20, TENANTS_A_TURN = 50, GAP_MS = 1000 };

struct mail_hooks {
    struct sim *sim;
    struct conf *conf;
    struct fetch *fetch;
    size_t turn; /* the tenant that was looked at last */
    bool closing;
};

struct post { /* one request to a listener */
    struct mail_hooks *hooks;
    struct arena *arena;
    struct sim_call *call; /* validation: the start that waits; NULL: a notification */
    struct mail_hook hook;
    struct sim_tenant *tenant;
    void (*done)(struct sim_call *c, const struct mail_hook *hook, const char *why);
};

/* ---- reading */

static bool
text_take(struct json object, const char *name, char *out, size_t room)
{
    struct slice text = json_get_text(object, name);
    if (text.n >= room || (text.n > 0 && memchr(text.p, '\0', text.n) != NULL))
        return false;
    if (text.n > 0)
        memcpy(out, text.p, text.n);
    out[text.n] = '\0';
    return true;
}

struct mail_refusal
mail_hook_read(struct slice body, int64_t now, struct arena *a, bool *given, struct mail_hook *out)
{
    struct mail_refusal bad = {400, "AF20002", "Invalid parameter type: webhook, expected object."};
    struct json doc;
    *given = false;
    *out = (struct mail_hook){.expires = CLOCK_NONE};
    if (slice_trim(body).n == 0)
        return (struct mail_refusal){0, NULL, NULL};
    struct err e = json_parse(body, a, &doc);
    struct json hook = json_get(doc, "webhook");
    if (e.kind || json_type(doc) != JSON_OBJECT)
        return bad;
    if (json_type(hook) == JSON_ABSENT || json_type(hook) == JSON_NULL)
        return (struct mail_refusal){0, NULL, NULL};
    if (!text_take(hook, "address", out->address, sizeof(out->address)) ||
        !text_take(hook, "authId", out->auth_id, sizeof(out->auth_id)) ||
        !text_take(hook, "expiration", out->expiration, sizeof(out->expiration)) ||
        out->address[0] == '\0')
        return bad;
    if (out->expiration[0] != '\0' && !clock_parse(slice_of(out->expiration), &out->expires))
        return bad;
    if (out->expires != CLOCK_NONE && out->expires <= now)
        return (struct mail_refusal){400, "AF20003", "Expiration specified is in the past."};
    *given = true;
    return (struct mail_refusal){0, NULL, NULL};
}

/* ---- posting */

static struct mail_hooks *
hooks_of(struct sim *s)
{
    static const struct opt *const tables[] = {fetch_opts, NULL};
    if (s->hooks != NULL)
        return s->hooks;
    struct mail_hooks *h = calloc(1, sizeof(*h));
    if (h == NULL)
        return NULL;
    struct err e = conf_load(tables, "/dev/null", NULL, &h->conf);
    if (e.kind == ERR_NONE)
        e = fetch_open(s->loop, h->conf, &h->fetch);
    if (e.kind) {
        log_err("sim.hook", &e);
        conf_free(h->conf);
        free(h);
        return NULL;
    }
    h->sim = s;
    s->hooks = h;
    return h;
}

/* NULL: out of memory, or the end has come. */
static struct post *
post_new(struct sim_tenant *t, const struct mail_hook *hook)
{
    struct mail_hooks *h = hooks_of(t->sim);
    struct post *p = h != NULL && !h->closing ? calloc(1, sizeof(*p)) : NULL;
    if (p == NULL)
        return NULL;
    *p = (struct post){.hooks = h, .hook = *hook, .tenant = t};
    p->arena = arena_new(POST_MEMORY);
    if (p->arena == NULL) {
        free(p);
        return NULL;
    }
    return p;
}

static void
post_free(struct post *p)
{
    arena_free(p->arena);
    free(p);
}

static bool
post_send(struct post *p, struct slice body, const char *code,
          void (*done)(void *arg, const struct fetch_answer *answer, struct err e))
{
    struct fetch_request r = {.method = "POST", .url = slice_of(p->hook.address), .body = body};
    r.headers[r.n_headers++] = SLICE("Content-Type: application/json; charset=utf-8");
    if (p->hook.auth_id[0] != '\0')
        r.headers[r.n_headers++] = slice_printf(p->arena, "Webhook-AuthID: %s", p->hook.auth_id);
    if (code != NULL)
        r.headers[r.n_headers++] = slice_printf(p->arena, "Webhook-ValidationCode: %s", code);
    struct err e = fetch_start(p->hooks->fetch, &r, p->arena, done, p);
    return e.kind == ERR_NONE;
}

/* ---- validation */

static void
validated(void *arg, const struct fetch_answer *answer, struct err e)
{
    struct post *p = arg;
    bool good = e.kind == ERR_NONE && answer->status == 200;
    p->done(p->call, &p->hook, good ? NULL : "The endpoint did not return HTTP 200.");
    post_free(p);
}

void
mail_hook_validate(struct sim_call *c, const struct mail_hook *hook,
                   void (*done)(struct sim_call *c, const struct mail_hook *hook, const char *why))
{
    char code[37];
    struct post *p;
    bool https = slice_starts(slice_lower(c->r->arena, slice_of(hook->address)), SLICE("https://"));
    if (!https && c->tenant->mail->traits.plain_hook == 0) {
        done(c, hook, "The address must begin with HTTPS.");
        return;
    }
    p = post_new(c->tenant, hook);
    if (p == NULL) {
        done(c, hook, "The endpoint could not be asked.");
        return;
    }
    p->call = c;
    p->done = done;
    crypto_guid(code);
    if (!post_send(p, slice_printf(p->arena, "{\"validationCode\":\"%s\"}", code), code,
                   validated)) {
        done(c, hook, "The endpoint could not be asked.");
        post_free(p);
    }
}

/* ---- notifications */

static bool
told_grow(struct sim_tenant *t)
{
    struct mail_feed *f = t->mail;
    size_t want = t->plan.blobs + 1;
    if (f->told_room >= want)
        return true;
    int64_t *told = arena_alloc(t->plan.arena, want * sizeof(*told));
    for (size_t i = 0; told != NULL && i < want; i++)
        told[i] = i < f->told_room ? f->told[i] : CLOCK_NONE;
    if (told == NULL)
        return false;
    f->told = told;
    f->told_room = want;
    return true;
}

static void
notified(void *arg, const struct fetch_answer *answer, struct err e)
{
    struct post *p = arg;
    struct mail_feed *f = p->tenant->mail;
    struct mail_hook *hook = &f->subs[0].hook;
    int64_t now = sim_now(p->hooks->sim);
    bool good = e.kind == ERR_NONE && answer->status == 200;
    f->telling = false;
    for (size_t i = 0; good && i < f->n_tell; i++)
        f->told[f->tell[i]] = now;
    hook->failures = good ? 0 : hook->failures + 1;
    int64_t gap_ms = f->traits.hook_gap_ms > 0 ? f->traits.hook_gap_ms : GAP_MS;
    for (int i = 1; i < hook->failures; i++)
        gap_ms *= 2;
    hook->next_try = good ? now : now + gap_ms * (CLOCK_SECOND / 1000);
    if (hook->status == MAIL_HOOK_ENABLED && hook->failures >= MAIL_HOOK_TRIES)
        hook->status = MAIL_HOOK_DISABLED;
    post_free(p);
}

/* The blobs that the listener was not told of, as the array that is posted; absent: none. */
static struct slice
news(struct sim_tenant *t, int64_t now, struct arena *a)
{
    struct mail_feed *f = t->mail;
    size_t n_atoms = 0;
    const struct mail_atom *atoms = mail_atoms(f, &t->plan, now, a, &n_atoms);
    struct json_out *list = json_out_array(a);
    f->n_tell = 0;
    for (size_t i = 1; atoms != NULL && i < n_atoms; i++) {
        struct mail_blob b = {&atoms[i], NULL, 0, atoms[i].created};
        if (atoms[i].number == 0 || b.created < f->subs[0].hook.since || f->told[i] != CLOCK_NONE)
            continue;
        if (f->n_tell == sizeof(f->tell) / sizeof(f->tell[0]))
            break;
        struct json_out *o = mail_item(t, &b, a);
        json_out_text(o, "tenantId", t->id);
        json_out_text(o, "clientId", SLICE(SIM_CLIENT_ID));
        json_out_add(list, o);
        f->tell[f->n_tell++] = i;
    }
    return f->n_tell > 0 ? json_out_print(list, a) : SLICE_NONE;
}

static void
tenant_pump(struct sim_tenant *t, int64_t now)
{
    struct mail_feed *f = t->mail;
    struct mail_hook *hook = f != NULL ? &f->subs[0].hook : NULL;
    if (hook == NULL || hook->status != MAIL_HOOK_ENABLED || f->telling || now < hook->next_try)
        return;
    mail_hook_look(hook, now);
    struct post *p = hook->status == MAIL_HOOK_ENABLED ? post_new(t, hook) : NULL;
    if (p == NULL)
        return;
    struct slice body = told_grow(t) ? news(t, now, p->arena) : SLICE_NONE;
    f->telling = body.p != NULL && post_send(p, body, NULL, notified);
    if (!f->telling)
        post_free(p);
}

void
mail_hook_pump(struct sim *s)
{
    struct mail_hooks *h = s->hooks;
    if (h == NULL || h->closing)
        return;
    for (size_t i = 0; i < TENANTS_A_TURN && i < s->n_tenants; i++)
        tenant_pump(&s->tenants[h->turn++ % s->n_tenants], sim_now(s));
}

void
mail_hook_close(struct sim *s)
{
    if (s->hooks == NULL || s->hooks->closing)
        return;
    s->hooks->closing = true;
    fetch_close(s->hooks->fetch, NULL, NULL);
}

void
mail_hook_free(struct sim *s)
{
    if (s->hooks == NULL)
        return;
    conf_free(s->hooks->conf);
    free(s->hooks);
    s->hooks = NULL;
}
