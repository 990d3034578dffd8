#include "normalize/why.h"

enum { DECAY_ONE = 1024 };

/* Everything that the steps below look at. */
struct view {
    const struct link_node *x, *y;
    const struct params *p;
    bool (*before)(const void *ctx, uint32_t key_a, uint32_t key_b);
    const void *ctx;
    struct why *out;
};

/* ---- keys */

static bool
counts(const struct link_score *s, uint32_t key)
{
    for (size_t i = 0; i < s->n_parts; i++)
        if (s->parts[i].kind == LINK_KEY && s->parts[i].key == key)
            return true;
    return false;
}

static struct why_key
key_of(const struct view *v, const struct link_key *x, const struct link_key *y)
{
    const struct key_rule *rule = &v->p->rules[x->type];
    int32_t least = x->weight < y->weight ? x->weight : y->weight;
    struct why_key k = {
        .key = x->id, .type = x->type, .weight_a = x->weight, .weight_b = y->weight};
    bool far = v->out->score.gap_s > rule->window_s;
    k.decay = far ? 0 : link_decay(v->out->score.gap_s, rule->half_life_s);
    k.points = (int32_t)((int64_t)least * k.decay / DECAY_ONE);
    if (far)
        k.state = WHY_FAR;
    else if (least < v->p->min_key_weight)
        k.state = WHY_LIGHT;
    else if (k.points <= 0)
        k.state = WHY_FADED;
    else
        k.state = counts(&v->out->score, x->id) ? WHY_COUNTS : WHY_OUTDONE;
    return k;
}

static bool
key_before(const struct view *v, const struct why_key *a, const struct why_key *b)
{
    if ((a->state == WHY_COUNTS) != (b->state == WHY_COUNTS))
        return a->state == WHY_COUNTS;
    if (a->points != b->points)
        return a->points > b->points;
    if (a->type != b->type)
        return a->type < b->type;
    return v->before != NULL ? v->before(v->ctx, a->key, b->key) : a->key < b->key;
}

/* By insertion: what two alerts share is seldom more than a handful, at most KEYS_NODE_MAX. */
static void
key_add(const struct view *v, struct why_key k)
{
    struct why *w = v->out;
    size_t at = w->n_keys++;
    for (; at > 0 && key_before(v, &k, &w->keys[at - 1]); at--)
        w->keys[at] = w->keys[at - 1];
    w->keys[at] = k;
}

static void
keys_add(const struct view *v)
{
    size_t i = 0, k = 0;
    while (i < v->x->n_keys && k < v->y->n_keys) {
        const struct link_key *x = &v->x->keys[i], *y = &v->y->keys[k];
        if (x->id == y->id)
            key_add(v, key_of(v, x, y));
        i += x->id <= y->id;
        k += y->id <= x->id;
    }
}

/* ---- terms */

static bool
has_content(const struct view *v)
{
    for (size_t i = 0; i < v->out->n_keys; i++) {
        const struct why_key *k = &v->out->keys[i];
        if ((k->state == WHY_COUNTS || k->state == WHY_OUTDONE) && v->p->rules[k->type].content &&
            k->points >= v->p->twin_min)
            return true;
    }
    return false;
}

static enum why_term_state
stage_state(const struct view *v)
{
    unsigned both = (unsigned)v->x->leads | v->y->leads;
    if (v->x->leads == 0 || v->y->leads == 0)
        return WHY_NONE;
    return (both & (both - 1)) != 0 ? WHY_GIVEN : WHY_SAME;
}

static enum why_term_state
twin_state(const struct view *v)
{
    if (v->x->product != v->y->product || v->x->detector != v->y->detector)
        return WHY_SAME;
    return has_content(v) ? WHY_GIVEN : WHY_NONE;
}

static void
terms_add(const struct view *v)
{
    const struct params *p = v->p;
    const struct why_term terms[WHY_TERMS] = {
        {LINK_STAGE, stage_state(v), p->term_stage},
        {LINK_PRODUCT, v->x->product != v->y->product ? WHY_GIVEN : WHY_SAME, p->term_product},
        {LINK_TWIN, twin_state(v), p->term_twin},
        {LINK_SEVERITY, WHY_GIVEN, v->x->points + v->y->points},
    };
    for (size_t i = 0; i < WHY_TERMS; i++) {
        v->out->terms[i] = terms[i];
        if (terms[i].state == WHY_GIVEN && v->out->base < p->term_base)
            v->out->terms[i].state = WHY_UNMET;
    }
}

struct err
why_of(const struct link_node *x, const struct link_node *y, const struct params *p,
       bool (*before)(const void *ctx, uint32_t key_a, uint32_t key_b), const void *ctx,
       struct arena *a, struct why *out)
{
    struct view v = {x, y, p, before, ctx, out};
    struct link_score rule;
    struct params free = *p;
    size_t most = x->n_keys < y->n_keys ? x->n_keys : y->n_keys;
    *out = (struct why){.keys = arena_alloc(a, (most + 1) * sizeof *out->keys)};
    if (out->keys == NULL)
        return err_make(ERR_RETRY, "why.memory", "no room for what two alerts share");
    free.strong = 0; /* what the parts are, even where weak ones may not link */
    link_score(x, y, p, before, ctx, &rule);
    link_score(x, y, &free, before, ctx, &out->score);
    for (size_t i = 0; i < out->score.n_parts; i++)
        if (out->score.parts[i].kind == LINK_KEY)
            out->base += out->score.parts[i].points;
    out->weak = rule.n_parts == 0 && out->score.n_parts > 0;
    out->links = rule.score >= p->threshold;
    out->missing = out->score.score < p->threshold ? p->threshold - out->score.score : 0;
    keys_add(&v);
    terms_add(&v);
    return ERR_OK;
}
