#include "normalize/evaluate.h"

#include <math.h>
#include <stdlib.h>

/* ---- sums on the way */

struct sums {
    double n;
    double true_pairs, found_pairs, both_pairs;
    double b3_p, b3_r;
    double h_true, h_found, true_given_found, found_given_true;
    size_t incidents, true_groups, larger, mixed, largest;
    size_t attacks, exact, seen_by_two, joined;
    double completeness, purity, fragments;
};

static double
pairs(size_t n)
{
    return (double)n * (double)(n > 0 ? n - 1 : 0) / 2;
}

static double
harmonic(double a, double b)
{
    return a + b > 0 ? 2 * a * b / (a + b) : 0;
}

static int
order(int64_t x, int64_t y)
{
    return (x > y) - (x < y);
}

static int
by_found(const void *a, const void *b)
{
    const struct evaluate_alert *x = a, *y = b;
    int by = order(x->found, y->found);
    return by != 0 ? by : order(x->truth, y->truth);
}

static int
by_truth(const void *a, const void *b)
{
    const struct evaluate_alert *x = a, *y = b;
    int by = order(x->truth, y->truth);
    by = by != 0 ? by : order(x->found, y->found);
    return by != 0 ? by : (x->order > y->order) - (x->order < y->order);
}

/* ---- incidents */

static void
add_incident(struct sums *s, struct evaluate_alert *first, size_t n)
{
    size_t truths = 1;
    for (size_t i = 0; i < n; i++) {
        first[i].found_size = n;
        truths += i > 0 && first[i].truth != first[i - 1].truth;
    }
    s->incidents++;
    s->larger += n > 1;
    s->mixed += n > 1 && truths > 1;
    s->largest = n > s->largest ? n : s->largest;
    s->found_pairs += pairs(n);
    s->h_found -= (double)n / s->n * log((double)n / s->n);
}

/* ---- true groups */

/* What an attack looks like from outside. */
struct attack {
    size_t best, best_first, best_size; /* the incident with most of it, the one met first */
    size_t fragments;
    int64_t source;   /* of its first alert with one; negative: none */
    bool two, joined; /* products: seen by two, two in one incident */
};

/* The alerts of a true group that lie in one incident. */
static void
add_cell(struct sums *s, const struct evaluate_alert *first, size_t n, size_t true_size,
         struct attack *x)
{
    size_t found_size = first->found_size;
    double v = (double)n;
    s->both_pairs += pairs(n);
    s->b3_p += v * v / (double)found_size;
    s->b3_r += v * v / (double)true_size;
    s->true_given_found -= v / s->n * log(v / (double)found_size);
    s->found_given_true -= v / s->n * log(v / (double)true_size);
    x->fragments++;
    if (n > x->best || (n == x->best && first->order < x->best_first)) {
        x->best = n;
        x->best_first = first->order;
        x->best_size = found_size;
    }
    for (size_t i = 0; i < n; i++) {
        x->source = x->source < 0 ? first[i].source : x->source;
        x->two |= first[i].source >= 0 && first[i].source != x->source;
        x->joined |= first[i].source >= 0 && first->source >= 0 && first[i].source != first->source;
    }
}

static void
add_true_group(struct sums *s, const struct evaluate_alert *first, size_t n)
{
    struct attack x = {.source = -1};
    bool attack = false;
    for (size_t from = 0, to; from < n; from = to) {
        for (to = from; to < n && first[to].found == first[from].found; to++)
            attack |= first[to].attack;
        add_cell(s, first + from, to - from, n, &x);
    }
    s->true_groups++;
    s->true_pairs += pairs(n);
    s->h_true -= (double)n / s->n * log((double)n / s->n);
    if (!attack)
        return;
    s->attacks++;
    s->completeness += (double)x.best / (double)n;
    s->purity += (double)x.best / (double)x.best_size;
    s->exact += x.best == n && x.best_size == n;
    s->fragments += (double)x.fragments;
    s->seen_by_two += x.two;
    s->joined += x.two && x.joined;
}

/* ---- the measures */

static void
measure(const struct sums *s, struct evaluate_measures *m)
{
    double all_pairs = pairs((size_t)s->n);
    double expected = all_pairs > 0 ? s->true_pairs * s->found_pairs / all_pairs : 0;
    double most = (s->true_pairs + s->found_pairs) / 2;
    double homogeneity = s->h_true > 0 ? 1 - s->true_given_found / s->h_true : 1;
    double completeness = s->h_found > 0 ? 1 - s->found_given_true / s->h_found : 1;
    double attacks = s->attacks > 0 ? (double)s->attacks : 1;
    *m = (struct evaluate_measures){
        .alerts = s->n,
        .incidents = (double)s->incidents,
        .true_groups = (double)s->true_groups,
        .pair_precision = s->found_pairs > 0 ? s->both_pairs / s->found_pairs : 1,
        .pair_recall = s->true_pairs > 0 ? s->both_pairs / s->true_pairs : 1,
        .b3_precision = s->b3_p / s->n,
        .b3_recall = s->b3_r / s->n,
        .adjusted_rand = most - expected > 0 ? (s->both_pairs - expected) / (most - expected) : 1,
        .v_measure = harmonic(homogeneity, completeness),
        .over_merge = (double)s->mixed / (double)(s->larger > 0 ? s->larger : 1),
        .largest = (double)s->largest / s->n,
        .reduction = 1 - (double)s->incidents / s->n,
        .attacks = (double)s->attacks,
        .completeness = s->completeness / attacks,
        .purity = s->purity / attacks,
        .exact = (double)s->exact / attacks,
        .fragments = s->fragments / attacks,
        .joined = s->seen_by_two > 0 ? (double)s->joined / (double)s->seen_by_two : 1,
    };
    m->pair_f1 = harmonic(m->pair_precision, m->pair_recall);
    m->b3_f1 = harmonic(m->b3_precision, m->b3_recall);
}

void
evaluate_group(struct evaluate_alert *alerts, size_t n, struct evaluate_measures *out,
               bool *of_attacks, bool *of_joined)
{
    struct sums s = {.n = (double)n};
    qsort(alerts, n, sizeof(*alerts), by_found);
    for (size_t from = 0, to; from < n; from = to) {
        for (to = from; to < n && alerts[to].found == alerts[from].found;)
            to++;
        add_incident(&s, alerts + from, to - from);
    }
    qsort(alerts, n, sizeof(*alerts), by_truth);
    for (size_t from = 0, to; from < n; from = to) {
        for (to = from; to < n && alerts[to].truth == alerts[from].truth;)
            to++;
        add_true_group(&s, alerts + from, to - from);
    }
    measure(&s, out);
    *of_attacks = s.attacks > 0;
    *of_joined = s.seen_by_two > 0;
}
