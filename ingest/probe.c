/* probe.c: what the sources tell `weir source check`. Ref: sources.md 2.2, 3.1, 3.2, 4.1, 5.1. */
#include "ingest/probe.h"

#include "common/clock.h"
#include "common/json.h"
#include "ingest/apps_wire.h"
#include "ingest/mail_wire.h"

#define NEW_SECRET                                                                                 \
    "Azure portal > App registrations > the application > Certificates & secrets > New client "    \
    "secret; copy its value, not its id"

/* ---- endpoint */

static const char *const endpoint_roles[] = {"Alert.Read.All", "Alert.ReadWrite.All", NULL};

const struct source_probe probe_endpoint = {
    .roles = endpoint_roles,
    .grant = "Azure portal > App registrations > the application > API permissions > Add > APIs my "
             "organization uses > WindowsDefenderATP > Application permissions > Alert.Read.All, "
             "then Grant admin consent",
    .secret = NEW_SECRET,
    .address = "base_url is https://api.securitycenter.windows.com, or "
               "https://api.security.microsoft.com",
};

/* ---- mail */

static const char *const mail_roles[] = {"ActivityFeed.Read", NULL};

static struct err
mail_ask(const struct source_conf *c, struct arena *a, struct source_request *out)
{
    *out = (struct source_request){.step = MAIL_LIST};
    return mail_request(c, "GET", mail_feed_url(c, "subscriptions/list", a), a, out);
}

/* The subscription in words; its webhook only helps. */
static struct err
mail_state(struct json subscription, struct arena *a, struct slice *says, struct err *warn)
{
    struct slice status = json_get_text(subscription, "status"); /* one sample leaves it out */
    struct json webhook = json_get(subscription, "webhook");
    struct slice hook =
        json_type(webhook) == JSON_OBJECT ? json_get_text(webhook, "status") : SLICE("none");
    if (status.n > 0 && !slice_eq_nocase(status, SLICE("enabled")))
        return err_make(ERR_REJECT, "mail.subscription",
                        "Audit.General is %.*s: an administrator has turned it off",
                        SLICE_ARG(slice_sub(status, 0, 20)));
    if (slice_eq_nocase(hook, SLICE("disabled")) || slice_eq_nocase(hook, SLICE("expired")))
        *warn = err_make(ERR_REJECT, "mail.webhook",
                         "Audit.General is enabled, its webhook is %.*s: records come by polling",
                         SLICE_ARG(hook));
    *says = slice_printf(a, "Audit.General is enabled; webhook: %.*s",
                         SLICE_ARG(slice_sub(hook, 0, 20)));
    return ERR_OK;
}

static struct err
mail_read(const struct answer *got, struct arena *a, struct slice *says, struct err *warn)
{
    struct json doc, item;
    struct slice code = mail_code(got, a);
    struct err e = mail_refusal(got, code, a);
    if (e.kind)
        return e;
    if (!mail_ok(got))
        return mail_unexpected(got, code);
    e = source_page(got->body, a, &doc);
    if (e.kind)
        return e;
    for (struct json_iter it = json_items(doc); json_next(&it, NULL, &item);)
        if (slice_eq_nocase(json_get_text(item, "contentType"), SLICE("Audit.General")))
            return mail_state(item, a, says, warn);
    *warn = err_make(ERR_REJECT, "mail.subscription",
                     "Audit.General is not subscribed yet: the worker does it in its first round, "
                     "--start does it now");
    return ERR_OK;
}

static struct err
mail_first(const struct source_conf *c, bool start, struct arena *a, struct source_request *out)
{
    const struct cursor at = {

        .since = c->start, .closed = c->start, .until = CLOCK_NONE, .started = !start};
    return start ? mail_start_request(c, &at, a, out)
                 : mail_list_request(c, &at, MAIL_LIST, a, out);
}

static bool
mail_changes(const struct source_request *r)
{
    return mail_call_of(r) == MAIL_START;
}

static const char *
mail_name(const struct source_request *r)
{
    static const char *const names[] = {[MAIL_START] = "start",
                                        [MAIL_LIST] = "list of blobs",
                                        [MAIL_LIST_AFTER_START] = "list of blobs",
                                        [MAIL_BLOB] = "blob"};
    return names[mail_call_of(r)];
}

const struct source_probe probe_mail = {
    .roles = mail_roles,
    .grant = "Azure portal > App registrations > the application > API permissions > Add > Office "
             "365 Management APIs > Application permissions > ActivityFeed.Read, then Grant admin "
             "consent",
    .secret = NEW_SECRET,
    .address = "base_url is https://manage.office.com (GCC: https://manage-gcc.office.com)",
    .ask = mail_ask,
    .read = mail_read,
    .first = mail_first,
    .changes = mail_changes,
    .name = mail_name,
};

/* ---- apps */

static const char *const apps_roles[] = {"Investigation.read", "Investigation.manage", NULL};

/* Everything that this token's owner may see: how many, and one of them. */
static struct err
apps_ask(const struct source_conf *c, struct arena *a, struct source_request *out)
{
    *out = (struct source_request){.http = {.method = "POST"}};
    out->http.url = apps_address(c, SLICE_NONE, a);
    out->http.body = SLICE("{\"filters\":{},\"sortField\":\"date\",\"sortDirection\":\"desc\","
                           "\"skip\":0,\"limit\":1}");
    out->http.headers[0] = SLICE("Accept: application/json");
    out->http.headers[1] = SLICE("Content-Type: application/json");
    out->http.n_headers = 2;
    return out->http.url.p != NULL ? ERR_OK
                                   : err_make(ERR_RETRY, "apps.memory", "no memory for a request");
}

static struct err
apps_read(const struct answer *got, struct arena *a, struct slice *says, struct err *warn)
{
    struct json doc;
    int64_t total = 0;
    struct err e = apps_status(got);
    if (e.kind)
        return e;
    e = source_page(got->body, a, &doc);
    if (e.kind)
        return e;
    if (json_type(json_get(doc, "data")) != JSON_ARRAY)
        return err_make(ERR_RETRY, "apps.address", "the answer is no list of alerts");
    if (!json_get_int(doc, "total", &total)) {
        *says = SLICE("the token may read alerts");
        return ERR_OK;
    }
    if (total == 0)
        *warn = err_make(ERR_REJECT, "apps.scope",
                         "the token sees no alert at all: a new tenant, or its maker's view is "
                         "limited (Settings > Manage admin access)");
    *says = slice_printf(a, "the token sees %lld alerts%s", (long long)total,
                         json_bool(json_get(doc, "moreThanTotal"), false) ? " and more" : "");
    return ERR_OK;
}

static const char *
apps_name(const struct source_request *r)
{
    static const char *const names[] = {"new alerts", "closed alerts", "open alerts", "an alert"};
    return names[r->step & 3];
}

const struct source_probe probe_apps = {
    .roles = apps_roles,
    .grant = "with an API token: a security reader makes it in the portal, Settings > Security "
             "extensions > API tokens; with an application: API permissions > Microsoft Cloud App "
             "Security > Application permissions > Investigation.read, then Grant admin consent",
    .secret = "Cloud App Security portal > Settings > Security extensions > API tokens > Add "
              "token; with token_url: App registrations > Certificates & secrets",
    .address = "base_url is the portal's own address, shown under its question mark > About: "
               "https://<tenant>.<region>.portal.cloudappsecurity.com",
    .ask = apps_ask,
    .read = apps_read,
    .name = apps_name,
};

/* ---- identity */

const struct source_probe probe_identity = {
    .address = "Azure ATP portal > Configuration > Notifications > Syslog service: this host and "
               "port, the same transport, RFC 5424, new alerts and alert updates",
};
