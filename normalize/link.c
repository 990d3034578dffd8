#include "normalize/link.h"

#include <assert.h>
#include <string.h>

#include "common/plant.h"

enum { DECAY_STEPS = 16, DECAY_ONE = 1024 };

/* 1024 * 2^(-i/16), rounded, over twelve half-lives: a table, because no float may decide. */
static const int16_t DECAY[] = {
    1024, 981, 939, 899, 861, 825, 790, 756, 724, 693, 664, 636, 609, 583, 558, 535, 512, 490,
    470,  450, 431, 412, 395, 378, 362, 347, 332, 318, 304, 292, 279, 267, 256, 245, 235, 225,
    215,  206, 197, 189, 181, 173, 166, 159, 152, 146, 140, 134, 128, 123, 117, 112, 108, 103,
    99,   95,  91,  87,  83,  79,  76,  73,  70,  67,  64,  61,  59,  56,  54,  52,  49,  47,
    45,   43,  41,  40,  38,  36,  35,  33,  32,  31,  29,  28,  27,  26,  25,  24,  23,  22,
    21,   20,  19,  18,  17,  17,  16,  15,  15,  14,  13,  13,  12,  12,  11,  11,  10,  10,
    10,   9,   9,   8,   8,   8,   7,   7,   7,   6,   6,   6,   6,   5,   5,   5,   5,   5,
    4,    4,   4,   4,   4,   4,   3,   3,   3,   3,   3,   3,   3,   2,   2,   2,   2,   2,
    2,    2,   2,   2,   2,   2,   2,   1,   1,   1,   1,   1,   1,   1,   1,   1,   1,   1,
    1,    1,   1,   1,   1,   1,   1,   1,   1,   1,   1,   1,   1,   1,   1,   0,   0,   0,
    0,    0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
};

int32_t
link_decay(int64_t gap_s, int32_t half_life_s)
{
    if (gap_s <= 0)
        return DECAY_ONE;
    if (half_life_s <= 0 || gap_s > INT64_MAX / DECAY_STEPS)
        return 0;
    int64_t step = gap_s * DECAY_STEPS / half_life_s;
    return step < (int64_t)(sizeof(DECAY) / sizeof(DECAY[0])) ? DECAY[step] : 0;
}

/* Down, also below zero, so that a step has one width everywhere. */
static int64_t
floor_step(int64_t at_s, int32_t step_s)
{
    int64_t q = at_s / step_s;
    return at_s % step_s < 0 ? q - 1 : q;
}

int64_t
link_gap(const struct link_node *a, const struct link_node *b, int32_t step_s)
{
    int32_t step = step_s > 0 ? step_s : 1;
    int64_t late = a->first_s > b->first_s ? a->first_s : b->first_s;
    int64_t early = a->last_s < b->last_s ? a->last_s : b->last_s;
    int64_t steps = floor_step(late, step) - floor_step(early, step);
    return steps > 0 ? steps * step : 0;
}

/* What compares two candidates of one class, and orders the parts. */
struct order {
    bool (*before)(const void *ctx, uint32_t key_a, uint32_t key_b);
    const void *ctx;
};

/* Does a come before b: more points, then the larger (type, value), as the reference has it. */
static bool
stronger(const struct link_part *a, const struct link_part *b, const struct order *o)
{
    if (a->points != b->points)
        return a->points > b->points;
    if (a->type != b->type)
        return a->type > b->type;
    return o->before != NULL ? o->before(o->ctx, b->key, a->key) : a->key > b->key;
}

/* What the shared keys of two nodes say. */
struct shared {
    struct link_part best[KEY_CLASSES]; /* points 0: the class has none */
    bool strong, content;
};

static void
share_key(const struct link_key *a, const struct link_key *b, int64_t gap_s, const struct params *p,
          const struct order *o, struct shared *out)
{
    assert(a->type < KEY_TYPES);
    const struct key_rule *rule = &p->rules[a->type];
    int32_t weight = a->weight < b->weight ? a->weight : b->weight;
    if (weight < p->min_key_weight || gap_s > rule->window_s)
        return;
    struct link_part part = {.kind = LINK_KEY, .key = a->id, .type = a->type, .weight = weight};
    part.decay = link_decay(gap_s, rule->half_life_s);
    part.points = (int32_t)((int64_t)weight * part.decay / DECAY_ONE);
    if (part.points <= 0)
        return;
    out->strong |= weight >= p->strong;
    out->content |= rule->content && part.points >= p->twin_min;
    struct link_part *best = &out->best[rule->class];
    if (best->points == 0 || stronger(&part, best, o))
        *best = part;
}

static void
share_keys(const struct link_node *a, const struct link_node *b, int64_t gap_s,
           const struct params *p, const struct order *o, struct shared *out)
{
    size_t i = 0, k = 0;
    while (i < a->n_keys && k < b->n_keys) {
        uint32_t x = a->keys[i].id, y = b->keys[k].id;
        if (x == y)
            share_key(&a->keys[i], &b->keys[k], gap_s, p, o, out);
        i += x <= y;
        k += y <= x;
    }
}

static void
add_part(struct link_score *s, struct link_part part)
{
    assert(s->n_parts < LINK_PARTS_MAX);
    s->parts[s->n_parts++] = part;
    s->score += part.points;
}

static void
add_term(struct link_score *s, enum link_part_kind kind, int32_t points)
{
    add_part(s, (struct link_part){.kind = kind, .type = KEY_TYPES, .points = points});
}

/* Strongest first, so that a person reads the best reason first; at most six, so by insertion. */
static void
add_keys(struct link_score *s, const struct shared *shared, const struct order *o)
{
    for (size_t c = 0; c < KEY_CLASSES; c++) {
        if (shared->best[c].points == 0)
            continue;
        add_part(s, shared->best[c]);
        for (size_t i = s->n_parts - 1; i > 0 && stronger(&s->parts[i], &s->parts[i - 1], o); i--) {
            struct link_part swap = s->parts[i];
            s->parts[i] = s->parts[i - 1];
            s->parts[i - 1] = swap;
        }
    }
}

void
link_score(const struct link_node *a, const struct link_node *b, const struct params *p,
           bool (*before)(const void *ctx, uint32_t key_a, uint32_t key_b), const void *ctx,
           struct link_score *out)
{
    struct order o = {before, ctx};
    struct shared shared = {.strong = false};
    out->score = 0;
    out->n_parts = 0;
    out->gap_s = link_gap(a, b, p->time_step_s);
    share_keys(a, b, out->gap_s, p, &o, &shared);
    size_t classes = 0;
    for (size_t c = 0; c < KEY_CLASSES; c++)
        classes += shared.best[c].points != 0;
    if (classes == 0 || (!shared.strong && classes < 2))
        return;
    add_keys(out, &shared, &o);
    if (out->score < p->term_base)
        return;
    /* "two values together" never turns false when a node learns; a difference of the highest
     * or lowest would (correlation.md 19) */
    unsigned both = (unsigned)a->leads | b->leads;
    bool moved = (both & (both - 1)) != 0;
    if (PLANT(stage_is_a_difference_of_maxima))
        moved = __builtin_clz(a->leads | 1U) != __builtin_clz(b->leads | 1U);
    if (a->leads != 0 && b->leads != 0 && moved)
        add_term(out, LINK_STAGE, p->term_stage);
    if (a->product != b->product && !(PLANT(score_has_a_side) && a->product > b->product))
        add_term(out, LINK_PRODUCT, p->term_product);
    else if (a->detector == b->detector && shared.content)
        add_term(out, LINK_TWIN, p->term_twin);
    add_term(out, LINK_SEVERITY, a->points + b->points);
    int32_t rarity = a->rarity < b->rarity ? a->rarity : b->rarity;
    if (p->term_rare > 0 && rarity > 0)
        add_term(out, LINK_RARE, (int32_t)((int64_t)p->term_rare * rarity / 1000));
}
