#include "common/log.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/line.h"
#include "common/metric.h"

enum {
    LINE_MAX_BYTES = 4096, /* what a pipe takes whole: lines of several processes never mix */
    TEXT_MAX_BYTES = 1024, /* of one field; longer ones are cut */
    WAIT_MS = 100,         /* for a reader of stdout who fell behind; then the line is lost */
};

static const char *const LEVELS[] = {"debug", "info", "warn", "error"};
static const char *const COLOURS[] = {"\033[2m", "\033[36m", "\033[33m", "\033[31m"};
static const char PLAIN[] = "\033[0m";

/* The registry of the log: one of the two mutable globals that style.md 3 allows. */
static struct {
    const char *role;
    enum log_level least;
    int fd;
    bool ready, terminal, colour;
} log_state = {.role = "weir", .least = LOG_INFO, .fd = STDOUT_FILENO};

/* A reader who closes the pipe must cost us a line, not the process. */
static void
prepare(void)
{
    struct sigaction now;
    if (sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == SIG_DFL)
        (void)signal(SIGPIPE, SIG_IGN);
    const char *no_colour = getenv("NO_COLOR");
    log_state.terminal = isatty(log_state.fd) == 1;
    log_state.colour = log_state.terminal && (no_colour == NULL || no_colour[0] == '\0');
    log_state.ready = true;
}

void
log_setup(const char *role, enum log_level least)
{
    log_state.role = role;
    log_state.least = least;
    log_state.ready = false;
}

void
log_output(int fd)
{
    log_state.fd = fd;
    log_state.ready = false;
}

/* ---- one field */

/* Never ends inside a character: half of one would be shown as a replacement. */
static struct slice
cut(struct slice s)
{
    if (s.n <= TEXT_MAX_BYTES)
        return s;
    size_t n = TEXT_MAX_BYTES;
    while (n > TEXT_MAX_BYTES - 4 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
        n--;
    return slice_sub(s, 0, n);
}

static struct slice
field_text(const struct log_field *f, struct oid_text *space)
{
    if (f->kind == LOG_FIELD_SLICE)
        return cut(f->s);
    if (f->oid == NULL)
        return SLICE_NONE;
    *space = oid_format(f->oid);
    return slice_of(space->s);
}

static void
field_json(struct line *l, const struct log_field *f)
{
    struct oid_text space;
    line_put(l, SLICE(","));
    line_json(l, slice_of(f->name));
    line_put(l, SLICE(":"));
    if (f->kind == LOG_FIELD_INT)
        line_printf(l, "%" PRId64, f->i);
    else if (field_text(f, &space).p == NULL)
        line_put(l, SLICE("null"));
    else
        line_json(l, field_text(f, &space));
}

static void
field_plain(struct line *l, const struct log_field *f)
{
    struct oid_text space;
    line_printf(l, " %s=", f->name);
    if (f->kind == LOG_FIELD_INT) {
        line_printf(l, "%" PRId64, f->i);
        return;
    }
    struct slice text = field_text(f, &space);
    bool quote = text.n == 0 || slice_find(text, SLICE(" "), 0) < text.n;
    if (text.p == NULL)
        line_put(l, SLICE("-"));
    else if (quote)
        line_put(l, SLICE("'"));
    line_plain(l, text);
    if (text.p != NULL && quote)
        line_put(l, SLICE("'"));
}

/* A field that does not fit is left out whole, and the line says so at its end. */
static void
fields(struct line *l, const struct log_field *f,
       void (*field)(struct line *, const struct log_field *), bool *lost)
{
    for (; f != NULL && f->name != NULL; f++) {
        size_t before = l->n;
        field(l, f);
        if (l->full) {
            l->n = before;
            l->full = false;
            *lost = true;
        }
    }
}

/* ---- one line */

/* "2019-12-02T10:15:04.123Z" */
static struct clock_text
stamp(void)
{
    struct clock_text t = clock_format_full(clock_now());
    memcpy(t.s + 23, "Z", 2);
    return t;
}

static void
compose_json(struct line *l, enum log_level level, const char *event, const struct log_field *error,
             const struct log_field *f)
{
    bool lost = false;
    line_printf(l, "{\"ts\":\"%s\",\"level\":\"%s\",\"role\":", stamp().s, LEVELS[level]);
    line_json(l, slice_of(log_state.role));
    line_put(l, SLICE(",\"event\":"));
    line_json(l, slice_of(event));
    fields(l, error, field_json, &lost);
    fields(l, f, field_json, &lost);
    l->size += sizeof ",\"cut\":1}\n"; /* log_write kept this much back */
    line_put(l, lost ? SLICE(",\"cut\":1}\n") : SLICE("}\n"));
}

static void
compose_plain(struct line *l, enum log_level level, const char *event,
              const struct log_field *error, const struct log_field *f)
{
    bool lost = false;
    const char *on = log_state.colour ? COLOURS[level] : "";
    const char *off = log_state.colour ? PLAIN : "";
    line_printf(l, "%.12s %s%-5s%s %s %s", stamp().s + 11, on, LEVELS[level], off, log_state.role,
                event);
    fields(l, error, field_plain, &lost);
    fields(l, f, field_plain, &lost);
    l->size += sizeof ",\"cut\":1}\n";
    line_put(l, lost ? SLICE(" cut\n") : SLICE("\n"));
}

/* False: nobody reads, and nobody came within WAIT_MS. */
static bool
write_all(int fd, const char *p, size_t n)
{
    bool waited = false;
    while (n > 0) {
        ssize_t done = write(fd, p, n);
        if (done >= 0) {
            p += done;
            n -= (size_t)done;
        } else if (errno == EAGAIN && !waited) {
            struct pollfd ready = {.fd = fd, .events = POLLOUT};
            (void)poll(&ready, 1, WAIT_MS); /* whatever came: the next write tells */
            waited = true;
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

void
log_write(enum log_level level, const char *event, const struct err *e, const struct log_field *f)
{
    if (e != NULL && e->kind == ERR_RETRY && level == LOG_ERROR)
        level = LOG_WARN;
    if (level < log_state.least)
        return;
    int saved = errno; /* a log line must not change what is reported next */
    if (!log_state.ready)
        prepare();
    char space[LINE_MAX_BYTES];
    struct line l = {.p = space, .size = sizeof space - sizeof ",\"cut\":1}\n"};
    struct log_field none = {.name = NULL};
    const struct log_field error[] = {
        e != NULL ? LOG_STR("code", e->code) : none,
        e != NULL ? LOG_STR("text", e->text) : none,
        none,
    };
    (log_state.terminal ? compose_plain : compose_json)(&l, level, event, error, f);
    bool written = write_all(log_state.fd, l.p, l.n);
    metric_add(METRIC_weir_log_lines_total, 1, written ? LEVELS[level] : "lost");
    errno = saved;
}
