/* settings.c: what a tenant's settings say of one source (source_conf_read of source.h). */
#include <stddef.h>
#include <string.h>

#include "common/plant.h"
#include "common/tls.h"
#include "ingest/sender.h"
#include "ingest/source.h"

struct member {
    const char *name;
    size_t at; /* offset of the slice in struct source_conf */
    bool address;
};

static const struct member members[] = {
    {"base_url", offsetof(struct source_conf, base_url), true},
    {"token_url", offsetof(struct source_conf, token_url), true},
    {"resource", offsetof(struct source_conf, resource), false},
    {"client_id", offsetof(struct source_conf, client_id), false},
    {"client_secret", offsetof(struct source_conf, client_secret), false},
    {"token", offsetof(struct source_conf, static_token), false},
    {"publisher_id", offsetof(struct source_conf, publisher_id), false},
    {"workspace", offsetof(struct source_conf, workspace), false},
    {"client_ca", offsetof(struct source_conf, client_ca), false},
};

static struct slice *
member_at(struct source_conf *c, const struct member *m)
{
    return (struct slice *)(void *)((char *)c + m->at);
}

/* A scheme, then at least one character; nothing that would end a line or a request's target. */
static bool
is_address(struct slice url)
{
    size_t scheme = slice_starts(url, SLICE("https://"))  ? sizeof "https://" - 1
                    : slice_starts(url, SLICE("http://")) ? sizeof "http://" - 1
                                                          : url.n;
    for (size_t i = scheme; i < url.n; i++)
        if (url.p[i] <= ' ' || url.p[i] >= 0x7f)
            return false;
    return url.n > scheme && url.p[scheme] != '/';
}

static struct err
wrong(const struct source *s, struct slice name, const char *why)
{
    return err_make(ERR_REJECT, "settings.source", "settings of %s: %.*s %s", s->name,
                    SLICE_ARG(slice_sub(name, 0, 40)), why);
}

static struct err
read_senders(const struct source *s, struct json list, struct arena *a, struct source_conf *out)
{
    if (json_type(list) != JSON_ARRAY || json_count(list) > SOURCE_SENDERS_MAX)
        return wrong(s, SLICE("senders"), "must be a list of at most 16 IP addresses or networks");
    out->n_senders = 0; /* a member may stand there twice: the last one counts */
    struct json item;
    for (struct json_iter it = json_items(list); json_next(&it, NULL, &item);) {
        struct slice rule = sender_rule(json_text(item), a);
        if (rule.p == NULL)
            return wrong(s, SLICE("senders"),
                         "must be a list of IP addresses or networks (10.0.3.0/24)");
        out->senders[out->n_senders++] = rule;
    }
    return ERR_OK;
}

static struct err
read_member(const struct source *s, struct slice name, struct json value, struct arena *a,
            struct source_conf *out)
{
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        const struct member *m = &members[i];
        if (!slice_eq(name, slice_of(m->name)))
            continue;
        struct slice text = json_text(value);
        if (json_type(value) != JSON_TEXT || text.n == 0)
            return wrong(s, name, "must be a text");
        if (m->address && !is_address(text))
            return wrong(s, name, "must be an http or https address");
        while (m->address && text.n > 0 && text.p[text.n - 1] == '/')
            text.n--;
        *member_at(out, m) = text;
        return ERR_OK;
    }
    if (slice_eq(name, SLICE("senders")))
        return read_senders(s, value, a, out);
    if (slice_eq(name, SLICE("port"))) {
        if (!json_int(value, &out->port) || out->port < 1 || out->port > 65535)
            return wrong(s, name, "must be a number from 1 to 65535");
        return ERR_OK;
    }
    if (slice_eq(name, SLICE("tls"))) {
        if (json_type(value) != JSON_BOOL)
            return wrong(s, name, "must be true or false");
        out->tls = json_bool(value, false);
        return ERR_OK;
    }
    if (slice_eq(name, SLICE("channel"))) /* of the tenant, not of the source: read by tenant/ */
        return ERR_OK;
    return wrong(s, name, "is no setting of a source");
}

static struct err
check_listening(const struct source *s, const struct source_conf *c)
{
    if (c->port == 0)
        return wrong(s, SLICE("port"), "is missing");
    if (c->client_ca.n == 0)
        return ERR_OK;
    if (!c->tls)
        return wrong(s, SLICE("client_ca"), "needs \"tls\": true");
    struct err e = tls_ca_check(c->client_ca);
    if (e.kind && PLANT(settings_are_quoted))
        return err_make(ERR_REJECT, "settings.source", "client_ca: %.*s", SLICE_ARG(c->client_ca));
    return e.kind ? err_make(ERR_REJECT, "settings.source", "settings of %s: client_ca: %.100s",
                             s->name, e.text)
                  : ERR_OK;
}

static struct err
check(const struct source *s, const struct source_conf *c)
{
    if (s->listens)
        return check_listening(s, c);
    if (s->may_listen && c->port != 0) { /* asked too, each alert would change its form for ever */
        if (c->base_url.n > 0 || c->static_token.n > 0 || c->token_url.n > 0)
            return wrong(s, SLICE("port"), "is for the SIEM agent: no base_url and no token then");
        return check_listening(s, c);
    }
    if (c->base_url.n == 0)
        return wrong(s, SLICE("base_url"), "is missing");
    if (c->token_url.n == 0)
        return c->static_token.n == 0
                   ? wrong(s, SLICE("token_url"), "is missing, and there is no token either")
                   : ERR_OK;
    if (c->client_id.n == 0 || c->client_secret.n == 0)
        return wrong(s, SLICE("client_id"), "and client_secret are needed for token_url");
    if (c->resource.n == 0)
        return wrong(s, SLICE("resource"), "is needed for token_url");
    return ERR_OK;
}

struct err
source_conf_read(const struct source *s, struct slice json, struct arena *a,
                 struct source_conf *out)
{
    struct json doc;
    struct err e = json_parse(json, a, &doc);
    if (e.kind)
        return e;
    if (json_type(doc) != JSON_OBJECT)
        return wrong(s, SLICE("they"), "must be an object");
    struct slice name;
    struct json value;
    for (struct json_iter it = json_items(doc);
         e.kind == ERR_NONE && json_next(&it, &name, &value);)
        e = read_member(s, name, value, a, out);
    return e.kind ? e : check(s, out);
}

/* Absent stays absent; false: no memory. */
static bool
copy_text(struct slice from, struct arena *a, struct slice *out)
{
    *out = from.p != NULL ? slice_dup(a, from) : SLICE_NONE;
    return out->p != NULL || from.p == NULL;
}

struct err
source_conf_copy(const struct source_conf *from, struct arena *a, struct source_conf *out)
{
    struct source_conf c = *from;
    bool whole = copy_text(from->directory_id, a, &c.directory_id) &&
                 copy_text(from->client_ca, a, &c.client_ca);
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        whole = whole && copy_text(*member_at(&c, &members[i]), a, member_at(&c, &members[i]));
    for (size_t i = 0; i < c.n_senders; i++)
        whole = whole && copy_text(from->senders[i], a, &c.senders[i]);
    if (!whole)
        return err_make(ERR_RETRY, "ingest.memory", "no memory for settings");
    *out = c;
    return ERR_OK;
}
