#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/arena.h"
#include "common/json.h"
#include "common/log.h"
#include "common/process.h"
#include "common/supervise.h"

/* Children are shells that say or count something in a directory of the test's own. */
enum { CHILDREN_MAX = 4, PATH_BYTES = 128, LOOK_MS = 5, LOOKS_MAX = 4000 };

struct world {
    char dir[64];
    struct loop *loop;
    struct supervise *s;
    struct supervise_conf conf;
    struct supervise_child children[CHILDREN_MAX];
    const char *args[CHILDREN_MAX][6];
    uv_timer_t look;
    bool (*seen)(struct world *w); /* then the loop is stopped */
    int looks;
    bool gave_up;
};

static int
world_new(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    (void)snprintf(w->dir, sizeof w->dir, "/tmp/weir-supervise-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    w->conf = supervise_defaults();
    w->conf.run_dir = w->dir;
    w->conf.children = w->children;
    w->conf.pause_least_ms = 1;
    w->conf.pause_most_ms = 4;
    log_setup("test", LOG_ERROR);
    *state = w;
    return 0;
}

static int
world_free(void **state)
{
    struct world *w = *state;
    char command[PATH_BYTES];
    (void)snprintf(command, sizeof command, "rm -rf %s", w->dir);
    assert_int_equal(system(command), 0);
    free(w);
    return 0;
}

/* In the script $1 is the test's directory. */
static void
world_child(struct world *w, const char *name, const char *script)
{
    const char *const args[] = {"/bin/sh", "-c", script, name, w->dir};
    assert_in_range(w->conf.n, 0, CHILDREN_MAX - 1);
    memcpy(w->args[w->conf.n], args, sizeof args); /* the last stays NULL */
    w->children[w->conf.n] = (struct supervise_child){.name = name, .args = w->args[w->conf.n]};
    w->conf.n++;
}

static size_t
file_read(const struct world *w, const char *name, char *text, size_t size)
{
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s/%s", w->dir, name);
    FILE *f = fopen(path, "re");
    size_t n = f != NULL ? fread(text, 1, size - 1, f) : 0;
    text[n] = '\0';
    if (f != NULL)
        fclose(f);
    return n;
}

static void
file_write(const struct world *w, const char *name, const char *text)
{
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s/%s", w->dir, name);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static bool
file_there(const struct world *w, const char *name)
{
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s/%s", w->dir, name);
    return access(path, F_OK) == 0;
}

static void
looked(uv_timer_t *t)
{
    struct world *w = t->data;
    w->gave_up = ++w->looks > LOOKS_MAX;
    if (w->gave_up || (w->seen != NULL && w->seen(w)))
        loop_stop(w->loop, 0);
    if (loop_stopping(w->loop))
        uv_close((uv_handle_t *)t, NULL);
}

/* Runs the children until `seen`, or until they end by themselves; the loop's result. */
static int
world_run(struct world *w, bool (*seen)(struct world *w))
{
    struct err e = loop_new(false, &w->loop);
    assert_int_equal(e.kind, ERR_NONE);
    e = supervise_start(w->loop, &w->conf, &w->s);
    assert_int_equal(e.kind, ERR_NONE);
    w->seen = seen;
    w->look.data = w;
    assert_int_equal(uv_timer_init(loop_uv(w->loop), &w->look), 0);
    assert_int_equal(uv_timer_start(&w->look, looked, 0, LOOK_MS), 0);
    int code = loop_run(w->loop);
    assert_false(w->gave_up);
    supervise_free(w->s);
    loop_free(w->loop);
    return code;
}

static bool
started_three_times(struct world *w)
{
    char text[64];
    return file_read(w, "count", text, sizeof text) >= 3;
}

static void
test_a_child_that_falls_is_started_again(void **state)
{
    struct world *w = *state;
    world_child(w, "faller", "printf x >>$1/count; exit 1");
    assert_int_equal(world_run(w, started_three_times), 0);
}

static void
test_a_child_that_is_killed_is_started_again(void **state)
{
    struct world *w = *state;
    world_child(w, "victim", "printf x >>$1/count; kill -9 $$");
    assert_int_equal(world_run(w, started_three_times), 0);
}

static const int REFUSALS[] = {2, 3, 5};

static void
test_a_refusal_at_the_first_start_ends_all_with_its_code(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < sizeof REFUSALS / sizeof REFUSALS[0]; i++) {
        char script[64];
        (void)snprintf(script, sizeof script, "exit %d", REFUSALS[i]);
        w->conf.n = 0;
        world_child(w, "other", "exec tail -f /dev/null");
        world_child(w, "refuser", script);
        assert_int_equal(world_run(w, NULL), REFUSALS[i]);
    }
}

static void
test_a_refusal_later_is_a_fall_like_any_other(void **state)
{
    struct world *w = *state;
    world_child(w, "late", "printf x >>$1/count; test -e $1/once && exit 3; >$1/once; exit 1");
    assert_int_equal(world_run(w, started_three_times), 0);
}

static void
test_one_reason_of_many_children_is_said_once(void **state)
{
    struct world *w = *state;
    int saved = dup(STDERR_FILENO);
    char path[PATH_BYTES], text[256];
    (void)snprintf(path, sizeof path, "%s/words", w->dir);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    w->conf.fresh_ms = 60000; /* also on a machine that is slow */
    for (const char *const *name = (const char *const[]){"a", "b", "c", NULL}; *name; name++)
        world_child(w, *name, "echo wrong >&2; exit 3");
    assert_int_equal(dup2(fileno(f), STDERR_FILENO), STDERR_FILENO);
    int code = world_run(w, NULL);
    assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
    close(saved);
    fclose(f);
    assert_int_equal(code, 3);
    file_read(w, "words", text, sizeof text);
    assert_string_equal(text, "wrong\n");
}

static bool
deaf_is_there(struct world *w)
{
    return file_there(w, "deaf");
}

static void
test_a_child_that_does_not_hear_is_killed(void **state)
{
    struct world *w = *state;
    w->conf.kill_ms = 10;
    world_child(w, "deaf", "trap '' TERM; >$1/deaf; while :; do read x </dev/zero; done");
    assert_int_equal(world_run(w, deaf_is_there), 0);
}

/* all.json names two running children; their pids are processes. */
static bool
state_is_whole(struct world *w)
{
    char text[1024];
    struct json v;
    size_t n = file_read(w, "all.json", text, sizeof text), alive = 0;
    struct arena *a = arena_new(1 << 20);
    struct err e = json_parse((struct slice){text, n}, a, &v);
    if (e.kind == ERR_NONE) {
        int64_t pid = 0;
        assert_true(json_get_int(v, "pid", &pid));
        assert_int_equal(pid, getpid());
        struct json child;
        for (struct json_iter it = json_items(json_get(v, "children"));
             json_next(&it, NULL, &child);)
            alive += json_get_int(child, "pid", &pid) && kill((pid_t)pid, 0) == 0;
    }
    arena_free(a);
    return alive == 2;
}

static void
test_the_state_file_names_all_children_and_goes_with_them(void **state)
{
    struct world *w = *state;
    world_child(w, "one", "exec tail -f /dev/null");
    world_child(w, "two", "exec tail -f /dev/null");
    assert_int_equal(world_run(w, state_is_whole), 0);
    assert_false(file_there(w, "all.json"));
}

static void
test_files_of_dead_workers_are_swept_and_others_stay(void **state)
{
    struct world *w = *state;
    char text[64];
    pid_t dead = fork();
    assert_true(dead >= 0);
    if (dead == 0)
        _exit(0);
    assert_int_equal(waitpid(dead, NULL, 0), dead);
    (void)snprintf(text, sizeof text, "{\"name\":\"x\",\"pid\":%d,\"port\":1}", (int)dead);
    file_write(w, "dead.json", text);
    (void)snprintf(text, sizeof text, "{\"name\":\"y\",\"pid\":%d,\"port\":1}", (int)getpid());
    file_write(w, "alive.json", text);
    file_write(w, "client.json", "{\"secret\":\"x\"}");
    world_child(w, "one", "printf xxx >>$1/count; exec tail -f /dev/null");
    assert_int_equal(world_run(w, started_three_times), 0);
    assert_false(file_there(w, "dead.json"));
    assert_true(file_there(w, "alive.json"));
    assert_true(file_there(w, "client.json"));
}

static void
test_a_program_that_is_not_there_is_tried_again_not_fatal(void **state)
{
    struct world *w = *state;
    static const char *const NOTHING[] = {"/nonexistent/weir", NULL};
    world_child(w, "counter", "printf x >>$1/count; exit 1");
    w->children[1] = (struct supervise_child){.name = "nothing", .args = NOTHING};
    w->conf.n = 2;
    assert_int_equal(world_run(w, started_three_times), 0);
}

static void
test_a_process_ends_with_the_one_it_follows(void **state)
{
    int ends[2];
    char byte;
    assert_int_equal(pipe(ends), 0);
    pid_t parent = fork();
    assert_true(parent >= 0);
    if (parent == 0) {
        pid_t me = getpid();
        if (fork() == 0) {
            struct err e = process_follow(me);
            if (e.kind == ERR_NONE && write(ends[1], "f", 1) == 1)
                pause(); /* holds the pipe open until the signal comes */
            _exit(0);
        }
        pause();
        _exit(0);
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_int_equal(kill(parent, SIGKILL), 0);
    assert_int_equal(waitpid(parent, NULL, 0), parent);
    assert_int_equal(read(ends[0], &byte, 1), 0); /* its end: nobody holds it any more */
    close(ends[0]);
    (void)state;
}

static void
test_a_process_whose_parent_is_gone_already_does_not_start(void **state)
{
    struct err e = process_follow(getpid()); /* not our parent */
    assert_int_equal(e.kind, ERR_STOP);
    assert_string_equal(e.code, "process.parent");
    e = process_follow(0);
    assert_int_equal(e.kind, ERR_NONE);
    (void)state;
}

#define WORLD(test) cmocka_unit_test_setup_teardown(test, world_new, world_free)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD(test_a_child_that_falls_is_started_again),
        WORLD(test_a_child_that_is_killed_is_started_again),
        WORLD(test_a_refusal_at_the_first_start_ends_all_with_its_code),
        WORLD(test_a_refusal_later_is_a_fall_like_any_other),
        WORLD(test_one_reason_of_many_children_is_said_once),
        WORLD(test_a_child_that_does_not_hear_is_killed),
        WORLD(test_the_state_file_names_all_children_and_goes_with_them),
        WORLD(test_files_of_dead_workers_are_swept_and_others_stay),
        WORLD(test_a_program_that_is_not_there_is_tried_again_not_fatal),
        cmocka_unit_test(test_a_process_ends_with_the_one_it_follows),
        cmocka_unit_test(test_a_process_whose_parent_is_gone_already_does_not_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
