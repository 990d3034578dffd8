/* Topics and the state of brokers, for commands: each call is a client of its own and may block. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bus.h"
#include "common/bus_internal.h"
#include "common/clock.h"

/* A consumer without a group: unlike a producer's, its questions never create a topic. */
static struct err
admin_open(const struct conf *c, rd_kafka_t **out)
{
    struct bus_setup s;
    struct err e = bus_setup_init(&s, c);
    if (e.kind != ERR_NONE)
        return e;
    bus_setup_put(&s, "allow.auto.create.topics", "false");
    return bus_setup_new(&s, RD_KAFKA_CONSUMER, out);
}

/* Everything there is: the caller destroys *out, which is NULL after an error. */
static struct err
admin_metadata(rd_kafka_t *rk, bool topics, int timeout_ms, const struct rd_kafka_metadata **out)
{
    *out = NULL;
    rd_kafka_resp_err_t code = rd_kafka_metadata(rk, topics ? 1 : 0, NULL, out, timeout_ms);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return err_make(ERR_RETRY, "bus.connect", "Kafka does not answer: %s",
                        rd_kafka_err2str(code));
    return ERR_OK;
}

struct err
bus_ping(const struct conf *c, int timeout_ms, char *version)
{
    const struct rd_kafka_metadata *md = NULL;
    rd_kafka_t *rk = NULL;
    struct err e = admin_open(c, &rk);
    if (e.kind != ERR_NONE)
        return e;
    e = admin_metadata(rk, false, timeout_ms, &md);
    if (e.kind == ERR_NONE && version != NULL)
        snprintf(version, 32, "%d broker%s", md->broker_cnt, md->broker_cnt == 1 ? "" : "s");
    if (md != NULL)
        rd_kafka_metadata_destroy(md);
    rd_kafka_destroy(rk);
    return e;
}

static const struct rd_kafka_metadata_topic *
find_topic(const struct rd_kafka_metadata *md, const char *topic)
{
    for (int i = 0; i < md->topic_cnt; i++)
        if (strcmp(md->topics[i].topic, topic) == 0)
            return &md->topics[i];
    return NULL;
}

struct err
bus_topic_partitions(const struct conf *c, const char *topic, int timeout_ms, int32_t *out)
{
    const struct rd_kafka_metadata *md = NULL;
    rd_kafka_t *rk = NULL;
    struct err e = admin_open(c, &rk);
    if (e.kind != ERR_NONE)
        return e;
    e = admin_metadata(rk, true, timeout_ms, &md);
    if (e.kind == ERR_NONE) {
        const struct rd_kafka_metadata_topic *t = find_topic(md, topic);
        *out = t != NULL && t->err == RD_KAFKA_RESP_ERR_NO_ERROR ? t->partition_cnt : 0;
        rd_kafka_metadata_destroy(md);
    }
    rd_kafka_destroy(rk);
    return e;
}

static int
name_order(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

struct err
bus_topic_list(const struct conf *c, const char *prefix, int timeout_ms, struct arena *a,
               const char *const **out)
{
    const struct rd_kafka_metadata *md = NULL;
    rd_kafka_t *rk = NULL;
    struct err e = admin_open(c, &rk);
    if (e.kind != ERR_NONE)
        return e;
    e = admin_metadata(rk, true, timeout_ms, &md);
    if (e.kind != ERR_NONE)
        goto out;
    size_t n = 0;
    const char **names = arena_alloc(a, ((size_t)md->topic_cnt + 1) * sizeof *names);
    for (int i = 0; names != NULL && i < md->topic_cnt; i++) {
        if (strncmp(md->topics[i].topic, prefix, strlen(prefix)) != 0)
            continue;
        names[n] = slice_cstr(a, slice_of(md->topics[i].topic));
        if (names[n++] == NULL)
            names = NULL;
    }
    if (names == NULL) {
        e = err_make(ERR_RETRY, "bus.memory", "more topics than fit");
    } else {
        qsort(names, n, sizeof *names, name_order);
        *out = names;
    }
    rd_kafka_metadata_destroy(md);
out:
    rd_kafka_destroy(rk);
    return e;
}

/* ---- questions that are answered through a queue */

static rd_kafka_AdminOptions_t *
options_new(rd_kafka_t *rk, rd_kafka_admin_op_t op, int timeout_ms)
{
    char text[120] = "";
    rd_kafka_AdminOptions_t *o = rd_kafka_AdminOptions_new(rk, op);
    /* a value the library refuses leaves its default, and the wait below is bounded anyway */
    if (o != NULL && rd_kafka_AdminOptions_set_request_timeout(o, timeout_ms, text, sizeof text))
        text[0] = '\0';
    return o;
}

/* The answer to what was just asked, or NULL and *e. */
static rd_kafka_event_t *
answer(rd_kafka_queue_t *q, int timeout_ms, const char *what, struct err *e)
{
    rd_kafka_event_t *ev = rd_kafka_queue_poll(q, timeout_ms + 500);
    if (ev == NULL) {
        *e = err_make(ERR_RETRY, "bus.connect", "%s: Kafka does not answer", what);
        return NULL;
    }
    rd_kafka_resp_err_t code = rd_kafka_event_error(ev);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return ev;
    *e = err_make(ERR_RETRY, "bus.connect", "%s: %s", what, rd_kafka_event_error_string(ev));
    rd_kafka_event_destroy(ev);
    return NULL;
}

/* What Kafka says of one topic; fine is the code that is as good as success. */
static struct err
topic_verdict(const rd_kafka_topic_result_t *const *results, size_t n, rd_kafka_resp_err_t fine)
{
    for (size_t i = 0; i < n; i++) {
        rd_kafka_resp_err_t code = rd_kafka_topic_result_error(results[i]);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == fine)
            continue;
        const char *text = rd_kafka_topic_result_error_string(results[i]);
        return err_make(ERR_STOP, "bus.topic", "%s: %s", rd_kafka_topic_result_name(results[i]),
                        text != NULL ? text : rd_kafka_err2str(code));
    }
    return ERR_OK;
}

/* One "name=value" in a way that suits both calls; false: not of that form. */
static bool
split_setting(const char *setting, char name[64], const char **value)
{
    const char *equals = strchr(setting, '=');
    if (equals == NULL || equals - setting >= 64)
        return false;
    memcpy(name, setting, (size_t)(equals - setting));
    name[equals - setting] = '\0';
    *value = equals + 1;
    return true;
}

static struct err
new_topic(const struct conf *c, const struct bus_topic *t, rd_kafka_NewTopic_t **out)
{
    char text[120] = "";
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(
        t->name, t->partitions, (int)conf_int(c, "kafka.replication"), text, sizeof text);
    if (topic == NULL)
        return err_make(ERR_STOP, "bus.topic", "%s: %s", t->name, text);
    for (size_t i = 0; t->settings != NULL && t->settings[i] != NULL; i++) {
        char name[64];
        const char *value = NULL;
        if (!split_setting(t->settings[i], name, &value) ||
            rd_kafka_NewTopic_set_config(topic, name, value) != RD_KAFKA_RESP_ERR_NO_ERROR) {
            rd_kafka_NewTopic_destroy(topic);
            return err_make(ERR_STOP, "bus.topic", "%s: bad setting %s", t->name, t->settings[i]);
        }
    }
    *out = topic;
    return ERR_OK;
}

struct err
bus_topic_create(const struct conf *c, const struct bus_topic *t, int timeout_ms)
{
    rd_kafka_NewTopic_t *topic = NULL;
    rd_kafka_t *rk = NULL;
    if (conf_bool(c, "kafka.demo"))
        return ERR_OK; /* it makes topics itself, when they are first used */
    struct err e = new_topic(c, t, &topic);
    if (e.kind != ERR_NONE)
        return e;
    e = admin_open(c, &rk);
    if (e.kind != ERR_NONE) {
        rd_kafka_NewTopic_destroy(topic);
        return e;
    }
    rd_kafka_queue_t *q = rd_kafka_queue_new(rk);
    rd_kafka_AdminOptions_t *o = options_new(rk, RD_KAFKA_ADMIN_OP_CREATETOPICS, timeout_ms);
    rd_kafka_CreateTopics(rk, &topic, 1, o, q);
    rd_kafka_event_t *ev = answer(q, timeout_ms, t->name, &e);
    if (ev != NULL) {
        size_t n = 0;
        const rd_kafka_topic_result_t **results =
            rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(ev), &n);
        e = topic_verdict(results, n, RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS);
        rd_kafka_event_destroy(ev);
    }
    rd_kafka_AdminOptions_destroy(o);
    rd_kafka_queue_destroy(q);
    rd_kafka_NewTopic_destroy(topic);
    rd_kafka_destroy(rk);
    return e;
}

struct err
bus_topic_delete(const struct conf *c, const char *name, int timeout_ms)
{
    rd_kafka_t *rk = NULL;
    if (conf_bool(c, "kafka.demo"))
        return err_make(ERR_REJECT, "bus.demo", "%s: the demo broker cannot delete topics", name);
    struct err e = admin_open(c, &rk);
    if (e.kind != ERR_NONE)
        return e;
    rd_kafka_queue_t *q = rd_kafka_queue_new(rk);
    rd_kafka_AdminOptions_t *o = options_new(rk, RD_KAFKA_ADMIN_OP_DELETETOPICS, timeout_ms);
    rd_kafka_DeleteTopic_t *topic = rd_kafka_DeleteTopic_new(name);
    rd_kafka_DeleteTopics(rk, &topic, 1, o, q);
    rd_kafka_event_t *ev = answer(q, timeout_ms, name, &e);
    if (ev != NULL) {
        size_t n = 0;
        const rd_kafka_topic_result_t **results =
            rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(ev), &n);
        e = topic_verdict(results, n, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
        rd_kafka_event_destroy(ev);
    }
    rd_kafka_DeleteTopic_destroy(topic);
    rd_kafka_AdminOptions_destroy(o);
    rd_kafka_queue_destroy(q);
    rd_kafka_destroy(rk);
    return e;
}

/* ---- checking */

/* Lists like "compact,delete" have no order. */
static bool
same_value(const char *want, const char *have)
{
    size_t n = 0;
    if (have == NULL || strlen(want) != strlen(have))
        return false;
    for (struct slice rest = slice_of(want); rest.p != NULL; n++) {
        struct slice part = slice_split(&rest, ',');
        bool found = false;
        for (struct slice all = slice_of(have); all.p != NULL && !found;)
            found = slice_eq(slice_split(&all, ','), part);
        if (!found)
            return false;
    }
    return n > 0;
}

static struct err
compare_settings(const struct bus_topic *t, const rd_kafka_ConfigResource_t *resource)
{
    size_t n = 0;
    rd_kafka_resp_err_t code = rd_kafka_ConfigResource_error(resource);
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &n);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return err_make(ERR_STOP, "bus.topic", "%s: %s", t->name, rd_kafka_err2str(code));
    for (size_t i = 0; t->settings != NULL && t->settings[i] != NULL; i++) {
        char name[64];
        const char *want = NULL, *have = NULL;
        if (!split_setting(t->settings[i], name, &want))
            return err_make(ERR_STOP, "bus.topic", "%s: bad setting %s", t->name, t->settings[i]);
        for (size_t j = 0; j < n; j++)
            if (strcmp(rd_kafka_ConfigEntry_name(entries[j]), name) == 0)
                have = rd_kafka_ConfigEntry_value(entries[j]);
        if (!same_value(want, have))
            return err_make(ERR_STOP, "bus.topic", "%s: %s is %s, it must be %s", t->name, name,
                            have != NULL ? have : "not known", want);
    }
    return ERR_OK;
}

static struct err
check_settings(rd_kafka_t *rk, const struct bus_topic *t, int timeout_ms)
{
    struct err e = ERR_OK;
    rd_kafka_queue_t *q = rd_kafka_queue_new(rk);
    rd_kafka_AdminOptions_t *o = options_new(rk, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout_ms);
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, t->name);
    rd_kafka_DescribeConfigs(rk, &resource, 1, o, q);
    rd_kafka_event_t *ev = answer(q, timeout_ms, t->name, &e);
    if (ev != NULL) {
        size_t n = 0;
        const rd_kafka_ConfigResource_t **got = rd_kafka_DescribeConfigs_result_resources(
            rd_kafka_event_DescribeConfigs_result(ev), &n);
        e = n == 1 ? compare_settings(t, got[0])
                   : err_make(ERR_STOP, "bus.topic", "%s: Kafka tells no settings", t->name);
        rd_kafka_event_destroy(ev);
    }
    rd_kafka_ConfigResource_destroy(resource);
    rd_kafka_AdminOptions_destroy(o);
    rd_kafka_queue_destroy(q);
    return e;
}

struct err
bus_topic_check(const struct conf *c, const struct bus_topic *t, int timeout_ms)
{
    int64_t until_ms = clock_mono_ms() + timeout_ms;
    const struct rd_kafka_metadata *md = NULL;
    rd_kafka_t *rk = NULL;
    struct err e = admin_open(c, &rk);
    if (e.kind != ERR_NONE)
        return e;
    e = admin_metadata(rk, true, timeout_ms, &md);
    if (e.kind == ERR_NONE) {
        const struct rd_kafka_metadata_topic *have = find_topic(md, t->name);
        if (have == NULL || have->err != RD_KAFKA_RESP_ERR_NO_ERROR)
            e = err_make(ERR_STOP, "bus.topic", "%s: there is no such topic", t->name);
        else if (have->partition_cnt != t->partitions)
            e = err_make(ERR_STOP, "bus.topic", "%s: has %d partitions, not %" PRId32, t->name,
                         have->partition_cnt, t->partitions);
        rd_kafka_metadata_destroy(md);
    }
    int64_t left_ms = until_ms - clock_mono_ms();
    if (e.kind == ERR_NONE && !conf_bool(c, "kafka.demo"))
        e = check_settings(rk, t, left_ms > 1000 ? (int)left_ms : 1000);
    rd_kafka_destroy(rk);
    return e;
}
