/*
 * raw_alerts CONFIG REGION: raw alerts from the standard input into weir.R.alerts, as ingest sends
 * them, in the order of the lines; ends when Kafka has confirmed all of them.
 *
 * A line: oid, epoch, source, native id, version, received (100 ns), payload; tabs between them.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bus.h"
#include "common/seal.h"
#include "schemas/codec.h"
#include "schemas/topics.h"

enum { LINE_BYTES = 1 << 20, ARENA_BYTES = 16 << 20, WAITING_MAX = 1000 };

struct tool {
    struct loop *loop;
    struct conf *conf;
    struct seal *seal;
    struct codec *codec;
    struct bus_producer *producer;
    struct arena *arena;
    struct topic_name topic;
    size_t waiting;
    bool calm; /* few enough wait */
    struct err failed;
};

static void
must(struct err e)
{
    if (e.kind == ERR_NONE)
        return;
    fprintf(stderr, "raw_alerts: %s: %s\n", e.code, e.text);
    exit(1);
}

static void
on_confirmed(void *arg, struct err e)
{
    struct tool *t = arg;
    if (e.kind && t->failed.kind == ERR_NONE)
        t->failed = e;
    t->calm = --t->waiting == 0;
}

static void
drain(struct tool *t)
{
    t->calm = t->waiting == 0;
    (void)loop_turn(t->loop, &t->calm);
    must(t->failed);
}

static struct raw_record
record_of(struct tool *t, struct slice line)
{
    struct raw_record r = {0};
    int64_t epoch = 0;
    if (!oid_parse(slice_split(&line, '\t'), &r.oid) ||
        !slice_int(slice_split(&line, '\t'), &epoch))
        must(err_make(ERR_STOP, "line", "no oid, or no epoch"));
    r.epoch = (int32_t)epoch;
    r.source = slice_split(&line, '\t');
    r.native_id = slice_split(&line, '\t');
    if (!slice_int(slice_split(&line, '\t'), &r.version) ||
        !slice_int(slice_split(&line, '\t'), &r.received))
        must(err_make(ERR_STOP, "line", "no version, or no time"));
    struct slice place = slice_printf(t->arena, "kafka|%s|%.*s/%.*s", t->topic.s,
                                      SLICE_ARG(r.source), SLICE_ARG(r.native_id));
    must(seal_close(t->seal, &r.oid, r.epoch, SEAL_RAW, place, line, t->arena, &r.payload));
    return r;
}

static void
send_line(struct tool *t, struct slice line)
{
    struct slice value;
    struct raw_record r = record_of(t, line);
    must(codec_raw(t->codec, &r, t->arena, &value));
    const struct bus_record record = {
        .topic = t->topic.s, .partition = -1, .key = oid_slice(&r.oid), .value = value};
    struct err e = bus_produce(t->producer, &record, on_confirmed, t);
    for (int i = 0; e.kind == ERR_RETRY && i < 50; i++) { /* the topic is not known yet */
        struct bus_producer *again = t->producer;
        drain(t);
        uv_run(loop_uv(t->loop), UV_RUN_ONCE);
        e = bus_produce(again, &record, on_confirmed, t);
    }
    must(e);
    if (++t->waiting >= WAITING_MAX)
        drain(t);
    arena_reset(t->arena);
}

int
main(int argc, char **argv)
{
    static char line[LINE_BYTES];
    const struct opt *const tables[] = {bus_opts, seal_opts, NULL};
    struct tool t = {0};
    if (argc != 3)
        return 2;
    must(conf_load(tables, argv[1], NULL, &t.conf));
    must(loop_new(false, &t.loop));
    must(seal_new(t.conf, &t.seal));
    must(codec_new(&t.codec));
    t.arena = arena_new(ARENA_BYTES);
    t.topic = topic_alerts(t.conf, argv[2]);
    must(bus_producer_open(t.loop, t.conf, &t.producer));
    while (fgets(line, sizeof line, stdin) != NULL)
        send_line(&t, (struct slice){line, strcspn(line, "\n")});
    drain(&t);
    bus_producer_close(t.producer, 0, NULL, NULL);
    loop_stop(t.loop, 0);
    (void)loop_run(t.loop);
    arena_free(t.arena);
    codec_free(t.codec);
    seal_free(t.seal);
    conf_free(t.conf);
    loop_free(t.loop);
    return 0;
}
