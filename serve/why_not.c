#include "serve/why_not.h"

#include "serve/wire.h"

enum { MINUTE_S = 60, HOUR_S = 3600, DAY_S = 86400, DECAY_ONE = 1024, PERCENT = 100 };

/* ---- the verdict */

enum why_not_verdict
why_not_verdict(const struct why_not *w)
{
    const struct why *y = &w->shared.why;
    if (w->shared.repeat)
        return WHY_NOT_REPEAT;
    if (w->incident == w->other_incident)
        return y->links ? WHY_NOT_LINKED : WHY_NOT_TOGETHER;
    if (y->links)
        return WHY_NOT_APART;
    if (y->n_keys == 0)
        return WHY_NOT_NOTHING;
    return y->weak && y->missing == 0 ? WHY_NOT_WEAK : WHY_NOT_LITTLE;
}

const char *
why_not_word(enum why_not_verdict v)
{
    static const char *const words[] = {
        [WHY_NOT_REPEAT] = "repeat",
        [WHY_NOT_LINKED] = "linked",
        [WHY_NOT_TOGETHER] = "together",
        [WHY_NOT_APART] = "kept_apart",
        [WHY_NOT_WEAK] = "weak",
        [WHY_NOT_LITTLE] = "too_little",
        [WHY_NOT_NOTHING] = "nothing_shared",
    };
    return words[v];
}

/* ---- words */

/* "40 min", "2 h", "3 days"; "no time" under a minute. */
static struct slice
span_words(int64_t s, struct arena *a)
{
    if (s < MINUTE_S)
        return SLICE("no time");
    if (s < HOUR_S)
        return slice_printf(a, "%lld min", (long long)(s / MINUTE_S));
    if (s < 2 * DAY_S)
        return slice_printf(a, "%lld h", (long long)((s + HOUR_S / 2) / HOUR_S));
    return slice_printf(a, "%lld days", (long long)((s + DAY_S / 2) / DAY_S));
}

static int32_t
lesser(const struct why_key *k)
{
    return k->weight_a < k->weight_b ? k->weight_a : k->weight_b;
}

static struct slice
value_words(const struct why_not *w, size_t i)
{
    struct slice value = w->shared.values[i];
    size_t colon = slice_find(value, SLICE(":"), 0);
    bool kind = w->shared.why.keys[i].type <= KEY_DEVICE && colon < value.n;
    return kind ? slice_sub(value, colon + 1, value.n) : value;
}

/* What the weight says: how ordinary the value was. */
static struct slice
weight_words(const struct why_not *w, size_t i, struct arena *a)
{
    const struct why_key *k = &w->shared.why.keys[i];
    int32_t weight = lesser(k), full = w->params->rules[k->type].weight;
    int32_t days = w->shared.days[i], history = w->params->history_days - w->params->lag_days;
    if (weight == full)
        return slice_printf(a, "weight %d", weight);
    if (weight > full)
        return slice_printf(a, "weight %d of %d, never seen before", weight, full);
    if (days > 0)
        return slice_printf(a, "weight %d of %d, it is ordinary: seen on %d of %d days before",
                            weight, full, days, history);
    return slice_printf(a, "weight %d of %d, it is ordinary", weight, full);
}

struct slice
why_not_key(const struct why_not *w, size_t i, struct arena *a)
{
    const struct why_key *k = &w->shared.why.keys[i];
    const struct key_rule *rule = &w->params->rules[k->type];
    struct slice gap = span_words(w->shared.why.score.gap_s, a), value = value_words(w, i);
    struct slice what = slice_printf(a, "same %s %.*s: %.*s", rule->label, SLICE_ARG(value),
                                     SLICE_ARG(weight_words(w, i, a)));
    switch (k->state) {
    case WHY_LIGHT:
        return slice_printf(a, "%.*s; under %d it does not count", SLICE_ARG(what),
                            w->params->min_key_weight);
    case WHY_FAR:
        return slice_printf(a, "%.*s; %.*s apart is beyond its %.*s", SLICE_ARG(what),
                            SLICE_ARG(gap), SLICE_ARG(span_words(rule->window_s, a)));
    case WHY_FADED:
        return slice_printf(a, "%.*s; nothing is left of it %.*s apart", SLICE_ARG(what),
                            SLICE_ARG(gap));
    case WHY_OUTDONE:
    case WHY_COUNTS:
        break;
    }
    const char *outdone = k->state == WHY_OUTDONE ? ", but another of its class says more" : "";
    if (k->decay == DECAY_ONE)
        return slice_printf(a, "%.*s: %d points%s", SLICE_ARG(what), k->points, outdone);
    return slice_printf(a, "%.*s; %.*s apart leave %d %%: %d points%s", SLICE_ARG(what),
                        SLICE_ARG(gap), k->decay * PERCENT / DECAY_ONE, k->points, outdone);
}

/* By kind of term and state; severity has words of its own. */
static const char *
term_text(enum link_part_kind kind, enum why_term_state state)
{
    static const char *const texts[][3] = {
        [LINK_STAGE] = {"next stage", "no next stage, both show the same one",
                        "no next stage, one of them names none"},
        [LINK_PRODUCT] = {"other product", "no other product", ""},
        [LINK_TWIN] = {"same outbreak", "no outbreak, the detectors differ",
                       "no outbreak, no content that both have weighs enough"},
        [LINK_SEVERITY] = {"severities", "", ""},
    };
    return texts[kind][state];
}

struct slice
why_not_term(const struct why_not *w, size_t i, struct arena *a)
{
    static const char *const levels[] = {"informational", "low", "medium", "high"};
    const struct why_term *t = &w->shared.why.terms[i];
    struct slice severities = SLICE("");
    if (t->kind == LINK_SEVERITY)
        severities = slice_printf(a, " %s and %s", levels[w->shared.level & 3],
                                  levels[w->shared.other_level & 3]);
    if (t->state == WHY_UNMET)
        return slice_printf(a, "%s%.*s: nothing, the keys say less than %d",
                            term_text(t->kind, WHY_GIVEN), SLICE_ARG(severities),
                            w->params->term_base);
    if (t->state == WHY_GIVEN)
        return slice_printf(a, "%s%.*s: %d points", term_text(t->kind, WHY_GIVEN),
                            SLICE_ARG(severities), t->points);
    return slice_printf(a, "%s: it would be %d points", term_text(t->kind, t->state), t->points);
}

/* ---- what would have been enough */

/* At the full weight of its type a key that counts would give this much more. */
static int32_t
full_gain(const struct why_not *w, const struct why_key *k)
{
    int32_t full = w->params->rules[k->type].weight;
    int32_t points = (int32_t)((int64_t)full * k->decay / DECAY_ONE);
    return k->state == WHY_COUNTS && points > k->points ? points - k->points : 0;
}

/* Without any time between them the keys that count would give this much more. */
static int32_t
near_gain(const struct why *y)
{
    int32_t gain = 0;
    for (size_t i = 0; i < y->n_keys; i++)
        if (y->keys[i].state == WHY_COUNTS)
            gain += lesser(&y->keys[i]) - y->keys[i].points;
    return gain;
}

static struct slice
enough_words(const struct why_not *w, struct arena *a)
{
    const struct why *y = &w->shared.why;
    struct slice s = SLICE("");
    for (size_t i = 0; i < y->n_keys; i++)
        if (full_gain(w, &y->keys[i]) >= y->missing)
            s = slice_printf(a, "%.*s Were the %s not ordinary, it would be enough.", SLICE_ARG(s),
                             w->params->rules[y->keys[i].type].label);
    if (near_gain(y) >= y->missing)
        s = slice_printf(a, "%.*s At the same time it would be enough.", SLICE_ARG(s));
    for (size_t i = 0; i < WHY_TERMS; i++) {
        const struct why_term *t = &y->terms[i];
        bool open = t->state == WHY_SAME || t->state == WHY_NONE;
        if (open && t->kind != LINK_TWIN && t->points >= y->missing &&
            y->base >= w->params->term_base)
            s = slice_printf(a, "%.*s With another %s it would be enough.", SLICE_ARG(s),
                             t->kind == LINK_STAGE ? "stage" : "product");
    }
    return s;
}

/* ---- what keeps them apart although they link */

/* The stored word, or what the two rows say today. */
static const char *
apart_words(const struct why_not *w)
{
    static const struct {
        const char *why, *words;
    } known[] = {
        {"cap", "together they would pass a cap on alerts, users or devices"},
        {"closed", "one of the incidents is closed"},
        {"continues", "the older incident was closed, the newer one continues it"},
        {"owner", "the incidents have two owners"},
        {"classification", "the incidents were classified differently"},
        {"pin", "a person keeps one of the alerts where it is"},
    };
    for (size_t i = 0; w->related != NULL && i < sizeof known / sizeof known[0]; i++)
        if (slice_eq(w->related->why, slice_of(known[i].why)))
            return known[i].words;
    const struct incidents_row *x = w->incident, *y = w->other_incident;
    if (slice_eq(x->status, SLICE("resolved")) || slice_eq(y->status, SLICE("resolved")))
        return known[1].words;
    if (x->assigned_to.n > 0 && y->assigned_to.n > 0 && !slice_eq(x->assigned_to, y->assigned_to))
        return known[3].words;
    if (x->classification != y->classification)
        return known[4].words;
    return "no reason is stored: other parameters held when they came, or a person moved them";
}

struct slice
why_not_sentence(const struct why_not *w, struct arena *a)
{
    const struct why *y = &w->shared.why;
    int32_t score = y->score.score, threshold = w->params->threshold;
    long long x = (long long)w->incident->id, z = (long long)w->other_incident->id;
    switch (why_not_verdict(w)) {
    case WHY_NOT_REPEAT:
        return slice_printf(a, "They are together: one repeats the other (incident %lld).", x);
    case WHY_NOT_LINKED:
        return slice_printf(a,
                            "They are together by a link of their own, %d of %d (incident %lld).",
                            score, threshold, x);
    case WHY_NOT_TOGETHER:
        if (w->n_path == 0)
            return slice_printf(a,
                                "They are together in incident %lld, but no links lead from one "
                                "to the other now: a person put them together, or other "
                                "parameters held when they came.",
                                x);
        return slice_printf(a,
                            "They share %d of %d, which is no link, but are together in incident "
                            "%lld through other alerts, %zu steps apart.",
                            score, threshold, x, w->n_path);
    case WHY_NOT_APART:
        return slice_printf(a,
                            "They share %d of %d, which is a link, but incidents %lld and %lld "
                            "stay apart: %s.",
                            score, threshold, x, z, apart_words(w));
    case WHY_NOT_WEAK:
        return slice_printf(a,
                            "They share %d of %d, but only one kind of thing, and that weighs "
                            "less than %d: what weak never links alone.",
                            score, threshold, w->params->strong);
    case WHY_NOT_NOTHING:
        return SLICE("They share nothing that the correlator looks at.");
    case WHY_NOT_LITTLE:
        break;
    }
    return slice_printf(a, "They share %d of %d: %d points are missing.%.*s", score, threshold,
                        y->missing, SLICE_ARG(enough_words(w, a)));
}

struct slice
why_not_step(const struct why_not *w, size_t i, struct arena *a)
{
    struct incident_reason r = w->path[i];
    r.partner_id = w->id_of(w->arg, r.partner_source, r.partner_id);
    return incident_sentence(&r, w->params, a);
}

/* ---- JSON */

static void
put_keys(struct wire *out, const struct why_not *w, struct arena *a)
{
    static const char *const states[] = {[WHY_COUNTS] = "counts",
                                         [WHY_OUTDONE] = "outdone",
                                         [WHY_LIGHT] = "light",
                                         [WHY_FAR] = "far",
                                         [WHY_FADED] = "faded"};
    wire_open(out, "keys", '[');
    for (size_t i = 0; i < w->shared.why.n_keys; i++) {
        const struct why_key *k = &w->shared.why.keys[i];
        wire_open(out, NULL, '{');
        wire_text(out, "key", slice_of(key_type_word(k->type)));
        wire_text(out, "value", w->shared.values[i]);
        wire_int(out, "weight", k->weight_a);
        wire_int(out, "otherWeight", k->weight_b);
        wire_int(out, "of", w->params->rules[k->type].weight);
        wire_int(out, "days", w->shared.days[i]);
        wire_int(out, "decay", k->decay);
        wire_int(out, "points", k->points);
        wire_text(out, "state", slice_of(states[k->state]));
        wire_text(out, "words", why_not_key(w, i, a));
        wire_close(out, '}');
    }
    wire_close(out, ']');
}

static void
put_terms(struct wire *out, const struct why_not *w, struct arena *a)
{
    static const char *const terms[] = {[LINK_STAGE] = "next_stage",
                                        [LINK_PRODUCT] = "other_product",
                                        [LINK_TWIN] = "same_outbreak",
                                        [LINK_SEVERITY] = "severity"};
    static const char *const states[] = {
        [WHY_GIVEN] = "given", [WHY_SAME] = "same", [WHY_NONE] = "none", [WHY_UNMET] = "unmet"};
    wire_open(out, "terms", '[');
    for (size_t i = 0; i < WHY_TERMS; i++) {
        const struct why_term *t = &w->shared.why.terms[i];
        wire_open(out, NULL, '{');
        wire_text(out, "term", slice_of(terms[t->kind]));
        wire_text(out, "state", slice_of(states[t->state]));
        wire_int(out, "points", t->points);
        wire_text(out, "words", why_not_term(w, i, a));
        wire_close(out, '}');
    }
    wire_close(out, ']');
}

static void
put_path(struct wire *out, const struct why_not *w, struct arena *a)
{
    wire_open(out, "path", '[');
    for (size_t i = 0; i < w->n_path; i++) {
        const struct incident_reason *r = &w->path[i];
        wire_open(out, NULL, '{');
        wire_text(out, "alertId", w->id_of(w->arg, r->alert_source, r->alert_id));
        wire_text(out, "partner", w->id_of(w->arg, r->partner_source, r->partner_id));
        wire_int(out, "score", r->score.score);
        wire_text(out, "sentence", why_not_step(w, i, a));
        wire_close(out, '}');
    }
    wire_close(out, ']');
}

struct slice
why_not_json(const struct why_not *w, struct arena *a)
{
    const struct why *y = &w->shared.why;
    struct wire out;
    struct slice sentence = why_not_sentence(w, a);
    wire_init(&out, a);
    wire_open(&out, NULL, '{');
    wire_text(&out, "alertId", w->alert->row.id);
    wire_text(&out, "otherId", w->other->row.id);
    wire_int(&out, "incidentId", w->incident->id);
    wire_int(&out, "otherIncidentId", w->other_incident->id);
    wire_text(&out, "verdict", slice_of(why_not_word(why_not_verdict(w))));
    wire_text(&out, "sentence", sentence);
    wire_int(&out, "score", y->score.score);
    wire_int(&out, "threshold", w->params->threshold);
    wire_int(&out, "missing", y->missing);
    wire_int(&out, "gapSeconds", y->score.gap_s);
    put_keys(&out, w, a);
    put_terms(&out, w, a);
    put_path(&out, w, a);
    if (w->related != NULL) {
        wire_open(&out, "related", '{');
        wire_text(&out, "why", w->related->why);
        wire_int(&out, "score", w->related->score);
        wire_close(&out, '}');
    } else {
        wire_null(&out, "related");
    }
    wire_close(&out, '}');
    return wire_done(&out);
}
