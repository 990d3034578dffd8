#include <string.h>

#include "common/json.h"
#include "normalize/incident_internal.h"

enum { MINUTE_S = 60, HOUR_S = 3600, DAY_S = 86400 };

static const char *const LEVELS[] = {"informational", "low", "medium", "high"};

/* Stable codes of correlation.md 12, by key type; what it does not name is called likewise. */
static const char *const KEY_CODES[KEY_TYPES] = {
    [KEY_USER] = "same_user",
    [KEY_DEVICE] = "same_device",
    [KEY_SHORT_NAME] = "same_device",
    [KEY_NETWORK_MESSAGE] = "same_message",
    [KEY_INTERNET_MESSAGE] = "same_message",
    [KEY_MAIL_CLUSTER] = "same_campaign",
    [KEY_SENDER] = "same_sender",
    [KEY_URL] = "same_url",
    [KEY_DOMAIN] = "same_domain",
    [KEY_IP] = "same_address",
    [KEY_IP_PRIVATE] = "same_address",
    [KEY_FILE] = "same_file",
    [KEY_COMMAND] = "same_command",
    [KEY_PROCESS] = "same_process",
    [KEY_SESSION] = "same_session",
    [KEY_OAUTH_APP] = "same_application",
    [KEY_CLOUD_APP] = "same_application",
    [KEY_RESOURCE] = "same_resource",
};

/* The terms: name in JSON, words in the sentence. LINK_KEY has both from its type. */
static const struct {
    const char *name, *words;
} TERMS[] = {
    [LINK_KEY] = {"key", ""},
    [LINK_STAGE] = {"next_stage", "next stage"},
    [LINK_PRODUCT] = {"other_product", "other product"},
    [LINK_TWIN] = {"same_outbreak", "same outbreak"},
    [LINK_SEVERITY] = {"severity", ""},
    [LINK_RARE] = {"rare_detectors", "detectors that rarely fire here"},
};
enum { TERMS_N = sizeof(TERMS) / sizeof(TERMS[0]) };

static const char *const CLASSES[KEY_CLASSES] = {"user",    "device", "message",
                                                 "network", "file",   "app"};

/* ---- the sentence */

static struct slice
gap_words(struct arena *a, int64_t gap_s)
{
    if (gap_s < MINUTE_S)
        return SLICE("");
    if (gap_s < HOUR_S)
        return slice_printf(a, ", %lld min apart", (long long)(gap_s / MINUTE_S));
    if (gap_s < 2 * DAY_S)
        return slice_printf(a, ", %lld h apart", (long long)((gap_s + HOUR_S / 2) / HOUR_S));
    return slice_printf(a, ", %lld days apart", (long long)((gap_s + DAY_S / 2) / DAY_S));
}

/* "same user anna@contoso.com, 2 h apart"; an identifier without its kind. */
static struct slice
key_words(struct arena *a, const struct link_part *part, struct slice value, int64_t gap_s,
          const struct params *p)
{
    const struct key_rule *rule = &p->rules[part->type];
    if (part->type <= KEY_DEVICE) {
        size_t colon = slice_find(value, SLICE(":"), 0);
        value = colon < value.n ? slice_sub(value, colon + 1, value.n) : value;
    }
    /* a new value weighs less, too, where nothing is known yet */
    int32_t least = rule->novel > 0 && p->novel_cold < 1000 ? p->novel_cold : 1000;
    bool lighter = part->weight < (int64_t)rule->weight * least / 1000;
    const char *ordinary = lighter ? ", an ordinary one" : "";
    return slice_printf(a, "same %s %.*s%.*s%s", rule->label, SLICE_ARG(value),
                        SLICE_ARG(gap_words(a, gap_s)), ordinary);
}

static struct slice
part_words(struct arena *a, const struct incident_reason *r, size_t i, const struct params *p)
{
    const struct link_part *part = &r->score.parts[i];
    if (part->kind == LINK_KEY)
        return key_words(a, part, r->key_values[i], r->score.gap_s, p);
    if (part->kind == LINK_SEVERITY)
        return slice_printf(a, "severities %s and %s", LEVELS[r->level & 3],
                            LEVELS[r->partner_level & 3]);
    return slice_of(TERMS[part->kind].words);
}

struct slice
incident_sentence(const struct incident_reason *r, const struct params *p, struct arena *a)
{
    if (r->partner_id.p == NULL)
        return SLICE("Opened the incident: no known alert was near enough.");
    if (r->score.n_parts == 0)
        return slice_printf(a, "A repeat of alert %.*s.", SLICE_ARG(r->partner_id));
    struct slice s =
        slice_printf(a, "Linked to alert %.*s with %d of %d: ", SLICE_ARG(r->partner_id),
                     r->score.score, p->threshold);
    for (size_t i = 0; i < r->score.n_parts; i++) {
        struct slice words = part_words(a, r, i, p);
        s = slice_printf(a, "%.*s%s%.*s (%d)", SLICE_ARG(s), i > 0 ? " + " : "", SLICE_ARG(words),
                         r->score.parts[i].points);
    }
    return s.p != NULL ? slice_join(a, s, SLICE(".")) : s;
}

/* ---- JSON out */

static struct json_out *
alert_out(struct slice source, struct slice id, const char *level, struct arena *a)
{
    struct json_out *o = json_out_object(a);
    json_out_text(o, "source", source);
    json_out_text(o, "id", id);
    json_out_text(o, "severity", slice_of(level));
    return o;
}

static struct json_out *
part_out(const struct incident_reason *r, size_t i, const struct params *p, struct arena *a)
{
    const struct link_part *part = &r->score.parts[i];
    struct json_out *o = json_out_object(a);
    bool key = part->kind == LINK_KEY;
    json_out_text(o, "part", part_words(a, r, i, p));
    json_out_text(o, "code", slice_of(key ? KEY_CODES[part->type] : TERMS[part->kind].name));
    if (key) {
        json_out_text(o, "type", slice_of(p->rules[part->type].name));
        json_out_text(o, "value", r->key_values[i]);
        json_out_text(o, "class", slice_of(CLASSES[p->rules[part->type].class]));
        json_out_int(o, "weight", part->weight);
        json_out_int(o, "decay", part->decay);
    }
    json_out_int(o, "points", part->points);
    return o;
}

struct slice
incident_reason_json(const struct incident_reason *r, const struct params *p, struct arena *a)
{
    struct json_out *o = json_out_object(a), *parts = json_out_array(a);
    bool linked = r->partner_id.p != NULL;
    json_out_set(o, "alert", alert_out(r->alert_source, r->alert_id, LEVELS[r->level & 3], a));
    if (linked)
        json_out_set(o, "partner",
                     alert_out(r->partner_source, r->partner_id, LEVELS[r->partner_level & 3], a));
    else
        json_out_null(o, "partner");
    json_out_int(o, "score", r->score.score);
    json_out_int(o, "gap_s", r->score.gap_s);
    for (size_t i = 0; i < r->score.n_parts; i++)
        json_out_add(parts, part_out(r, i, p, a));
    json_out_set(o, "parts", parts);
    return json_out_print(o, a);
}

/* ---- JSON in */

static struct err
bad(const char *what)
{
    return err_make(ERR_REJECT, "incident.reason", "a stored reason has no usable '%s'", what);
}

static bool
read_alert(struct json v, struct slice *source, struct slice *id, uint8_t *level)
{
    *source = json_get_text(v, "source");
    *id = json_get_text(v, "id");
    struct slice word = json_get_text(v, "severity");
    for (uint8_t i = 0; i < 4; i++) {
        if (!slice_eq(word, slice_of(LEVELS[i])))
            continue;
        *level = i;
        return source->p != NULL && id->p != NULL;
    }
    return false;
}

static bool
read_int32(struct json v, const char *name, int32_t *out)
{
    int64_t wide;
    if (!json_get_int(v, name, &wide) || wide < INT32_MIN || wide > INT32_MAX)
        return false;
    *out = (int32_t)wide;
    return true;
}

static bool
read_part(struct json v, struct link_part *part, struct slice *value)
{
    *part = (struct link_part){.type = KEY_TYPES};
    struct slice code = json_get_text(v, "code");
    if (!read_int32(v, "points", &part->points))
        return false;
    for (int k = LINK_STAGE; k < TERMS_N; k++) {
        if (!slice_eq(code, slice_of(TERMS[k].name)))
            continue;
        part->kind = (enum link_part_kind)k;
        return true;
    }
    part->kind = LINK_KEY;
    part->type = key_type_of(json_get_text(v, "type"));
    *value = json_get_text(v, "value");
    return part->type != KEY_TYPES && value->p != NULL && read_int32(v, "weight", &part->weight) &&
           read_int32(v, "decay", &part->decay);
}

struct err
incident_reason_read(struct slice json, struct arena *a, struct incident_reason *out)
{
    struct json doc, part;
    struct slice name;
    *out = (struct incident_reason){.level = 0};
    struct err e = json_parse(json, a, &doc);
    if (e.kind)
        return e;
    if (!read_alert(json_get(doc, "alert"), &out->alert_source, &out->alert_id, &out->level))
        return bad("alert");
    struct json partner = json_get(doc, "partner");
    if (json_type(partner) == JSON_OBJECT &&
        !read_alert(partner, &out->partner_source, &out->partner_id, &out->partner_level))
        return bad("partner");
    if (!read_int32(doc, "score", &out->score.score) ||
        !json_get_int(doc, "gap_s", &out->score.gap_s))
        return bad("score");
    struct json parts = json_get(doc, "parts");
    if (json_type(parts) != JSON_ARRAY || json_count(parts) > LINK_PARTS_MAX)
        return bad("parts");
    for (struct json_iter it = json_items(parts); json_next(&it, &name, &part);) {
        size_t i = out->score.n_parts++;
        if (!read_part(part, &out->score.parts[i], &out->key_values[i]))
            return bad("parts");
    }
    return ERR_OK;
}
