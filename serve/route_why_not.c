#include "serve/route_why_not.h"

#include <string.h>

#include "serve/pair.h"
#include "serve/why_not.h"

struct asked {
    struct pair pair; /* first: compose gets its address */
    struct call *call;
};

static struct err
compose(struct pair *p, const struct why_not *w)
{
    p->text = why_not_json(w, p->arena);
    return p->text.p != NULL ? ERR_OK
                             : err_make(ERR_RETRY, "pair.memory", "the answer is too large");
}

static void
on_done(void *arg, struct err e)
{
    struct asked *k = arg;
    if (e.kind == ERR_NONE)
        call_answer(k->call, 200, k->pair.text, NULL);
    else if (strcmp(e.code, "pair.none") == 0)
        call_fail(k->call, 404, "ResourceNotFound", "%s", e.text);
    else if (strcmp(e.code, "pair.same") == 0)
        call_fail(k->call, 400, "InvalidInput", "%s", e.text);
    else if (strcmp(e.code, "pair.moved") == 0)
        call_fail(k->call, 503, "ServiceUnavailable", "%s", e.text);
    else
        call_err(k->call, e);
}

void
route_why_not(struct call *c)
{
    struct arena *a = c->r->arena;
    struct slice other = http_query(c->r, "other");
    struct asked *k = arena_alloc(a, sizeof *k);
    if (k == NULL) {
        call_fail(c, 500, "InternalServerError", "Out of memory.");
        return;
    }
    if (other.n == 0) {
        call_fail(c, 400, "InvalidInput",
                  "Name the other alert too: /api/alerts/{id}/whyNot?other={id}.");
        return;
    }
    k->call = c;
    k->pair = (struct pair){.db = c->api->db,
                            .oid = &c->oid,
                            .arena = a,
                            .params = &c->api->params,
                            .ids = {c->argument, other},
                            .compose = compose,
                            .done = on_done,
                            .arg = k};
    pair_get(&k->pair);
}
