#include "common/supervise.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cli.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"

enum { WORDS_MAX = 8 * 1024, PATH_MAX_BYTES = 512, ARENA_MAX = 1024 * 1024, FILE_MAX = 4096 };

struct child {
    struct supervise *s;
    const struct supervise_child *what;
    uv_process_t process; /* owned while running */
    uv_pipe_t words;      /* owned while running: the child's stderr */
    uv_timer_t timer;     /* owned: end of freshness, or of the pause before the next start */
    unsigned open;        /* of process and words */
    bool timer_open;
    bool running, alive; /* alive: not yet reaped */
    bool fresh;          /* what it says is held back */
    int64_t pause_ms, started_ms;
    int64_t starts;
    int64_t status; /* of its end */
    int signal;
    char held[WORDS_MAX];
    size_t held_n;
};

struct supervise {
    struct loop *loop; /* borrowed */
    struct supervise_conf conf;
    struct loop_hook hook;
    uv_timer_t kill; /* owned */
    bool kill_open, stopping;
    bool refused; /* one child's words were the reason; nobody else need say them again */
    size_t left;  /* children that run or will */
    char path[PATH_MAX_BYTES];
    struct child children[];
};

static void child_start(struct child *c);

struct supervise_conf
supervise_defaults(void)
{
    return (struct supervise_conf){.pause_least_ms = 200,
                                   .pause_most_ms = 10000,
                                   .good_ms = 30000,
                                   .fresh_ms = 1000,
                                   .kill_ms = 6000};
}

/* ---- the run directory */

static void
dir_warn(const char *event, const char *path)
{
    log_warn(event, LOG_STR("path", path), LOG_STR("why", strerror(errno)));
}

/* Beside its place and renamed, so that nobody reads half of it. */
static void
state_write(struct supervise *s)
{
    if (s->path[0] == '\0')
        return;
    struct arena *a = arena_new(ARENA_MAX);
    struct json_out *all = json_out_object(a), *list = json_out_array(a);
    json_out_int(all, "pid", getpid());
    for (size_t i = 0; i < s->conf.n; i++) {
        const struct child *c = &s->children[i];
        struct json_out *o = json_out_object(a);
        json_out_text(o, "name", slice_of(c->what->name));
        if (c->alive)
            json_out_int(o, "pid", c->process.pid);
        else
            json_out_null(o, "pid");
        json_out_int(o, "starts", c->starts);
        json_out_add(list, o);
    }
    json_out_set(all, "children", list);
    struct slice text = json_out_print(all, a);
    char beside[PATH_MAX_BYTES + 8];
    (void)snprintf(beside, sizeof beside, "%s.new", s->path);
    errno = ENOMEM;
    FILE *f = text.p != NULL ? fopen(beside, "we") : NULL;
    bool good = f != NULL && fwrite(text.p, 1, text.n, f) == text.n && fputc('\n', f) != EOF;
    good = f != NULL && fclose(f) == 0 && good;
    if (!good || rename(beside, s->path) != 0)
        dir_warn("supervise.state", s->path);
    arena_free(a);
}

/* The process that a worker's file names; 0: it is no such file. */
static int64_t
file_pid(const char *path, struct arena *a)
{
    char text[FILE_MAX];
    struct json v;
    int64_t pid = 0;
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return 0;
    size_t n = fread(text, 1, sizeof text, f);
    (void)fclose(f);
    arena_reset(a);
    struct err e = json_parse((struct slice){text, n}, a, &v);
    return e.kind == ERR_NONE && json_get_int(v, "pid", &pid) && pid > 0 ? pid : 0;
}

/* A worker that was killed could not remove its file: who reads it would ask a closed port. */
static void
dir_sweep(struct supervise *s)
{
    DIR *d = s->conf.run_dir != NULL ? opendir(s->conf.run_dir) : NULL;
    struct arena *a = arena_new(ARENA_MAX);
    for (const struct dirent *f; d != NULL && a != NULL && (f = readdir(d)) != NULL;) {
        char path[PATH_MAX_BYTES];
        struct slice name = slice_of(f->d_name);
        int n = snprintf(path, sizeof path, "%s/%s", s->conf.run_dir, f->d_name);
        if (!slice_ends(name, SLICE(".json")) || n < 0 || (size_t)n >= sizeof path ||
            strcmp(path, s->path) == 0)
            continue;
        int64_t pid = file_pid(path, a);
        if (pid == 0 || kill((pid_t)pid, 0) == 0 || errno != ESRCH)
            continue;
        if (unlink(path) == 0)
            log_info("supervise.swept", LOG_STR("file", f->d_name), LOG_INT("pid", pid));
        else if (errno != ENOENT)
            dir_warn("supervise.file_left", path);
    }
    arena_free(a);
    if (d != NULL)
        closedir(d);
}

static struct err
dir_open(struct supervise *s)
{
    if (s->conf.run_dir == NULL)
        return ERR_OK;
    int n = snprintf(s->path, sizeof s->path, "%s/all.json", s->conf.run_dir);
    if (n < 0 || (size_t)n >= sizeof s->path)
        return err_make(ERR_STOP, "supervise.run_dir", "run.dir is too long");
    if (mkdir(s->conf.run_dir, 0755) != 0 && errno != EEXIST)
        return err_make(ERR_STOP, "supervise.run_dir",
                        "cannot make %.60s: %s (see the setting run.dir)", s->conf.run_dir,
                        strerror(errno));
    if (access(s->conf.run_dir, W_OK | X_OK) != 0)
        return err_make(ERR_STOP, "supervise.run_dir",
                        "cannot write to %.60s: %s (see the setting run.dir)", s->conf.run_dir,
                        strerror(errno));
    dir_sweep(s);
    return ERR_OK;
}

/* ---- what children say */

/* When one child's refusal ends all, what fresh ones say is the same sentence again. */
static void
words_out(struct child *c)
{
    const char *p = c->held;
    if (c->s->refused && c->fresh)
        c->held_n = 0;
    while (c->held_n > 0) {
        ssize_t n = write(STDERR_FILENO, p, c->held_n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break; /* nobody reads it: as if the child had written there itself */
        p += n;
        c->held_n -= (size_t)n;
    }
    c->held_n = 0;
}

static void
words_room(uv_handle_t *h, size_t wanted, uv_buf_t *out)
{
    struct child *c = h->data;
    (void)wanted;
    if (c->held_n == sizeof c->held) /* more than a sentence: no reason to hold it */
        words_out(c);
    *out = uv_buf_init(c->held + c->held_n, (unsigned)(sizeof c->held - c->held_n));
}

static void child_handle_closed(uv_handle_t *h);

static void
words_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct child *c = stream->data;
    (void)buf;
    if (n < 0) { /* its end, or a failure: there is no more in either case */
        uv_close((uv_handle_t *)stream, child_handle_closed);
        return;
    }
    c->held_n += (size_t)n;
    if (!c->fresh)
        words_out(c);
}

/* ---- one child */

static void
timer_closed(uv_handle_t *h)
{
    (void)h; /* it lies in the supervisor, which outlives the loop's run */
}

/* The child will not run again. */
static void
child_done(struct child *c)
{
    struct supervise *s = c->s;
    if (!c->timer_open)
        return;
    c->timer_open = false;
    uv_close((uv_handle_t *)&c->timer, timer_closed);
    assert(s->left > 0);
    if (--s->left > 0)
        return;
    if (s->kill_open)
        uv_close((uv_handle_t *)&s->kill, timer_closed);
    s->kill_open = false;
    if (s->path[0] != '\0' && unlink(s->path) != 0 && errno != ENOENT)
        dir_warn("supervise.file_left", s->path);
}

static void
timer_fired(uv_timer_t *t)
{
    struct child *c = t->data;
    if (c->running) {
        c->fresh = false;
        words_out(c);
    } else if (!c->s->stopping) {
        child_start(c);
    }
}

static bool
is_refusal(int64_t status)
{
    return status == CLI_USAGE || status == CLI_CONFIGURATION || status == CLI_REFUSED;
}

/* It fell while it should run: again after a pause. */
static void
child_again(struct child *c)
{
    const struct supervise_conf *conf = &c->s->conf;
    if (clock_mono_ms() - c->started_ms >= conf->good_ms)
        c->pause_ms = conf->pause_least_ms;
    log_warn("supervise.fell", LOG_STR("name", c->what->name), LOG_INT("exit", c->status),
             LOG_INT("signal", c->signal), LOG_INT("again_ms", c->pause_ms));
    (void)uv_timer_start(&c->timer, timer_fired, (uint64_t)c->pause_ms, 0);
    c->pause_ms = c->pause_ms * 2 < conf->pause_most_ms ? c->pause_ms * 2 : conf->pause_most_ms;
}

/* Reaped, and all its words were read. */
static void
child_ended(struct child *c)
{
    struct supervise *s = c->s;
    c->running = false;
    (void)uv_timer_stop(&c->timer);
    bool refuses = !s->stopping && c->starts == 1 && c->signal == 0 && is_refusal(c->status);
    words_out(c);
    dir_sweep(s);
    if (refuses) {
        s->refused = true;
        log_warn("supervise.refused", LOG_STR("name", c->what->name), LOG_INT("exit", c->status));
        loop_stop(s->loop, (int)c->status); /* the hook sees that this one is down */
    } else if (s->stopping) {
        child_done(c);
    } else {
        child_again(c);
    }
    if (!s->stopping)
        state_write(s);
}

static void
child_handle_closed(uv_handle_t *h)
{
    struct child *c = h->data;
    assert(c->open > 0);
    if (--c->open == 0)
        child_ended(c);
}

static void
process_exited(uv_process_t *p, int64_t status, int signal_number)
{
    struct child *c = p->data;
    c->status = status;
    c->signal = signal_number;
    c->alive = false;
    uv_close((uv_handle_t *)p, child_handle_closed);
}

/* uv_spawn wants texts it could write to, and does not. */
static char **
writable(const char *const *args)
{
    union {
        const char *const *in;
        char **out;
    } u = {.in = args};
    return u.out;
}

static void
child_start(struct child *c)
{
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_IGNORE},
        {.flags = UV_INHERIT_FD, .data.fd = STDOUT_FILENO},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&c->words},
    };
    const uv_process_options_t options = {.exit_cb = process_exited,
                                          .file = c->what->args[0],
                                          .args = writable(c->what->args),
                                          .flags = UV_PROCESS_DETACHED,
                                          .stdio_count = 3,
                                          .stdio = stdio};
    uv_loop_t *uv = loop_uv(c->s->loop);
    int failed = uv_pipe_init(uv, &c->words, 0);
    assert(failed == 0); /* without IPC it only fills the handle */
    c->starts++;
    c->started_ms = clock_mono_ms();
    c->status = c->signal = 0;
    c->running = c->fresh = true;
    failed = uv_spawn(uv, &c->process, &options);
    c->words.data = c->process.data = c; /* uv_spawn has made the handle also when it failed */
    c->open = 2;
    c->alive = failed == 0;
    if (!failed)
        failed = uv_read_start((uv_stream_t *)&c->words, words_room, words_read);
    if (failed) {
        log_warn("supervise.start", LOG_STR("name", c->what->name),
                 LOG_STR("why", uv_strerror(failed)));
        uv_close((uv_handle_t *)&c->words, child_handle_closed);
        if (c->alive)
            (void)uv_process_kill(&c->process, SIGKILL); /* its exit closes the handle */
        else
            uv_close((uv_handle_t *)&c->process, child_handle_closed);
        return;
    }
    (void)uv_timer_start(&c->timer, timer_fired, (uint64_t)c->s->conf.fresh_ms, 0);
    log_info("supervise.started", LOG_STR("name", c->what->name), LOG_INT("pid", c->process.pid),
             LOG_INT("starts", c->starts));
    state_write(c->s);
}

/* ---- all */

static void
children_signal(struct supervise *s, int number)
{
    for (size_t i = 0; i < s->conf.n; i++) {
        struct child *c = &s->children[i];
        if (!c->alive)
            continue;
        int failed = uv_process_kill(&c->process, number);
        if (failed != 0 && failed != UV_ESRCH)
            log_warn("supervise.signal", LOG_STR("name", c->what->name),
                     LOG_STR("why", uv_strerror(failed)));
    }
}

static void
kill_fired(uv_timer_t *t)
{
    struct supervise *s = t->data;
    log_warn("supervise.kill", LOG_INT("children", (int64_t)s->left));
    children_signal(s, SIGKILL);
}

static void
stop(struct loop_hook *hook)
{
    struct supervise *s = hook->data;
    s->stopping = true;
    (void)uv_timer_start(&s->kill, kill_fired, (uint64_t)s->conf.kill_ms, 0);
    children_signal(s, SIGTERM);
    for (size_t i = 0; i < s->conf.n; i++)
        if (!s->children[i].running)
            child_done(&s->children[i]);
}

static void
handles_init(struct supervise *s)
{
    uv_loop_t *uv = loop_uv(s->loop);
    (void)uv_timer_init(uv, &s->kill); /* cannot fail */
    s->kill.data = s;
    s->kill_open = true;
    for (size_t i = 0; i < s->conf.n; i++) {
        struct child *c = &s->children[i];
        *c = (struct child){
            .s = s, .what = &s->conf.children[i], .pause_ms = s->conf.pause_least_ms};
        (void)uv_timer_init(uv, &c->timer);
        c->timer.data = c;
        c->timer_open = true;
        s->left++;
    }
    s->hook = (struct loop_hook){.stop = stop, .data = s};
    loop_on_stop(s->loop, &s->hook);
}

struct err
supervise_start(struct loop *l, const struct supervise_conf *conf, struct supervise **out)
{
    assert(conf->n > 0);
    struct supervise *s = calloc(1, sizeof *s + conf->n * sizeof s->children[0]);
    if (s == NULL)
        return err_make(ERR_STOP, "supervise.memory", "out of memory");
    s->loop = l;
    s->conf = *conf;
    struct err e = dir_open(s);
    if (e.kind != ERR_NONE) {
        free(s);
        return e;
    }
    handles_init(s);
    for (size_t i = 0; i < conf->n; i++)
        child_start(&s->children[i]);
    *out = s;
    return ERR_OK;
}

void
supervise_free(struct supervise *s)
{
    assert(s == NULL || s->left == 0);
    free(s);
}
