#include "common/bus.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/bus_internal.h"

enum { SESSION_MS = 10000, SESSION_DEMO_MS = 4000, SECRET_ARENA_BYTES = 256 * 1024 };

const struct opt bus_opts[] = {
    OPT_TEXT("kafka.bootstrap", "127.0.0.1:9092", "Addresses of Kafka brokers, host:port,..."),
    OPT_BOOL("kafka.demo", 0, "The broker is `weir run broker`: it has no topic administration."),
    OPT_TEXT("kafka.prefix", "weir", "First part of the names of all topics and groups."),
    OPT_INT("kafka.partitions", NULL, 64, 1, 4096, "Partitions of a new topic, fixed for ever."),
    OPT_INT("kafka.replication", NULL, 1, 1, 16, "Copies of each partition of a new topic."),
    OPT_INT("kafka.session_ms", "ms", 0, 0, 300000,
            "After this silence a worker's partitions go to others; 0: 10000, on a demo 4000."),
    OPT_INT("kafka.buffer_bytes", "bytes", 64 * 1024 * 1024, 1024 * 1024, INT64_C(1) << 30,
            "Memory for records that Kafka has not confirmed yet."),
    OPT_INT("kafka.buffer_records", NULL, 100000, 16, 10000000,
            "Most records that Kafka has not confirmed yet."),
    OPT_INT("kafka.fetch_bytes", "bytes", 16 * 1024 * 1024, 1024 * 1024, INT64_C(1) << 30,
            "Memory for records that were fetched and not yet handed over."),
    OPT_INT("kafka.linger_ms", "ms", 5, 0, 1000, "How long a record waits for company."),
    OPT_INT("kafka.confirm_ms", "ms", 3600000, 1000, 86400000,
            "A record that was not confirmed for so long is given back to its sender."),
    OPT_TEXT("kafka.security", "plaintext",
             "How to talk to Kafka: plaintext, ssl, sasl_plaintext or sasl_ssl."),
    OPT_TEXT("kafka.ca_file", NULL, "Certificates of the authority that signed Kafka's (PEM)."),
    OPT_TEXT("kafka.sasl", "SCRAM-SHA-512", "SASL mechanism: PLAIN, SCRAM-SHA-256 or -512."),
    OPT_TEXT("kafka.username", NULL, "Name for SASL."),
    OPT_TEXT("kafka.password_file", NULL, "File that holds the password for SASL."),
    OPT_END,
};

int64_t
bus_session_ms(const struct conf *c)
{
    int64_t ms = conf_int(c, "kafka.session_ms");
    if (ms > 0)
        return ms;
    return conf_bool(c, "kafka.demo") ? SESSION_DEMO_MS : SESSION_MS;
}

void
bus_setup_put(struct bus_setup *s, const char *name, const char *value)
{
    char text[120] = "";
    if (s->e.kind != ERR_NONE)
        return;
    if (rd_kafka_conf_set(s->conf, name, value, text, sizeof text) != RD_KAFKA_CONF_OK)
        s->e = err_make(ERR_STOP, "bus.conf", "Kafka client: %s: %s", name, text);
}

void
bus_setup_put_int(struct bus_setup *s, const char *name, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, value);
    bus_setup_put(s, name, text);
}

/* The prefix becomes part of topic names: anything Kafka would refuse is refused here, early. */
static struct err
check_prefix(const char *prefix)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    size_t n = prefix != NULL ? strlen(prefix) : 0;
    if (n == 0 || n > 64 || strspn(prefix, allowed) != n)
        return err_make(ERR_STOP, "bus.conf",
                        "kafka.prefix: 1 to 64 letters, digits, '-', '_' or '.' are expected");
    return ERR_OK;
}

static struct err
put_password(struct bus_setup *s, const struct conf *c)
{
    struct arena *a = arena_new(SECRET_ARENA_BYTES);
    struct slice secret = SLICE_NONE;
    struct err e = ERR_OK;
    if (a == NULL)
        return err_make(ERR_STOP, "bus.conf", "out of memory");
    e = conf_read_secret(c, "kafka.password_file", a, &secret);
    if (e.kind != ERR_NONE)
        goto out;
    const char *text = slice_cstr(a, secret);
    if (text == NULL) {
        e = err_make(ERR_STOP, "bus.conf", "out of memory");
        goto out;
    }
    bus_setup_put(s, "sasl.password", text);
out:
    arena_free(a);
    return e;
}

static struct err
put_security(struct bus_setup *s, const struct conf *c)
{
    const char *security = conf_text(c, "kafka.security");
    bus_setup_put(s, "security.protocol", security);
    if (conf_text(c, "kafka.ca_file") != NULL)
        bus_setup_put(s, "ssl.ca.location", conf_text(c, "kafka.ca_file"));
    if (s->e.kind != ERR_NONE || strncmp(security, "sasl", 4) != 0)
        return s->e;
    if (conf_text(c, "kafka.username") == NULL || conf_text(c, "kafka.password_file") == NULL)
        return err_make(ERR_STOP, "bus.conf",
                        "kafka.security %s needs kafka.username and kafka.password_file", security);
    bus_setup_put(s, "sasl.mechanisms", conf_text(c, "kafka.sasl"));
    bus_setup_put(s, "sasl.username", conf_text(c, "kafka.username"));
    return put_password(s, c);
}

struct err
bus_setup_init(struct bus_setup *s, const struct conf *c)
{
    *s = (struct bus_setup){.conf = rd_kafka_conf_new(), .e = ERR_OK};
    s->e = check_prefix(conf_text(c, "kafka.prefix"));
    bus_setup_put(s, "bootstrap.servers", conf_text(c, "kafka.bootstrap"));
    bus_setup_put(s, "client.id", "weir");
    bus_setup_put(s, "socket.nagle.disable", "true");
    bus_setup_put(s, "reconnect.backoff.max.ms", "2000");
    bus_setup_put_int(s, "message.max.bytes", BUS_RECORD_MAX);
    /* what matters comes as errors; its own lines would repeat with every try to connect */
    bus_setup_put(s, "log_level", "0");
    rd_kafka_conf_set_log_cb(s->conf, NULL);
    if (s->e.kind == ERR_NONE)
        s->e = put_security(s, c);
    if (s->e.kind != ERR_NONE) {
        rd_kafka_conf_destroy(s->conf);
        s->conf = NULL;
    }
    return s->e;
}

struct err
bus_setup_new(struct bus_setup *s, rd_kafka_type_t type, rd_kafka_t **out)
{
    char text[120] = "";
    rd_kafka_t *rk = NULL;
    if (s->e.kind == ERR_NONE) {
        rk = rd_kafka_new(type, s->conf, text, sizeof text);
        if (rk == NULL)
            s->e = err_make(ERR_STOP, "bus.conf", "Kafka client: %s", text);
    }
    if (rk == NULL)
        rd_kafka_conf_destroy(s->conf);
    s->conf = NULL;
    *out = rk;
    return s->e;
}

bool
bus_stats_up(const char *json, size_t n)
{
    static const char up[] = "\"state\":\"UP\"";
    return memmem(json, n, up, sizeof up - 1) != NULL;
}

/* ---- the doorbell */

static void
wake_rang(uv_poll_t *h, int status, int events)
{
    struct bus_wake *w = h->data;
    uint64_t rings = 0;
    (void)status; /* the turn is right in any case: it asks the queue */
    (void)events;
    /* EAGAIN: nothing to take; the queue is looked at all the same */
    if (read(w->fd, &rings, sizeof rings) < 0)
        rings = 0;
    if (w->closed == NULL)
        w->turn(w->owner);
}

static void
wake_ticked(uv_timer_t *h)
{
    struct bus_wake *w = h->data;
    if (w->closed == NULL)
        w->turn(w->owner);
}

struct err
bus_wake_start(struct bus_wake *w, struct loop *l, rd_kafka_queue_t *queue, void *owner,
               void (*turn)(void *owner))
{
    uint64_t one = 1;
    *w = (struct bus_wake){.owner = owner, .turn = turn};
    w->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (w->fd < 0)
        return err_make(ERR_STOP, "bus.conf", "no descriptor for Kafka's wake-ups");
    if (uv_poll_init(loop_uv(l), &w->poll, w->fd) != 0) {
        close(w->fd);
        return err_make(ERR_STOP, "bus.conf", "no handle for Kafka's wake-ups");
    }
    uv_timer_init(loop_uv(l), &w->tick);
    w->poll.data = w;
    w->tick.data = w;
    w->open = 2;
    w->queue = queue;
    /* these fail for closing handles and NULL callbacks only */
    int bad = uv_poll_start(&w->poll, UV_READABLE, wake_rang);
    bad |= uv_timer_start(&w->tick, wake_ticked, BUS_TICK_MS, BUS_TICK_MS);
    assert(bad == 0);
    (void)bad;
    rd_kafka_queue_io_event_enable(queue, w->fd, &one, sizeof one);
    return ERR_OK;
}

void
bus_wake_ring(struct bus_wake *w)
{
    uint64_t one = 1;
    /* EAGAIN: it has been rung 2^64 - 2 times already, which is enough */
    if (write(w->fd, &one, sizeof one) < 0)
        return;
}

void
bus_wake_hurry(struct bus_wake *w)
{
    uv_timer_start(&w->tick, wake_ticked, 0, BUS_CLOSE_TICK_MS);
}

static void
wake_handle_closed(uv_handle_t *h)
{
    struct bus_wake *w = h->data;
    assert(w->open > 0);
    if (--w->open > 0)
        return;
    close(w->fd);
    w->closed(w->owner);
}

void
bus_wake_close(struct bus_wake *w, void (*closed)(void *owner))
{
    assert(w->closed == NULL);
    w->closed = closed;
    rd_kafka_queue_io_event_enable(w->queue, -1, NULL, 0);
    rd_kafka_queue_destroy(w->queue); /* a reference left would let rd_kafka_destroy hang */
    w->queue = NULL;
    uv_close((uv_handle_t *)&w->poll, wake_handle_closed);
    uv_close((uv_handle_t *)&w->tick, wake_handle_closed);
}
