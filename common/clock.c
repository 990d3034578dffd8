#include "common/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { DAY_S = 86400, FRACTION_DIGITS = 7, YEAR_MAX = 9999 };

static const int64_t FIRST_S = INT64_C(-62135596800); /* 0001-01-01T00:00:00Z */
static const int64_t LAST_S = INT64_C(253402300799);  /* 9999-12-31T23:59:59Z */

int64_t
clock_now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t); /* fails for unknown clocks only */
    return t.tv_sec * CLOCK_SECOND + t.tv_nsec / 100;
}

int64_t
clock_mono_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

/* ---- the calendar: proleptic Gregorian, days since 1970 */

static bool
leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int64_t
month_days(int64_t year, int64_t month)
{
    static const int DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return DAYS[month - 1] + (month == 2 && leap(year));
}

/* Days before the first of January of a year from 1 on, counted from 0001-01-01. */
static int64_t
year_start(int64_t year)
{
    int64_t y = year - 1;
    return y * 365 + y / 4 - y / 100 + y / 400;
}

static int64_t
days_of(int64_t year, int64_t month, int64_t day)
{
    int64_t days = year_start(year) + day - 1 + FIRST_S / DAY_S;
    for (int64_t m = 1; m < month; m++)
        days += month_days(year, m);
    return days;
}

/* ---- reading */

struct reader {
    struct slice left;
    bool bad;
};

static bool
take(struct reader *r, char c)
{
    if (r->left.n == 0 || r->left.p[0] != c)
        return false;
    r->left.p++;
    r->left.n--;
    return true;
}

static void
expect(struct reader *r, char c)
{
    if (!take(r, c))
        r->bad = true;
}

/* Between `least` and `most` digits, as many as there are. */
static int64_t
number(struct reader *r, size_t least, size_t most)
{
    int64_t value = 0;
    size_t n = 0;
    for (; n < most && n < r->left.n && r->left.p[n] >= '0' && r->left.p[n] <= '9'; n++)
        value = value * 10 + (r->left.p[n] - '0');
    if (n < least)
        r->bad = true;
    r->left.p += n;
    r->left.n -= n;
    return value;
}

/* ".5" is 5000000; digits beyond the seventh are read and cut. */
static int64_t
fraction(struct reader *r)
{
    size_t before = r->left.n;
    int64_t value = number(r, 1, 9);
    for (size_t digits = before - r->left.n; digits < FRACTION_DIGITS; digits++)
        value *= 10;
    for (size_t digits = before - r->left.n; digits > FRACTION_DIGITS; digits--)
        value /= 10;
    return value;
}

static int64_t
zone_s(struct reader *r)
{
    if (r->left.n == 0 || take(r, 'Z'))
        return 0;
    bool west = take(r, '-');
    if (!west)
        expect(r, '+');
    int64_t hours = number(r, 2, 2);
    (void)take(r, ':');
    int64_t minutes = number(r, 2, 2);
    if (hours > 23 || minutes > 59)
        r->bad = true;
    int64_t s = hours * 3600 + minutes * 60;
    return west ? -s : s;
}

struct moment {
    int64_t year, month, day, hour, minute, second, ticks, zone_s;
};

static void
read_clock(struct reader *r, struct moment *m)
{
    expect(r, ':');
    m->minute = number(r, 2, 2);
    expect(r, ':');
    m->second = number(r, 2, 2);
}

/* "2021-01-26T20:33:57.7220239Z", "2025-10-15 06:50:08", "2020-02-29" */
static void
read_iso(struct reader *r, struct moment *m)
{
    m->year = number(r, 4, 4);
    expect(r, '-');
    m->month = number(r, 2, 2);
    expect(r, '-');
    m->day = number(r, 2, 2);
    if (r->left.n == 0)
        return;
    if (!take(r, 'T'))
        expect(r, ' ');
    m->hour = number(r, 2, 2);
    read_clock(r, m);
    if (take(r, '.'))
        m->ticks = fraction(r);
    m->zone_s = zone_s(r);
}

/* "10/31/2024 1:31:54 PM" */
static void
read_american(struct reader *r, struct moment *m)
{
    m->month = number(r, 1, 2);
    expect(r, '/');
    m->day = number(r, 1, 2);
    expect(r, '/');
    m->year = number(r, 4, 4);
    expect(r, ' ');
    m->hour = number(r, 1, 2);
    read_clock(r, m);
    expect(r, ' ');
    bool afternoon = take(r, 'P');
    if (!afternoon)
        expect(r, 'A');
    expect(r, 'M');
    if (m->hour < 1 || m->hour > 12)
        r->bad = true;
    m->hour = m->hour % 12 + (afternoon ? 12 : 0);
}

static bool
real(const struct moment *m)
{
    return m->year >= 1 && m->year <= YEAR_MAX && m->month >= 1 && m->month <= 12 && m->day >= 1 &&
           m->day <= month_days(m->year, m->month) && m->hour <= 23 && m->minute <= 59 &&
           m->second <= 59;
}

bool
clock_parse(struct slice text, int64_t *out)
{
    struct reader r = {.left = text};
    struct moment m = {0};
    if (text.n == 0)
        return false;
    if (slice_find(slice_sub(text, 0, 3), SLICE("/"), 0) < 3 && text.n > 3)
        read_american(&r, &m);
    else
        read_iso(&r, &m);
    if (r.bad || r.left.n > 0 || !real(&m))
        return false;
    int64_t written_s =
        days_of(m.year, m.month, m.day) * DAY_S + m.hour * 3600 + m.minute * 60 + m.second;
    int64_t s = written_s - m.zone_s;
    if (written_s == FIRST_S && m.ticks == 0) {
        *out = CLOCK_NONE;
        return true;
    }
    if (s < FIRST_S || s > LAST_S)
        return false;
    *out = s * CLOCK_SECOND + m.ticks;
    return true;
}

/* ---- writing */

/* The widest year is four digits, so that what is written can be read again. */
static struct moment
split(int64_t time)
{
    int64_t s = time / CLOCK_SECOND, ticks = time % CLOCK_SECOND;
    if (ticks < 0) {
        s--;
        ticks += CLOCK_SECOND;
    }
    if (s < FIRST_S || s > LAST_S) {
        ticks = s < FIRST_S ? 0 : CLOCK_SECOND - 1;
        s = s < FIRST_S ? FIRST_S : LAST_S;
    }
    s -= FIRST_S;
    int64_t days = s / DAY_S, left = s % DAY_S;
    struct moment m = {.hour = left / 3600, .minute = left / 60 % 60, .second = left % 60};
    m.ticks = ticks;
    m.year = days / 366 + 1; /* at most the right one */
    while (year_start(m.year + 1) <= days)
        m.year++;
    days -= year_start(m.year);
    for (m.month = 1; days >= month_days(m.year, m.month); m.month++)
        days -= month_days(m.year, m.month);
    m.day = days + 1;
    return m;
}

static struct clock_text
format(int64_t time, bool full)
{
    struct clock_text out = {{0}};
    if (time == CLOCK_NONE)
        return out;
    struct moment m = split(time);
    int n = snprintf(out.s, sizeof out.s, "%04u-%02u-%02uT%02u:%02u:%02u.%07u",
                     (unsigned)m.year % 10000, (unsigned)m.month % 100, (unsigned)m.day % 100,
                     (unsigned)m.hour % 100, (unsigned)m.minute % 100, (unsigned)m.second % 100,
                     (unsigned)m.ticks % 10000000);
    while (!full && out.s[n - 1] == '0')
        n--;
    if (out.s[n - 1] == '.')
        n--;
    out.s[n] = 'Z';
    out.s[n + 1] = '\0';
    return out;
}

struct clock_text
clock_format(int64_t time)
{
    return format(time, false);
}

struct clock_text
clock_format_full(int64_t time)
{
    return format(time, true);
}
