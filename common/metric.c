#include "common/metric.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/process.h"

enum { LABELS_MAX = 3, SERIES_MAX = 256 };

enum kind { KIND_COUNTER, KIND_GAUGE, KIND_HISTOGRAM };

static const char *const KINDS[] = {"counter", "gauge", "histogram"};

static const struct row {
    const char *name, *labels, *help;
    enum kind kind;
} ROWS[] = {
#define COUNTER(name, labels, help) {#name, labels, help, KIND_COUNTER},
#define GAUGE(name, labels, help) {#name, labels, help, KIND_GAUGE},
#define HISTOGRAM(name, labels, help) {#name, labels, help, KIND_HISTOGRAM},
#include "common/metrics.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
};

static const double BOUNDS_S[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
                                  1,     2.5,    5,     10,   30,    60,   120, 300};
enum { BOUNDS = sizeof BOUNDS_S / sizeof BOUNDS_S[0] };

struct histogram {
    double sum_s;
    int64_t buckets[BOUNDS + 1]; /* not added up; the last is beyond every bound */
};

struct series {
    const char *labels[LABELS_MAX];
    int64_t value;
    struct histogram *histogram; /* of a histogram; owned */
};

/* The registry of metrics: one of the two mutable globals that style.md 3 allows. */
static struct {
    struct series *series; /* owned */
    size_t n, capacity;
} registry[METRIC_COUNT];

static size_t
label_count(const char *labels)
{
    size_t n = labels[0] != '\0';
    for (; *labels != '\0'; labels++)
        n += *labels == ',';
    return n;
}

/* ---- finding a series */

static bool
same(const struct series *s, const char *const *labels, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s->labels[i] != labels[i] && strcmp(s->labels[i], labels[i]) != 0)
            return false;
    return true;
}

static struct series *
find(enum metric m, const char *const *labels, size_t n)
{
    for (size_t i = 0; i < registry[m].n; i++)
        if (same(&registry[m].series[i], labels, n))
            return &registry[m].series[i];
    return NULL;
}

static bool
room(enum metric m)
{
    if (registry[m].n < registry[m].capacity)
        return true;
    size_t capacity = registry[m].capacity == 0 ? 4 : registry[m].capacity * 2;
    void *larger = realloc(registry[m].series, capacity * sizeof(struct series));
    if (larger == NULL)
        return false;
    registry[m].series = larger;
    registry[m].capacity = capacity;
    return true;
}

/* NULL: out of memory. A number that is missing is better than a process that is. */
static struct series *
series(enum metric m, const char *const *labels)
{
    static const char *const OTHER[LABELS_MAX] = {"other", "other", "other"};
    size_t n = label_count(ROWS[m].labels), given = 0;
    while (labels[given] != NULL)
        given++;
    assert(given == n && n <= LABELS_MAX); /* the row and the caller differ */
    struct series *s = find(m, labels, n);
    if (s == NULL && registry[m].n >= SERIES_MAX - 1) { /* the last place is for all others */
        labels = OTHER;
        s = find(m, labels, n);
    }
    if (s != NULL || !room(m))
        return s;
    struct histogram *h = NULL;
    if (ROWS[m].kind == KIND_HISTOGRAM && (h = calloc(1, sizeof *h)) == NULL)
        return NULL;
    s = &registry[m].series[registry[m].n++];
    *s = (struct series){.histogram = h};
    for (size_t i = 0; i < n; i++)
        s->labels[i] = labels[i];
    return s;
}

void
metric_change(enum metric m, int64_t by, const char *const *labels)
{
    assert(ROWS[m].kind != KIND_HISTOGRAM && (by >= 0 || ROWS[m].kind == KIND_GAUGE));
    struct series *s = series(m, labels);
    if (s != NULL && __builtin_add_overflow(s->value, by, &s->value))
        s->value = by > 0 ? INT64_MAX : INT64_MIN;
}

void
metric_put(enum metric m, int64_t to, const char *const *labels)
{
    assert(ROWS[m].kind == KIND_GAUGE);
    struct series *s = series(m, labels);
    if (s != NULL)
        s->value = to;
}

void
metric_see(enum metric m, double seconds, const char *const *labels)
{
    assert(ROWS[m].kind == KIND_HISTOGRAM);
    struct series *s = series(m, labels);
    if (s == NULL)
        return;
    assert(s->histogram != NULL); /* a series of a histogram has one from its beginning */
    if (!(seconds >= 0))          /* another machine's clock is ahead of ours */
        seconds = 0;
    size_t i = 0;
    while (i < BOUNDS && !(seconds <= BOUNDS_S[i]))
        i++;
    s->histogram->buckets[i]++;
    s->histogram->sum_s += seconds;
    s->value++;
}

int64_t
metric_get(enum metric m, const char *const *labels)
{
    const struct series *s = find(m, labels, label_count(ROWS[m].labels));
    return s != NULL ? s->value : 0;
}

/* ---- the text format, version 0.0.4 */

static void
put_escaped(FILE *out, const char *text, const char *special)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n')
            fputs("\\n", out);
        else if (strchr(special, *text) != NULL)
            fprintf(out, "\\%c", *text);
        else
            fputc(*text, out);
    }
}

/* name{label="value",...}; bound is the histogram's own label, NULL for none. */
static void
put_name(FILE *out, const struct row *r, const char *suffix, const struct series *s,
         const char *bound)
{
    fprintf(out, "%s%s", r->name, suffix);
    struct slice names = slice_of(r->labels);
    size_t n = label_count(r->labels);
    for (size_t i = 0; i < n; i++) {
        struct slice label = slice_split(&names, ',');
        fprintf(out, "%s%.*s=\"", i == 0 ? "{" : ",", SLICE_ARG(label));
        put_escaped(out, s->labels[i], "\\\"");
        fputc('"', out);
    }
    if (bound != NULL)
        fprintf(out, "%sle=\"%s\"", n == 0 ? "{" : ",", bound);
    fputs(n > 0 || bound != NULL ? "} " : " ", out);
}

static void
put_histogram(FILE *out, const struct row *r, const struct series *s)
{
    int64_t sum = 0;
    for (size_t i = 0; i <= BOUNDS; i++) {
        char bound[32] = "+Inf";
        if (i < BOUNDS)
            (void)snprintf(bound, sizeof bound, "%g", BOUNDS_S[i]);
        sum += s->histogram->buckets[i];
        put_name(out, r, "_bucket", s, bound);
        fprintf(out, "%" PRId64 "\n", sum);
    }
    put_name(out, r, "_sum", s, NULL);
    fprintf(out, "%.9g\n", s->histogram->sum_s);
    put_name(out, r, "_count", s, NULL);
    fprintf(out, "%" PRId64 "\n", sum);
}

static void
put_metric(FILE *out, enum metric m)
{
    const struct row *r = &ROWS[m];
    fprintf(out, "# HELP %s ", r->name);
    put_escaped(out, r->help, "\\");
    fprintf(out, "\n# TYPE %s %s\n", r->name, KINDS[r->kind]);
    if (registry[m].n == 0 && r->labels[0] == '\0' && r->kind != KIND_HISTOGRAM)
        fprintf(out, "%s 0\n", r->name); /* known to be nothing, not unknown */
    for (size_t i = 0; i < registry[m].n; i++) {
        const struct series *s = &registry[m].series[i];
        if (r->kind == KIND_HISTOGRAM) {
            put_histogram(out, r, s);
            continue;
        }
        put_name(out, r, "", s, NULL);
        fprintf(out, "%" PRId64 "\n", s->value);
    }
}

static void
put_process(FILE *out)
{
    struct process_number rows[PROCESS_NUMBERS];
    size_t n = process_read(rows);
    for (size_t i = 0; i < n; i++)
        fprintf(out, "# HELP %s %s\n# TYPE %s %s\n%s %.15g\n", rows[i].name, rows[i].help,
                rows[i].name, rows[i].counter ? "counter" : "gauge", rows[i].name, rows[i].value);
}

struct slice
metric_text(struct arena *a)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    if (out == NULL)
        return SLICE_NONE;
    for (int m = 0; m < METRIC_COUNT; m++)
        put_metric(out, (enum metric)m);
    put_process(out);
    bool failed = ferror(out) != 0;
    failed = fclose(out) != 0 || failed;
    struct slice copy = failed ? SLICE_NONE : slice_dup(a, (struct slice){text, n});
    free(text);
    return copy;
}

void
metric_each(void (*visit)(void *ctx, const char *name, const char *kind, const char *labels,
                          const char *help),
            void *ctx)
{
    for (int m = 0; m < METRIC_COUNT; m++)
        visit(ctx, ROWS[m].name, KINDS[ROWS[m].kind], ROWS[m].labels, ROWS[m].help);
}
