#include "tests/simulator/template.h"

#include <string.h>
#include <time.h>

#include "common/clock.h"

#define TICKS_1970 INT64_C(621355968000000000) /* .NET ticks begin in the year 1 */

static struct tm
broken_down(int64_t t)
{
    time_t s = (time_t)(t / CLOCK_SECOND);
    struct tm tm;
    memset(&tm, 0, sizeof(tm));
    gmtime_r(&s, &tm);
    return tm;
}

static struct slice
stamp(int64_t t, const char *format, struct arena *a)
{
    char text[64];
    struct tm tm = broken_down(t);
    size_t n = strftime(text, sizeof(text), format, &tm);
    return slice_dup(a, (struct slice){text, n});
}

static struct slice
form_cut(int64_t t, struct arena *a)
{
    struct clock_text text = clock_format(t);
    return slice_dup(a, slice_of(text.s));
}

static struct slice
form_full(int64_t t, struct arena *a)
{
    struct clock_text text = clock_format_full(t);
    return slice_dup(a, slice_of(text.s));
}

static struct slice
form_bare(int64_t t, struct arena *a)
{
    return stamp(t, "%Y-%m-%dT%H:%M:%S", a);
}

static struct slice
form_milli(int64_t t, struct arena *a)
{
    return slice_printf(a, "%.*s.%03dZ", SLICE_ARG(form_bare(t, a)),
                        (int)(t % CLOCK_SECOND / 10000));
}

static struct slice
form_micro(int64_t t, struct arena *a)
{
    return slice_printf(a, "%.*s.%06d+00:00", SLICE_ARG(form_bare(t, a)),
                        (int)(t % CLOCK_SECOND / 10));
}

static struct slice
form_american(int64_t t, struct arena *a)
{
    struct tm tm = broken_down(t);
    int hour = tm.tm_hour % 12 == 0 ? 12 : tm.tm_hour % 12;
    return slice_printf(a, "%d/%d/%d %d:%02d:%02d %s", tm.tm_mon + 1, tm.tm_mday, tm.tm_year + 1900,
                        hour, tm.tm_min, tm.tm_sec, tm.tm_hour < 12 ? "AM" : "PM");
}

static struct slice
form_epoch_ms(int64_t t, struct arena *a)
{
    return slice_printf(a, "%lld", (long long)(t / 10000));
}

static struct slice
form_ticks(int64_t t, struct arena *a)
{
    return slice_printf(a, "%lld", (long long)(t + TICKS_1970));
}

static struct slice
form_guid_tail(int64_t t, struct arena *a)
{
    return slice_printf(a, "%012llx", (unsigned long long)(t + TICKS_1970) >> 16);
}

static struct slice
form_object_id(int64_t t, struct arena *a)
{
    return slice_printf(a, "%08llx", (unsigned long long)(t / CLOCK_SECOND));
}

static const struct {
    const char *name;
    struct slice (*make)(int64_t t, struct arena *a);
} forms[] = {
    {"z", form_cut},       {"f", form_full},      {"s", form_bare},      {"m", form_milli},
    {"u", form_micro},     {"us", form_american}, {"ms", form_epoch_ms}, {"ticks", form_ticks},
    {"g", form_guid_tail}, {"o", form_object_id},
};

/* "12.5" as 100 ns; false when it is not such a number. */
static bool
seconds_parse(struct slice text, int64_t *out)
{
    int64_t whole = 0;
    int64_t part = 0;
    struct slice fraction = text;
    struct slice digits = slice_split(&fraction, '.');
    if (!slice_int(digits, &whole) || whole < -1000000000 || whole > 1000000000)
        return false;
    for (size_t i = 0; i < 7 && fraction.p != NULL; i++) {
        char c = i < fraction.n ? fraction.p[i] : '0';
        if (c < '0' || c > '9' || fraction.n > 7)
            return false;
        part = part * 10 + (c - '0');
    }
    *out = whole * CLOCK_SECOND + part;
    return true;
}

int64_t
template_sql_time(int64_t t)
{
    int64_t ticks_300 = t / CLOCK_SECOND * 300 + t % CLOCK_SECOND * 3 / 100000;
    return ticks_300 / 300 * CLOCK_SECOND + ticks_300 % 300 * 100000 / 3;
}

static struct err
marker_fill(struct slice marker, const struct template_clock *c, struct arena *a, struct slice *out)
{
    if (slice_eq(marker, SLICE("tenant"))) {
        *out = c->tenant;
        return ERR_OK;
    }
    if (slice_eq(marker, SLICE("now"))) {
        *out = form_cut(template_sql_time(c->release), a);
        return ERR_OK;
    }
    struct slice argument = marker;
    struct slice name = slice_split(&argument, ' ');
    int64_t t = 0;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
        if (slice_eq(name, slice_of(forms[i].name)) && seconds_parse(argument, &t)) {
            *out = forms[i].make(c->zero + t, a);
            return out->p != NULL ? ERR_OK : err_retry(0, "template.memory", "arena is full");
        }
    return err_make(ERR_REJECT, "template.marker", "unknown marker ${%.*s}", SLICE_ARG(marker));
}

struct err
template_fill(struct slice text, const struct template_clock *c, struct arena *a, struct slice *out)
{
    size_t room = text.n + 64; /* a filled marker is at most 64 bytes; counted below */
    for (size_t at = 0; (at = slice_find(text, SLICE("${"), at)) < text.n; at++)
        room += 64;
    char *p = arena_alloc(a, room);
    if (p == NULL)
        return err_retry(0, "template.memory", "arena is full");
    size_t n = 0;
    for (size_t from = 0; from < text.n;) {
        size_t at = slice_find(text, SLICE("${"), from);
        memcpy(p + n, text.p + from, at - from);
        n += at - from;
        if (at == text.n)
            break;
        size_t end = slice_find(text, SLICE("}"), at);
        if (end == text.n)
            return err_make(ERR_REJECT, "template.marker", "a marker is not closed");
        struct slice value = SLICE_NONE;
        struct err e = marker_fill(slice_sub(text, at + 2, end - at - 2), c, a, &value);
        if (e.kind)
            return e;
        bool number =
            slice_starts(slice_sub(text, at, 5), SLICE("${ms ")) && n > 0 && p[n - 1] == '"';
        n -= number ? 1 : 0;
        memcpy(p + n, value.p, value.n);
        n += value.n;
        from = end + (number ? 2 : 1);
    }
    *out = (struct slice){p, n};
    return ERR_OK;
}
