#include <stdlib.h>
#include <string.h>

#include "normalize/incident_internal.h"

enum { STAGES = 13, TITLE_MAX = 160, PRODUCTS_MAX = 8 };

static const char *const STAGE_NAMES[STAGES] = {"Reconnaissance",
                                                "Initial access",
                                                "Execution",
                                                "Persistence",
                                                "Privilege escalation",
                                                "Defense evasion",
                                                "Credential access",
                                                "Discovery",
                                                "Lateral movement",
                                                "Collection",
                                                "Command and control",
                                                "Exfiltration",
                                                "Impact"};

/* How much a stage says, of 1000, and how far a severity is believed, of 100: correlation.md 12. */
static const int32_t STAGE_WEIGHT[STAGES] = {50, 120, 150, 150, 200, 120, 250,
                                             80, 300, 200, 250, 400, 500};
static const int32_t LEVEL_TRUST[4] = {25, 50, 75, 100};

/* ---- what the members say */

static int
bits(uint32_t mask)
{
    return __builtin_popcount(mask);
}

/* Noisy-or in integers: what remains unlikely after each stage. Only grows. */
static int32_t
stage_score(const struct incident_summary *s)
{
    int32_t remaining = 1000, products = bits(s->products);
    products = products < 1 ? 1 : products > PRODUCTS_MAX ? PRODUCTS_MAX : products;
    for (int i = 0; i < STAGES; i++)
        if (s->best[i] >= 0)
            remaining = remaining * (1000 - STAGE_WEIGHT[i] * LEVEL_TRUST[s->best[i]] / 100) / 1000;
    remaining = remaining * (100 - 10 * (products - 1)) / 100;
    return 1000 - remaining;
}

static void
learn_node(const struct node *n, struct incident_summary *s, uint8_t *any_level)
{
    s->alerts += n->alerts;
    s->sources |= (uint32_t)1 << n->source;
    s->products |= (uint32_t)1 << n->product;
    s->tactics |= n->tactics;
    *any_level = n->level > *any_level ? n->level : *any_level;
    if (n->false_positives < n->alerts && n->believed > s->level)
        s->level = n->believed;
    for (int i = 0; i < STAGES; i++)
        if ((n->tactics >> i & 1) != 0 && n->level > s->best[i])
            s->best[i] = (int8_t)n->level;
    s->first_s = n->first_s < s->first_s ? n->first_s : s->first_s;
    s->last_s = n->last_s > s->last_s ? n->last_s : s->last_s;
    s->created_s = n->created_s < s->created_s ? n->created_s : s->created_s;
}

static void
learn_keys(struct incident_engine *e, const struct node *n, uint32_t mark,
           struct incident_summary *s)
{
    for (uint16_t i = 0; i < n->n_keys; i++) {
        struct entry *x = &e->entries[n->keys[i].id];
        if (x->mark == mark)
            continue;
        x->mark = mark;
        s->keys[s->n_keys++] = n->keys[i].id;
        s->users += n->keys[i].type == KEY_USER;
        s->devices += n->keys[i].type == KEY_DEVICE;
    }
}

/* The nodes of a ring in the order of the log. */
static bool
ring_in_order(struct incident_engine *e, const struct group *g, struct arena *a,
              struct incident_summary *out)
{
    out->nodes = arena_alloc(a, sizeof(uint32_t) * (g->nodes + 1));
    if (out->nodes == NULL)
        return false;
    uint32_t at = g->node;
    for (; out->n_nodes < g->nodes; at = e->nodes[at].next)
        out->nodes[out->n_nodes++] = at;
    /* two runs, as rings grow at one end: shell sort needs few steps, and no context */
    for (size_t gap = out->n_nodes / 2; gap > 0; gap /= 2)
        for (size_t i = gap; i < out->n_nodes; i++) {
            uint32_t moved = out->nodes[i];
            size_t k = i;
            for (; k >= gap && e->nodes[out->nodes[k - gap]].seq > e->nodes[moved].seq; k -= gap)
                out->nodes[k] = out->nodes[k - gap];
            out->nodes[k] = moved;
        }
    return true;
}

bool
incident_name_summary(struct incident_engine *e, uint32_t group, struct arena *a,
                      struct incident_summary *out)
{
    const struct group *g = &e->groups[group];
    *out = (struct incident_summary){
        .first_s = INT64_MAX, .last_s = INT64_MIN, .created_s = INT64_MAX};
    memset(out->best, -1, sizeof(out->best));
    if (!ring_in_order(e, g, a, out))
        return false;
    size_t keys = 0, false_positives = 0;
    for (size_t i = 0; i < out->n_nodes; i++)
        keys += e->nodes[out->nodes[i]].n_keys;
    out->keys = arena_alloc(a, sizeof(uint32_t) * (keys + 1));
    if (out->keys == NULL)
        return false;
    uint32_t mark = incident_table_mark(e);
    uint8_t any_level = 0;
    for (size_t i = 0; i < out->n_nodes; i++) {
        const struct node *n = &e->nodes[out->nodes[i]];
        learn_node(n, out, &any_level);
        learn_keys(e, n, mark, out);
        false_positives += n->false_positives;
    }
    out->level = false_positives == out->alerts ? any_level : out->level;
    if (out->n_nodes == 0)
        out->first_s = out->last_s = out->created_s = 0;
    out->stage_score = stage_score(out);
    return true;
}

enum severity
incident_name_severity(const struct incident_summary *s)
{
    static const enum severity levels[] = {SEVERITY_INFORMATIONAL, SEVERITY_LOW, SEVERITY_MEDIUM,
                                           SEVERITY_HIGH};
    /* many stages in several products are worse than any one alert knew */
    bool raise = s->stage_score >= 700 && bits(s->tactics) >= 3 && bits(s->products) >= 2;
    int level = s->level + (raise ? 1 : 0);
    return levels[level > 3 ? 3 : level];
}

/* ---- names */

/* Cut at a border of UTF-8, so that a name stays text. */
static struct slice
cut(struct slice s)
{
    if (s.n <= TITLE_MAX)
        return s;
    s.n = TITLE_MAX;
    while (s.n > 0 && ((unsigned char)s.p[s.n] & 0xc0) == 0x80)
        s.n--;
    return s;
}

static struct slice
text_of(const struct incident_engine *e, uint32_t entry)
{
    return cut(incident_table_text(e, entry));
}

/* A name without its kind: "upn:anna@contoso.com" is "anna@contoso.com". */
static struct slice
bare(struct slice value)
{
    size_t colon = slice_find(value, SLICE(":"), 0);
    return colon < value.n ? cut(slice_sub(value, colon + 1, value.n)) : cut(value);
}

/* The one key of a type, or of identities the face of it; NONE when there are several or none. */
static struct slice
only_key(const struct incident_engine *e, const struct incident_summary *s, enum key_type type)
{
    uint32_t found = INCIDENT_NONE;
    for (size_t i = 0; i < s->n_keys; i++) {
        if (e->entries[s->keys[i]].type != type)
            continue;
        if (found != INCIDENT_NONE)
            return SLICE_NONE;
        found = s->keys[i];
    }
    if (found == INCIDENT_NONE)
        return SLICE_NONE;
    return type <= KEY_DEVICE ? bare(incident_table_text(e, e->entries[found].face))
                              : text_of(e, found);
}

static struct slice
plural(struct arena *a, size_t n, const char *noun)
{
    return slice_printf(a, "%zu %s%s", n, noun, n == 1 ? "" : "s");
}

/* "on pc1.contoso.com", "on 3 devices, 2 users" or nothing at all. */
static struct slice
where(const struct incident_engine *e, const struct incident_summary *s, struct arena *a)
{
    if (s->devices == 1)
        return slice_join(a, SLICE(" on "), only_key(e, s, KEY_DEVICE));
    if (s->devices > 1)
        return slice_join(a, SLICE(" on "), plural(a, s->devices, "device"));
    if (s->users == 1)
        return slice_join(a, SLICE(" on "), only_key(e, s, KEY_USER));
    if (s->users > 1)
        return slice_join(a, SLICE(" on "), plural(a, s->users, "user"));
    return SLICE("");
}

/* The threat that most alerts name; of equals the smaller text. */
static struct slice
threat_of(const struct incident_engine *e, const struct incident_summary *s)
{
    struct slice best = SLICE_NONE;
    size_t best_n = 0;
    for (size_t i = 0; i < s->n_nodes; i++) {
        uint32_t threat = e->nodes[s->nodes[i]].threat;
        size_t n = 0;
        for (size_t k = i; threat != INCIDENT_NONE && k < s->n_nodes; k++)
            n += e->nodes[s->nodes[k]].threat == threat ? e->nodes[s->nodes[k]].alerts : 0;
        struct slice text = text_of(e, threat);
        if (n > best_n || (n == best_n && n > 0 && slice_cmp(text, best) < 0)) {
            best = text;
            best_n = n;
        }
    }
    return best;
}

static bool
has_key(const struct incident_engine *e, const struct incident_summary *s, enum key_type type)
{
    for (size_t i = 0; i < s->n_keys; i++)
        if (e->entries[s->keys[i]].type == type)
            return true;
    return false;
}

/* Mail to several, and nothing beyond the first stage: a campaign by its sender if there is one. */
static struct slice
campaign(const struct incident_engine *e, const struct incident_summary *s, struct arena *a)
{
    bool mail = has_key(e, s, KEY_MAIL_CLUSTER) || has_key(e, s, KEY_NETWORK_MESSAGE);
    if (!mail || s->users < 2 || s->devices > 0 || (s->tactics & ~2u) != 0)
        return SLICE_NONE;
    struct slice sender = only_key(e, s, KEY_SENDER);
    if (sender.n == 0)
        return slice_printf(a, "Phishing to %zu mailboxes", s->users);
    return slice_printf(a, "%.*s phishing to %zu mailboxes", SLICE_ARG(sender), s->users);
}

static int
slice_order(const void *a, const void *b)
{
    return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

/* "Azure ATP, Office 365 ATP" */
static struct slice
products(const struct incident_engine *e, const struct incident_summary *s, struct arena *a)
{
    struct slice names[PRODUCTS_MAX], all = SLICE("");
    size_t n = 0;
    for (size_t i = 0; i < s->n_nodes; i++) {
        struct slice name = text_of(e, e->nodes[s->nodes[i]].product_name);
        size_t k = 0;
        while (k < n && !slice_eq(names[k], name))
            k++;
        if (k == n && n < PRODUCTS_MAX && name.n > 0)
            names[n++] = name;
    }
    qsort(names, n, sizeof(names[0]), slice_order);
    for (size_t i = 0; i < n; i++)
        all = slice_printf(a, "%.*s%s%.*s", SLICE_ARG(all), i > 0 ? ", " : "", SLICE_ARG(names[i]));
    return all;
}

static struct slice
multi_stage(const struct incident_engine *e, const struct incident_summary *s, struct arena *a)
{
    unsigned tactics = s->tactics;
    if (bits(tactics) < 2)
        return SLICE_NONE;
    const char *first = STAGE_NAMES[__builtin_ctz(tactics)];
    const char *last = STAGE_NAMES[31 - __builtin_clz(tactics)];
    struct slice made = slice_printf(a, "%s to %s", first, last);
    if (s->devices > 0)
        made = slice_printf(a, "%.*s on %.*s", SLICE_ARG(made),
                            SLICE_ARG(plural(a, s->devices, "device")));
    if (s->users > 0)
        made = slice_printf(a, "%.*s%s%.*s", SLICE_ARG(made), s->devices > 0 ? ", " : " on ",
                            SLICE_ARG(plural(a, s->users, "user")));
    struct slice by = products(e, s, a);
    return by.n > 0 ? slice_printf(a, "%.*s (%.*s)", SLICE_ARG(made), SLICE_ARG(by)) : made;
}

/* The title of the most severe alert; of equals the smaller text. */
static struct slice
title_of(const struct incident_engine *e, const struct incident_summary *s, bool *same)
{
    struct slice best = SLICE_NONE;
    int level = -1;
    *same = true;
    for (size_t i = 0; i < s->n_nodes; i++) {
        const struct node *n = &e->nodes[s->nodes[i]];
        struct slice title = text_of(e, n->title != INCIDENT_NONE ? n->title : n->detector_text);
        *same &= i == 0 || slice_eq(title, best);
        if ((int)n->level > level || (n->level == level && slice_cmp(title, best) < 0)) {
            best = title;
            level = n->level;
        }
    }
    return best.n > 0 ? best : SLICE("Alert");
}

struct slice
incident_name(const struct incident_engine *e, const struct incident_summary *s, struct arena *a)
{
    struct slice threat = threat_of(e, s), place = where(e, s, a);
    if (threat.n > 0)
        return slice_printf(a, "%.*s%.*s", SLICE_ARG(threat), SLICE_ARG(place));
    struct slice made = campaign(e, s, a);
    if (made.n > 0)
        return made;
    made = multi_stage(e, s, a);
    if (made.n > 0)
        return made;
    bool same;
    struct slice title = title_of(e, s, &same);
    /* a title that names its entity need not name it twice */
    if (place.n > 4 && slice_find(title, slice_sub(place, 4, place.n), 0) < title.n)
        place = SLICE("");
    made = slice_printf(a, "%.*s%.*s", SLICE_ARG(title), SLICE_ARG(place));
    if (same && s->alerts > 1)
        return slice_printf(a, "%.*s (x%zu)", SLICE_ARG(made), s->alerts);
    return made;
}
