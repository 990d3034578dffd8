/*
 * twins.h: one detection of Azure ATP as both channels show it, for tests.
 */
#ifndef WEIR_TESTS_TWINS_H
#define WEIR_TESTS_TWINS_H
#include "tests/unit/judging.h"

#define TWINS_T0 INT64_C(15752592000000000) /* 2019-12-02T04:00:00Z, 100 ns */

/* A detection in the test's own words. */
struct seen {
    const char *title;
    int external_id;
    const char *account, *computer; /* short names */
    int64_t minute;                 /* after TWINS_T0 */
    int number;                     /* makes ids */
    int edition;                    /* of the document: 0 the first */
};

/* As Cloud App Security shows it; raised when it happened. */
static inline struct slice
seen_apps(struct arena *a, const struct seen *s)
{
    long long second = TWINS_T0 / CLOCK_SECOND + s->minute * 60;
    return slice_printf(
        a,
        "{\"_id\":\"%08llx%016x\",\"timestamp\":%lld000,\"title\":\"%s\",\"description\":\"edition "
        "%d\",\"idValue\":1,\"severityValue\":1,\"statusValue\":%d,\"handledByUser\":\"%s\","
        "\"resolutionStatusValue\":0,\"entities\":[{\"type\":\"account\",\"id\":\"6204bdaf-0000-"
        "4e99-a25d-37%010x\",\"label\":\"%s\",\"pa\":\"%s@contoso.com\",\"entityRole\":\"Source\"},"
        "{\"type\":\"device\",\"id\":\"34f3ecc9-0000-4df7-af79-14fe2d0d4553\",\"label\":\"%s\","
        "\"entityRole\":\"Source\"},{\"type\":\"device\",\"id\":\"d1\",\"label\":\"DC1\","
        "\"entityRole\":\"Related\"},{\"type\":\"service\",\"id\":20940,\"label\":\"Active "
        "Directory\"},{\"type\":\"policyRule\",\"id\":\"5bfd18bfab73c36ba10d38ca\",\"label\":"
        "\"%s\"}],\"URL\":\"https://contoso.portal.cloudappsecurity.com/#/alerts/%d\"}",
        second, (unsigned)s->number, second, s->title, s->edition, s->edition > 0,
        s->edition > 0 ? "anna@contoso.com" : "", (unsigned)s->account[0], s->account, s->account,
        s->computer, s->title, s->number);
}

/* As a sensor sends it, half a minute later. */
static inline struct slice
seen_line(struct arena *a, const struct seen *s)
{
    struct clock_text start = clock_format_full(TWINS_T0 + s->minute * 60 * CLOCK_SECOND);
    struct clock_text sent =
        clock_format_full(TWINS_T0 + (s->minute * 60 + 30 + s->edition) * CLOCK_SECOND);
    return slice_printf(
        a,
        "<36>1 %s DC1 CEF 6076 X \xef\xbb\xbf"
        "0|Microsoft|Azure ATP|2.105.7617.9427|XSecurityAlert|%s|5|start=%s app=Kerberos "
        "shost=%s shostfqdn=%s.corp.contoso.com suser=%s cnt=%d outcome=Success msg=edition %d "
        "externalId=%d cs1Label=url cs1=https\\://contoso-corp.atp.azure.com/securityAlert/"
        "eb6a35da-0000-4ab5-a1b5-%012x cs2Label=trigger cs2=%s",
        sent.s, s->title, start.s, s->computer, s->computer, s->account, 2 + s->edition, s->edition,
        s->external_id, (unsigned)s->number, s->edition > 0 ? "update" : "new");
}

static inline struct slice
seen_apps_id(struct arena *a, const struct seen *s)
{
    return slice_printf(a, "%08llx%016x", (long long)(TWINS_T0 / CLOCK_SECOND + s->minute * 60),
                        (unsigned)s->number);
}

static inline struct slice
seen_line_id(struct arena *a, const struct seen *s)
{
    return slice_printf(a, "eb6a35da-0000-4ab5-a1b5-%012x", (unsigned)s->number);
}

static inline struct delivery
seen_delivery(struct desk *d, bool apps, const struct seen *s, int64_t received)
{
    struct slice id = apps ? seen_apps_id(d->a, s) : seen_line_id(d->a, s);
    return desk_delivery(d, apps ? "apps" : "identity", id.p, received, received,
                         apps ? seen_apps(d->a, s) : seen_line(d->a, s));
}

#endif
