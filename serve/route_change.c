#include "serve/route_change.h"

#include <string.h>

#include "common/crypto.h"
#include "serve/change.h"
#include "serve/decider.h"
#include "serve/facts.h"
#include "serve/route_incident.h"

enum { KEY_MAX = 256, GUID_SIZE = 37 };

/* One change under way; lives in the call's arena. */
struct changing {
    struct call *call;
    struct change change;
    bool comment_only;
    char id[GUID_SIZE];
    struct facts facts;
};

static void
no_memory(struct call *c)
{
    call_fail(c, 500, "InternalServerError", "Out of memory.");
}

/* ---- what is wrong with it */

static void
refuse(struct call *c, struct err e)
{
    if (e.kind != ERR_REJECT)
        call_err(c, e);
    else if (strcmp(e.code, "change.unknown") == 0)
        call_fail(c, 404, "ResourceNotFound", "%s", e.text);
    else if (strcmp(e.code, "change.merged") == 0)
        call_fail(c, 409, "Conflict", "%s", e.text);
    else if (strcmp(e.code, "change.body") == 0)
        call_fail(c, 400, "InvalidRequestBody", "%s", e.text);
    else if (strcmp(e.code, "change.missing") == 0)
        call_fail(c, 400, "MissingRequiredParameter", "%s", e.text);
    else
        call_fail(c, 400, "InvalidInput", "%s", e.text);
}

static bool
starts(const char *code, const char *with)
{
    return strncmp(code, with, strlen(with)) == 0;
}

/* Normalize has refused it. */
static void
refused(struct changing *k, const struct decider_result *r)
{
    struct call *c = k->call;
    if (slice_eq(r->outcome, SLICE("incident.nothing"))) /* it is so already */
        route_incident_answer(c, k->change.decision.incident_id, k->comment_only);
    else if (slice_starts(r->outcome, SLICE("incident.")))
        call_fail(c, 409, "Conflict", "%.*s", SLICE_ARG(r->detail));
    else
        call_fail(c, 400, "InvalidInput", "%.*s", SLICE_ARG(r->detail));
}

/* Taken, but its effect is not to be seen yet: asking again with the same name tells. */
static void
pending(struct changing *k)
{
    static const struct http_header later[] = {{"Retry-After", "2"}, {NULL, NULL}};
    struct json_out *o = json_out_object(k->call->r->arena);
    json_out_text(o, "id", slice_of(k->id));
    json_out_text(o, "status", SLICE("pending"));
    json_out_text(o, "message",
                  SLICE("The change is taken and will be made as soon as the alerts "
                        "before it are worked on."));
    call_json(k->call, 202, o, later);
}

static void
on_decided(void *arg, const struct decider_result *r, struct err e)
{
    struct changing *k = arg;
    struct call *c = k->call;
    if (e.kind == ERR_NONE && r->applied)
        route_incident_answer(c, r->incident_id, k->comment_only);
    else if (e.kind == ERR_NONE)
        refused(k, r);
    else if (strcmp(e.code, "decider.late") == 0)
        pending(k);
    else if (e.kind == ERR_RETRY && (starts(e.code, "decider.") || starts(e.code, "bus.")))
        call_fail(c, 503, "ServiceUnavailable", "The change could not be taken at the moment: %s.",
                  e.text);
    else
        call_err(c, e);
}

/* ---- its name */

/* Who names a request gets the same id for the same request; else each is another one. */
static void
name_request(struct changing *k)
{
    static const uint8_t space[16] = {0x7d, 0x36, 0x1f, 0x0a, 0x5c, 0x7e, 0x4b, 0x29,
                                      0x8e, 0x11, 0x60, 0xd4, 0x93, 0x5f, 0xa8, 0x02};
    struct call *c = k->call;
    struct slice key = http_header(c->r, "Idempotency-Key");
    if (key.n == 0)
        key = http_header(c->r, "client-request-id");
    struct slice all =
        key.n == 0 || key.n > KEY_MAX
            ? SLICE_NONE
            : slice_printf(c->r->arena, "%.*s\n%.*s\n%.*s\n%.*s\n%.*s", SLICE_ARG(c->who.client),
                           SLICE_ARG(c->r->method), SLICE_ARG(c->r->path), SLICE_ARG(key),
                           SLICE_ARG(c->r->body));
    if (all.p == NULL)
        crypto_guid(k->id);
    else
        crypto_guid_of(space, all, k->id);
}

/* ---- what it is about */

/* A request that was decided already is answered with what became of it then, though the incident
 * may look different by now. */
static void
on_looked_up(void *arg, struct err e)
{
    struct changing *k = arg;
    struct call *c = k->call;
    if (e.kind) {
        call_err(c, e);
        return;
    }
    if (!k->facts.known)
        e = facts_settle(&k->facts, &k->change);
    if (e.kind) {
        refuse(c, e);
        return;
    }
    const struct decider_ask ask = {.oid = c->oid,
                                    .epoch = c->epoch,
                                    .id = slice_of(k->id),
                                    .by = c->by,
                                    .decision = &k->change.decision};
    decider_send(c->api->decider, &ask, on_decided, k);
}

/* ---- routes */

static void
change(struct call *c, enum decided kind, bool comment_only)
{
    int64_t id;
    struct changing *k = arena_alloc(c->r->arena, sizeof *k);
    if (k == NULL) {
        no_memory(c);
        return;
    }
    if (!slice_int(c->argument, &id) || id <= 0) {
        call_fail(c, 400, "InvalidInput",
                  "The id of an incident must be a number above 0; found '%.*s'.",
                  SLICE_ARG(slice_sub(c->argument, 0, 40)));
        return;
    }
    k->call = c;
    k->comment_only = comment_only;
    struct err e = change_read(c->r->body, c->route->graph ? CHANGE_GRAPH : CHANGE_CLASSIC, kind,
                               comment_only, id, c->r->arena, &k->change);
    if (e.kind) {
        refuse(c, e);
        return;
    }
    name_request(k);
    facts_ask(&k->facts, c->api->db, c->r->arena, &c->oid, &k->change, slice_of(k->id));
    db_sync(c->api->db, on_looked_up, k);
}

void
route_change_patch(struct call *c)
{
    change(c, DECIDED_UPDATE, false);
}

void
route_change_comment(struct call *c)
{
    change(c, DECIDED_UPDATE, true);
}

void
route_change_merge(struct call *c)
{
    change(c, DECIDED_MERGE, false);
}

void
route_change_move(struct call *c)
{
    change(c, DECIDED_MOVE, false);
}

void
route_change_split(struct call *c)
{
    change(c, DECIDED_SPLIT, false);
}

void
route_change_unpin(struct call *c)
{
    change(c, DECIDED_FREE, false);
}
