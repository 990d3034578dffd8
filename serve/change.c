#include "serve/change.h"

#include "common/json.h"
#include "schemas/alert.h"

enum { SHOWN_MAX = 40 };

static struct err
no_memory(void)
{
    return err_make(ERR_RETRY, "change.memory", "the request needs more memory than it may have");
}

static struct err
must(const char *name, const char *what)
{
    return err_make(ERR_REJECT, "change.value", "%s must be %s.", name, what);
}

/* ---- one member each */

static struct err
take_status(struct json v, struct arena *a, struct change *c)
{
    (void)a;
    c->decision.status = decision_status_of(json_text(v));
    return c->decision.status >= 0
               ? ERR_OK
               : must("status", "'Active', 'InProgress' or 'Resolved' ('Redirected' is not for "
                                "people to set)");
}

static struct err
take_owner(struct json v, struct arena *a, struct change *c)
{
    (void)a;
    bool none = json_type(v) == JSON_NULL;
    c->decision.assigned_to = none ? SLICE("") : json_text(v);
    return none || json_type(v) == JSON_TEXT
               ? ERR_OK
               : must("assignedTo", "a user principal name, or '' for nobody");
}

static struct err
take_classification(struct json v, struct arena *a, struct change *c)
{
    (void)a;
    struct slice word = json_text(v);
    enum classification got = classification_of(word);
    c->decision.classification = (int32_t)got;
    if (got != CLASS_UNKNOWN || json_type(v) == JSON_NULL ||
        slice_eq_nocase(word, SLICE("unknown")))
        return ERR_OK;
    return must("classification", "'Unknown', 'TruePositive', 'InformationalExpectedActivity' or "
                                  "'FalsePositive'");
}

static struct err
take_determination(struct json v, struct arena *a, struct change *c)
{
    (void)a;
    struct slice word = json_text(v);
    enum determination got = determination_of(word);
    c->decision.determination = (int32_t)got;
    if (got != DET_UNKNOWN || json_type(v) == JSON_NULL ||
        slice_eq_nocase(word, SLICE("unknown")) || slice_eq_nocase(word, SLICE("NotAvailable")))
        return ERR_OK;
    return must("determination", "one of 'NotAvailable', 'MultiStagedAttack', 'Malware', "
                                 "'Phishing', 'CompromisedAccount' and so on");
}

static struct err
take_tags(struct json v, struct arena *a, struct change *c)
{
    struct decision *d = &c->decision;
    struct json item;
    if (json_type(v) != JSON_ARRAY)
        return must("tags", "a list of texts");
    d->has_tags = true;
    d->n_tags = 0;
    d->tags = arena_alloc(a, (json_count(v) + 1) * sizeof *d->tags);
    if (d->tags == NULL)
        return no_memory();
    for (struct json_iter it = json_items(v); json_next(&it, NULL, &item);) {
        if (json_text(item).n == 0)
            return must("tags", "a list of texts that are not empty");
        d->tags[d->n_tags++] = json_text(item);
    }
    return ERR_OK;
}

static struct err
take_comment(struct json v, struct arena *a, struct change *c)
{
    (void)a;
    c->decision.comment = json_text(v);
    return json_text(v).n > 0 ? ERR_OK : must("comment", "a text that is not empty");
}

static struct err
take_into(struct json v, struct arena *a, struct change *c)
{
    (void)a;
    return json_int(v, &c->decision.into) && c->decision.into > 0
               ? ERR_OK
               : must("into", "the id of an incident");
}

static struct err
take_ids(struct json v, struct arena *a, struct change *c)
{
    struct json item;
    if (json_type(v) != JSON_ARRAY)
        return must("alertIds", "a list of alert ids");
    c->n_ids = 0;
    c->ids = arena_alloc(a, (json_count(v) + 1) * sizeof *c->ids);
    if (c->ids == NULL)
        return no_memory();
    for (struct json_iter it = json_items(v); json_next(&it, NULL, &item);) {
        if (json_text(item).n == 0)
            return must("alertIds", "a list of alert ids");
        c->ids[c->n_ids++] = json_text(item);
    }
    return c->n_ids > 0 && c->n_ids <= DECISION_ALERTS_MAX
               ? ERR_OK
               : must("alertIds", "a list of 1 to 1000 alert ids");
}

/* ---- bodies */

enum { COMMENT_ONLY = 1 << DECIDED_KINDS, BOTH = CHANGE_CLASSIC | CHANGE_GRAPH };

static const struct member {
    const char *name;
    int family; /* mask */
    int kinds;  /* mask of 1 << enum decided, COMMENT_ONLY */
    struct err (*take)(struct json v, struct arena *a, struct change *c);
} members[] = {
    {"status", BOTH, 1 << DECIDED_UPDATE, take_status},
    {"assignedTo", BOTH, 1 << DECIDED_UPDATE, take_owner},
    {"classification", BOTH, 1 << DECIDED_UPDATE, take_classification},
    {"determination", BOTH, 1 << DECIDED_UPDATE, take_determination},
    {"tags", CHANGE_CLASSIC, 1 << DECIDED_UPDATE, take_tags},
    {"customTags", CHANGE_GRAPH, 1 << DECIDED_UPDATE, take_tags},
    {"comment", CHANGE_CLASSIC, 1 << DECIDED_UPDATE, take_comment},
    {"comment", BOTH,
     COMMENT_ONLY | 1 << DECIDED_MERGE | 1 << DECIDED_MOVE | 1 << DECIDED_SPLIT | 1 << DECIDED_FREE,
     take_comment},
    {"into", BOTH, 1 << DECIDED_MERGE | 1 << DECIDED_MOVE, take_into},
    {"alertIds", BOTH, 1 << DECIDED_MOVE | 1 << DECIDED_SPLIT | 1 << DECIDED_FREE, take_ids},
};

static struct err
read_member(struct slice name, struct json v, int family, int kinds, struct arena *a,
            struct change *c)
{
    if (slice_starts(name, SLICE("@odata.")))
        return ERR_OK;
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        if ((members[i].family & family) != 0 && (members[i].kinds & kinds) != 0 &&
            slice_eq(name, slice_of(members[i].name)))
            return members[i].take(v, a, c);
    return err_make(ERR_REJECT, "change.value", "'%.*s' cannot be changed here.",
                    SLICE_ARG(slice_sub(name, 0, SHOWN_MAX)));
}

static struct err
missing(const char *name)
{
    return err_make(ERR_REJECT, "change.missing", "The body lacks '%s'.", name);
}

static struct err
check(const struct change *c, bool comment_only)
{
    const struct decision *d = &c->decision;
    if (comment_only && d->comment.p == NULL)
        return missing("comment");
    if ((d->kind == DECIDED_MERGE || d->kind == DECIDED_MOVE) && d->into == 0)
        return missing("into");
    if (d->kind != DECIDED_UPDATE && d->kind != DECIDED_MERGE && c->n_ids == 0)
        return missing("alertIds");
    struct err e = ERR_OK;
    if (d->kind == DECIDED_UPDATE || d->kind == DECIDED_MERGE)
        e = decision_check(d);
    else if (d->into == d->incident_id)
        e = must("into", "another incident");
    if (e.kind && slice_eq(slice_of(e.code), SLICE("decision.empty")))
        e = err_make(ERR_REJECT, "change.missing", "The body names nothing that can be changed.");
    return e;
}

struct err
change_read(struct slice body, enum change_family family, enum decided kind, bool comment_only,
            int64_t incident_id, struct arena *a, struct change *out)
{
    struct json doc, v;
    struct slice name;
    *out = (struct change){.n_ids = 0};
    decision_init(&out->decision, kind, incident_id);
    struct err e = json_parse(body, a, &doc);
    if (e.kind == ERR_RETRY)
        return no_memory();
    if (e.kind || json_type(doc) != JSON_OBJECT)
        return err_make(ERR_REJECT, "change.body", "The body must be a JSON object.");
    int kinds = comment_only ? COMMENT_ONLY : 1 << kind;
    for (struct json_iter it = json_items(doc); e.kind == ERR_NONE && json_next(&it, &name, &v);)
        e = read_member(name, v, (int)family, kinds, a, out);
    return e.kind ? e : check(out, comment_only);
}

struct err
change_settle(struct decision *d, int32_t classification, int32_t determination)
{
    if (d->classification < 0 && d->determination < 0)
        return ERR_OK;
    int32_t class = d->classification >= 0 ? d->classification : classification;
    if (d->determination < 0 && !decision_fits(class, determination))
        d->determination = DET_UNKNOWN;
    if (d->determination < 0 || decision_fits(class, d->determination))
        return ERR_OK;
    return err_make(ERR_REJECT, "decision.class",
                    "determination '%s' does not go with classification '%s'.",
                    determination_classic((enum determination)d->determination),
                    classification_classic((enum classification) class));
}
