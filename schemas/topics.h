/*
 * topics.h: the only place where names of topics and groups are spelled. Ref: design.md 5.
 */
#ifndef WEIR_TOPICS_H
#define WEIR_TOPICS_H
#include "common/bus.h"
#include "common/conf.h"
#include "common/oid.h"

enum { TOPIC_NAME_MAX = 200 };

struct topic_name {
    char s[TOPIC_NAME_MAX]; /* NUL-terminated */
};

/* "<kafka.prefix>.<region>.control" and so on; the prefix is "weir" by default. */
struct topic_name topic_control(const struct conf *c, const char *region);
struct topic_name topic_alerts(const struct conf *c, const char *region);
struct topic_name topic_incidents(const struct conf *c, const char *region);
struct topic_name topic_incidents_of(const struct conf *c, const char *region,
                                     const struct oid *oid);
struct topic_name topic_group_ingest(const struct conf *c, const char *region, const char *source);
struct topic_name topic_group_normalize(const struct conf *c, const char *region);

enum { TOPICS_PER_REGION = 3 };

/* topic_wanted - the three topics of a region with partitions (kafka.partitions) and the settings
 * of design.md 5; names point into `names`. */
void topic_wanted(const struct conf *c, const char *region,
                  struct topic_name names[TOPICS_PER_REGION],
                  struct bus_topic out[TOPICS_PER_REGION]);

#endif
