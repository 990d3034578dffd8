/*
 * metric.h: one number a question.
 *
 * Every metric is a row of metrics.def; the registry is the process's (style.md 3 allows it).
 * Labels have few values, never tenant, host or user. Ref: style.md 9, operators.md 1.3.
 */
#ifndef WEIR_METRIC_H
#define WEIR_METRIC_H
/* the macros below end their lists by __VA_OPT__, which is newer than C11: no word about that */
#pragma GCC system_header
#include <stdint.h>

#include "common/slice.h"

enum metric {
#define COUNTER(name, labels, help) METRIC_##name,
#define GAUGE(name, labels, help) METRIC_##name,
#define HISTOGRAM(name, labels, help) METRIC_##name,
#include "common/metrics.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
    METRIC_COUNT
};

/* A series is a metric with its label values, "source=endpoint,outcome=stored" spelled as an
 * argument list in the order of the row's labels: metric_add(METRIC_weir_x_total, 1, "endpoint",
 * "stored"). Values must be static text. At most 3 labels and 256 series a metric; beyond, the
 * label values become "other". Thread: the loop's. */
#define metric_add(m, by, ...)                                                                     \
    metric_change(m, by, (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})
#define metric_set(m, to, ...)                                                                     \
    metric_put(m, to, (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})
/* seconds, buckets 1 ms to 300 s */
#define metric_observe(m, s, ...)                                                                  \
    metric_see(m, s, (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

void metric_change(enum metric m, int64_t by, const char *const *labels);
void metric_put(enum metric m, int64_t to, const char *const *labels);
void metric_see(enum metric m, double seconds, const char *const *labels);

int64_t metric_get(enum metric m, const char *const *labels); /* 0 when there is no such series */

/* metric_text - everything in Prometheus text format 0.0.4, and the process_* numbers that every
 * client library has. SLICE_NONE: the arena is full. */
struct slice metric_text(struct arena *a);

/* metric_each - every row of metrics.def; kind is "counter", "gauge" or "histogram". */
void metric_each(void (*visit)(void *ctx, const char *name, const char *kind, const char *labels,
                               const char *help),
                 void *ctx);

#endif
