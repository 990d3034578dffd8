#include "schemas/topics.h"

#include <stdarg.h>
#include <stdio.h>

/* Longer than TOPIC_NAME_MAX cannot be: kafka.prefix is at most 64 bytes (bus.c), a region 16, and
 * the rest is ours. Were it cut, Kafka's own check of the topic would say so. */
static struct topic_name __attribute__((format(printf, 1, 2))) name_make(const char *format, ...)
{
    struct topic_name name = {.s = ""};
    va_list args;
    va_start(args, format);
    vsnprintf(name.s, sizeof name.s, format, args);
    va_end(args);
    return name;
}

static const char *
prefix_of(const struct conf *c)
{
    return conf_text(c, "kafka.prefix");
}

struct topic_name
topic_control(const struct conf *c, const char *region)
{
    return name_make("%s.%s.control", prefix_of(c), region);
}

struct topic_name
topic_alerts(const struct conf *c, const char *region)
{
    return name_make("%s.%s.alerts", prefix_of(c), region);
}

struct topic_name
topic_incidents(const struct conf *c, const char *region)
{
    return name_make("%s.%s.incidents", prefix_of(c), region);
}

struct topic_name
topic_incidents_of(const struct conf *c, const char *region, const struct oid *oid)
{
    return name_make("%s.%s.incidents.%s", prefix_of(c), region, oid_format(oid).s);
}

struct topic_name
topic_group_ingest(const struct conf *c, const char *region, const char *source)
{
    return name_make("%s.%s.ingest.%s", prefix_of(c), region, source);
}

struct topic_name
topic_group_normalize(const struct conf *c, const char *region)
{
    return name_make("%s.%s.normalize", prefix_of(c), region);
}

/* The largest record that the bus sends, with what Kafka puts around it. */
#define LARGEST "max.message.bytes=8912896"

/* Compacted topics: an erased key is gone within about an hour (erasure.md 8). */
static const char *const control_settings[] = {"cleanup.policy=compact",
                                               "segment.ms=3600000",
                                               "max.compaction.lag.ms=3600000",
                                               "delete.retention.ms=86400000",
                                               LARGEST,
                                               NULL};
static const char *const alerts_settings[] = {"cleanup.policy=delete", "retention.ms=86400000",
                                              "segment.ms=3600000", LARGEST, NULL};
static const char *const incidents_settings[] = {"cleanup.policy=compact,delete",
                                                 "retention.ms=604800000",
                                                 "segment.ms=3600000",
                                                 "max.compaction.lag.ms=3600000",
                                                 "delete.retention.ms=86400000",
                                                 LARGEST,
                                                 NULL};

void
topic_wanted(const struct conf *c, const char *region, struct topic_name names[TOPICS_PER_REGION],
             struct bus_topic out[TOPICS_PER_REGION])
{
    static const char *const *const settings[TOPICS_PER_REGION] = {
        control_settings, alerts_settings, incidents_settings};
    names[0] = topic_control(c, region);
    names[1] = topic_alerts(c, region);
    names[2] = topic_incidents(c, region);
    for (size_t i = 0; i < TOPICS_PER_REGION; i++)
        out[i] = (struct bus_topic){.name = names[i].s,
                                    .partitions = (int32_t)conf_int(c, "kafka.partitions"),
                                    .settings = settings[i]};
}
