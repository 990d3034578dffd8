/* What a person decided: words, bounds, and the payload of a control record. */
#include "schemas/decision.h"

#include <string.h>

#include "common/json.h"
#include "common/line.h"
#include "schemas/alert.h"

static const char *const kinds[DECIDED_KINDS] = {"update", "merge", "move",
                                                 "split",  "free",  "parameters"};
static const char *const statuses[] = {"active", "inProgress", "resolved"};

enum { STATUSES = sizeof statuses / sizeof statuses[0], GUID_TEXT = 36 };

void
decision_init(struct decision *d, enum decided kind, int64_t incident_id)
{
    *d = (struct decision){.kind = kind,
                           .incident_id = incident_id,
                           .status = -1,
                           .classification = -1,
                           .determination = -1};
}

const char *
decision_kind_word(enum decided kind)
{
    return kinds[kind];
}

const char *
decision_status_word(enum decision_status s)
{
    return statuses[s];
}

int
decision_status_of(struct slice word)
{
    for (int i = 0; i < STATUSES; i++)
        if (slice_eq_nocase(word, slice_of(statuses[i])))
            return i;
    return -1;
}

/* ---- bounds */

static struct err
wrong(const char *code, const char *text)
{
    return err_make(ERR_REJECT, code, "%s", text);
}

static bool
text_ok(struct slice s, size_t most)
{
    if (s.n > most || (s.n > 0 && memchr(s.p, '\0', s.n) != NULL))
        return false;
    size_t step = 1;
    for (struct slice rest = s; rest.n > 0 && step > 0; rest = slice_sub(rest, step, rest.n))
        step = utf8_step(rest);
    return step > 0;
}

bool
decision_fits(int32_t classification, int32_t determination)
{
    switch (determination) {
    case DET_UNKNOWN:
        return true;
    case DET_OTHER:
        return classification != CLASS_UNKNOWN;
    case DET_SECURITY_TESTING:
        return classification == CLASS_EXPECTED_ACTIVITY || classification == CLASS_TRUE_POSITIVE;
    case DET_LINE_OF_BUSINESS:
    case DET_CONFIRMED_ACTIVITY:
        return classification == CLASS_EXPECTED_ACTIVITY;
    case DET_NOT_MALICIOUS:
    case DET_NOT_ENOUGH_DATA:
        return classification == CLASS_FALSE_POSITIVE;
    default:
        return classification == CLASS_TRUE_POSITIVE;
    }
}

static struct err
check_update(const struct decision *d)
{
    if (d->status < 0 && d->assigned_to.p == NULL && d->classification < 0 &&
        d->determination < 0 && !d->has_tags && d->comment.p == NULL)
        return wrong("decision.empty", "nothing is said that could be changed");
    if (d->status >= STATUSES)
        return wrong("decision.member", "no such status");
    if (d->classification >= 0 && d->determination >= 0 &&
        !decision_fits(d->classification, d->determination))
        return err_make(ERR_REJECT, "decision.class",
                        "determination '%s' does not go with classification '%s'",
                        determination_graph((enum determination)d->determination),
                        classification_graph((enum classification)d->classification));
    if (d->n_tags > DECISION_TAGS_MAX)
        return err_make(ERR_REJECT, "decision.tags", "an incident has at most %d tags",
                        DECISION_TAGS_MAX);
    for (size_t i = 0; i < d->n_tags; i++)
        if (d->tags[i].n == 0 || !text_ok(d->tags[i], DECISION_TAG_BYTES))
            return err_make(ERR_REJECT, "decision.tags", "a tag is a text of 1 to %d bytes",
                            DECISION_TAG_BYTES);
    return ERR_OK;
}

static struct err
check_alerts(const struct decision *d)
{
    if (d->n_alerts == 0 || d->n_alerts > DECISION_ALERTS_MAX)
        return err_make(ERR_REJECT, "decision.alerts", "it takes 1 to %d alerts",
                        DECISION_ALERTS_MAX);
    for (size_t i = 0; i < d->n_alerts; i++)
        if (d->alerts[i].source.n == 0 || !text_ok(d->alerts[i].source, DECISION_ID_BYTES) ||
            d->alerts[i].native_id.n == 0 || !text_ok(d->alerts[i].native_id, DECISION_ID_BYTES))
            return wrong("decision.alerts", "an alert is a source and an id");
    return ERR_OK;
}

static struct err
check_into(const struct decision *d)
{
    if (d->into <= 0)
        return wrong("decision.into", "the incident it goes into must be a number above 0");
    if (d->into == d->incident_id)
        return wrong("decision.into", "the incident it goes into is the one it comes from");
    return ERR_OK;
}

struct err
decision_check(const struct decision *d)
{
    if (!text_ok(d->comment, DECISION_COMMENT_BYTES))
        return err_make(ERR_REJECT, "decision.text", "a comment has at most %d bytes and no NUL",
                        DECISION_COMMENT_BYTES);
    if (!text_ok(d->assigned_to, DECISION_NAME_BYTES))
        return err_make(ERR_REJECT, "decision.text", "an owner has at most %d bytes and no NUL",
                        DECISION_NAME_BYTES);
    if (d->kind == DECIDED_PARAMETERS)
        return d->parameters.n > 0 && text_ok(d->parameters, DECISION_PARAMETERS_BYTES)
                   ? ERR_OK
                   : err_make(ERR_REJECT, "decision.parameters",
                              "parameters are an object of at most %d bytes",
                              DECISION_PARAMETERS_BYTES);
    if (d->incident_id <= 0)
        return wrong("decision.incident", "an incident id is a number above 0");
    if (d->kind == DECIDED_UPDATE)
        return check_update(d);
    struct err e = ERR_OK;
    if (d->kind == DECIDED_MERGE || d->kind == DECIDED_MOVE)
        e = check_into(d);
    return e.kind || d->kind == DECIDED_MERGE ? e : check_alerts(d);
}

/* ---- out */

static void
put_alerts(struct json_out *o, const struct decision *d, struct arena *a)
{
    struct json_out *list = json_out_array(a);
    for (size_t i = 0; i < d->n_alerts; i++) {
        struct json_out *pair = json_out_array(a);
        json_out_add_text(pair, d->alerts[i].source);
        json_out_add_text(pair, d->alerts[i].native_id);
        json_out_add(list, pair);
    }
    json_out_set(o, "alerts", list);
}

static void
put_tags(struct json_out *o, const struct decision *d, struct arena *a)
{
    struct json_out *list = json_out_array(a);
    for (size_t i = 0; i < d->n_tags; i++)
        json_out_add_text(list, d->tags[i]);
    json_out_set(o, "tags", list);
}

struct slice
decision_payload(const struct decision *d, struct arena *a)
{
    struct json_out *o = json_out_object(a);
    if (d->into > 0)
        json_out_int(o, "into", d->into);
    if (d->status >= 0)
        json_out_text(o, "status", slice_of(statuses[d->status]));
    if (d->assigned_to.p != NULL)
        json_out_text(o, "assignedTo", d->assigned_to);
    if (d->classification >= 0)
        json_out_text(o, "classification",
                      slice_of(classification_graph((enum classification)d->classification)));
    if (d->determination >= 0)
        json_out_text(o, "determination",
                      slice_of(determination_graph((enum determination)d->determination)));
    if (d->has_tags)
        put_tags(o, d, a);
    if (d->comment.p != NULL)
        json_out_text(o, "comment", d->comment);
    if (d->n_alerts > 0)
        put_alerts(o, d, a);
    if (d->parameters.p != NULL)
        json_out_set_raw(o, "parameters", d->parameters);
    return json_out_print(o, a);
}

/* ---- in */

static struct err
no_memory(void)
{
    return err_make(ERR_RETRY, "decision.memory", "a decision needs more memory than it may have");
}

static struct err
bad(struct slice name)
{
    return err_make(ERR_REJECT, "decision.member", "the member '%.*s' is not what it must be",
                    SLICE_ARG(slice_sub(name, 0, 40)));
}

static struct err
read_tags(struct json v, struct arena *a, struct decision *d)
{
    struct json item;
    d->has_tags = true;
    d->tags = arena_alloc(a, (json_count(v) + 1) * sizeof *d->tags);
    if (d->tags == NULL)
        return no_memory();
    for (struct json_iter it = json_items(v); json_next(&it, NULL, &item);) {
        if (json_type(item) != JSON_TEXT)
            return bad(SLICE("tags"));
        d->tags[d->n_tags++] = json_text(item);
    }
    return ERR_OK;
}

static struct err
read_alerts(struct json v, struct arena *a, struct decision *d)
{
    struct json pair, item;
    d->alerts = arena_alloc(a, (json_count(v) + 1) * sizeof *d->alerts);
    if (d->alerts == NULL)
        return no_memory();
    for (struct json_iter it = json_items(v); json_next(&it, NULL, &pair);) {
        struct slice both[2] = {SLICE_NONE, SLICE_NONE};
        size_t n = 0;
        for (struct json_iter in = json_items(pair); json_next(&in, NULL, &item); n++)
            if (n < 2)
                both[n] = json_text(item);
        if (json_type(pair) != JSON_ARRAY || n != 2)
            return bad(SLICE("alerts"));
        d->alerts[d->n_alerts++] = (struct decision_alert){both[0], both[1]};
    }
    return ERR_OK;
}

static bool
read_class(struct slice word, int32_t *out)
{
    *out = (int32_t)classification_of(word);
    return slice_eq(word, slice_of(classification_graph((enum classification) * out)));
}

static bool
read_determination(struct slice word, int32_t *out)
{
    *out = (int32_t)determination_of(word);
    return slice_eq(word, slice_of(determination_graph((enum determination) * out)));
}

static bool
read_text(struct json v, struct slice *out)
{
    *out = json_text(v);
    return json_type(v) == JSON_TEXT;
}

/* Which members a kind may have. */
static bool
belongs(enum decided kind, struct slice name)
{
    static const char *const members[DECIDED_KINDS] = {
        [DECIDED_UPDATE] = " status assignedTo classification determination tags comment ",
        [DECIDED_MERGE] = " into comment ",
        [DECIDED_MOVE] = " into alerts comment ",
        [DECIDED_SPLIT] = " alerts comment ",
        [DECIDED_FREE] = " alerts comment ",
        [DECIDED_PARAMETERS] = " parameters comment ",
    };
    char word[32];
    if (name.n == 0 || name.n > sizeof word - 2 || memchr(name.p, ' ', name.n) != NULL)
        return false;
    word[0] = ' ';
    memcpy(word + 1, name.p, name.n);
    word[name.n + 1] = ' ';
    struct slice all = slice_of(members[kind]);
    return slice_find(all, (struct slice){word, name.n + 2}, 0) < all.n;
}

static struct err
read_member(struct slice name, struct json v, struct arena *a, struct decision *d)
{
    bool ok;
    if (!belongs(d->kind, name))
        return bad(name);
    if (slice_eq(name, SLICE("tags")))
        return json_type(v) == JSON_ARRAY && !d->has_tags ? read_tags(v, a, d) : bad(name);
    if (slice_eq(name, SLICE("alerts")))
        return json_type(v) == JSON_ARRAY && d->alerts == NULL ? read_alerts(v, a, d) : bad(name);
    if (slice_eq(name, SLICE("into")))
        ok = json_type(v) == JSON_INT && json_int(v, &d->into);
    else if (slice_eq(name, SLICE("status")))
        ok = (d->status = decision_status_of(json_text(v))) >= 0;
    else if (slice_eq(name, SLICE("assignedTo")))
        ok = read_text(v, &d->assigned_to);
    else if (slice_eq(name, SLICE("classification")))
        ok = read_class(json_text(v), &d->classification);
    else if (slice_eq(name, SLICE("determination")))
        ok = read_determination(json_text(v), &d->determination);
    else if (slice_eq(name, SLICE("comment")))
        ok = read_text(v, &d->comment);
    else
        ok = json_type(v) == JSON_OBJECT && (d->parameters = json_minify(v, a)).p != NULL;
    return ok ? ERR_OK : bad(name);
}

static struct err
read_payload(struct slice payload, struct arena *a, struct decision *out)
{
    struct json doc, v;
    struct slice name;
    struct err e = json_parse(payload, a, &doc);
    if (e.kind == ERR_RETRY)
        return no_memory();
    if (e.kind || json_type(doc) != JSON_OBJECT)
        return wrong("decision.json", "the decision is no JSON object");
    for (struct json_iter it = json_items(doc); e.kind == ERR_NONE && json_next(&it, &name, &v);)
        e = read_member(name, v, a, out);
    return e;
}

struct err
decision_read(struct slice kind, int64_t incident_id, struct slice payload, struct arena *a,
              struct decision *out)
{
    size_t k = 0;
    while (k < DECIDED_KINDS && !slice_eq(kind, slice_of(kinds[k])))
        k++;
    if (k == DECIDED_KINDS)
        return err_make(ERR_REJECT, "decision.kind", "no decision of kind '%.*s'",
                        SLICE_ARG(slice_sub(kind, 0, 40)));
    decision_init(out, (enum decided)k, incident_id);
    struct err e = read_payload(payload, a, out);
    return e.kind ? e : decision_check(out);
}

bool
decision_name_ok(struct slice name)
{
    return name.n > 0 && text_ok(name, DECISION_NAME_BYTES);
}

bool
decision_id_ok(struct slice id)
{
    for (size_t i = 0; i < id.n && id.n == GUID_TEXT; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        bool hex = (id.p[i] >= '0' && id.p[i] <= '9') || (id.p[i] >= 'a' && id.p[i] <= 'f');
        if (dash ? id.p[i] != '-' : !hex)
            return false;
    }
    return id.n == GUID_TEXT;
}

struct slice
decision_place(const char *topic, struct slice id, const char *what, struct arena *a)
{
    return slice_printf(a, "kafka|%s|control/%.*s%s", topic, SLICE_ARG(id), what);
}
