/* The demo broker: librdkafka's mock cluster. It keeps 5 MiB a partition and drops the oldest. */
#include <stdlib.h>

#include <librdkafka/rdkafka.h>
/* wants rdkafka.h before it */
#include <librdkafka/rdkafka_mock.h>

#include "common/bus.h"
#include "common/bus_internal.h"

struct bus_demo {
    rd_kafka_t *rk; /* a client for the mock to live in */
    rd_kafka_mock_cluster_t *cluster;
};

static struct err
demo_topics(struct bus_demo *d, const struct bus_topic *topics, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        rd_kafka_resp_err_t code =
            rd_kafka_mock_topic_create(d->cluster, topics[i].name, topics[i].partitions, 1);
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
            return err_make(ERR_STOP, "bus.topic", "demo broker: %s: %s", topics[i].name,
                            rd_kafka_err2str(code));
    }
    return ERR_OK;
}

struct err
bus_demo_start(const struct bus_topic *topics, size_t n, struct bus_demo **out,
               const char **bootstrap)
{
    char text[120] = "";
    struct bus_demo *d = calloc(1, sizeof *d);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (d == NULL) {
        rd_kafka_conf_destroy(conf);
        return err_make(ERR_STOP, "bus.demo", "out of memory");
    }
    rd_kafka_conf_set_log_cb(conf, NULL); /* it would warn that this client has no address */
    d->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    if (d->rk == NULL) {
        rd_kafka_conf_destroy(conf);
        free(d);
        return err_make(ERR_STOP, "bus.demo", "demo broker: %s", text);
    }
    d->cluster = rd_kafka_mock_cluster_new(d->rk, 1);
    if (d->cluster == NULL) {
        bus_demo_stop(d);
        return err_make(ERR_STOP, "bus.demo", "demo broker: no listener on this machine");
    }
    struct err e = demo_topics(d, topics, n);
    if (e.kind != ERR_NONE) {
        bus_demo_stop(d);
        return e;
    }
    *bootstrap = rd_kafka_mock_cluster_bootstraps(d->cluster);
    *out = d;
    return ERR_OK;
}

void
bus_demo_stop(struct bus_demo *d)
{
    if (d == NULL)
        return;
    if (d->cluster != NULL)
        rd_kafka_mock_cluster_destroy(d->cluster);
    rd_kafka_destroy(d->rk);
    free(d);
}
