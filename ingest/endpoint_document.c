#include "ingest/endpoint_document.h"

#include <string.h>

#include "common/crypto.h"

static const char *const part_names[PARTS] = {"files", "ips", "domains", "user", "machine"};

const char *const endpoint_members[] = {
    "id",
    "incidentId",
    "investigationId",
    "assignedTo",
    "severity",
    "status",
    "classification",
    "determination",
    "investigationState",
    "detectionSource",
    "detectorId",
    "category",
    "threatFamilyName",
    "title",
    "description",
    "alertCreationTime",
    "firstEventTime",
    "lastEventTime",
    "lastUpdateTime",
    "resolvedTime",
    "machineId",
    "computerDnsName",
    "rbacGroupName",
    "aadTenantId",
    "threatName",
    "mitreTechniques",
    "relatedUser",
    "alertUser",
    "loggedOnUsers",
    "comments",
    "evidence",
    "alertFiles",
    "alertDomains",
    "alertIps",
    "recommendedAction",
    "@odata.context", /* of the answer, not of the alert */
    NULL,
};

/* Members of what lies in an alert. */
static const char *const inner_names[] = {
    "comment",
    "createdBy",
    "createdTime",
    "entityType",
    "evidenceCreationTime",
    "sha1",
    "sha256",
    "md5",
    "fileName",
    "filePath",
    "processId",
    "processCommandLine",
    "processCreationTime",
    "parentProcessId",
    "parentProcessCreationTime",
    "parentProcessFileName",
    "parentProcessFilePath",
    "ipAddress",
    "url",
    "registryKey",
    "registryHive",
    "registryValueType",
    "registryValue",
    "registryValueName",
    "accountName",
    "domainName",
    "userName",
    "userSid",
    "aadUserId",
    "userPrincipalName",
    "detectionStatus",
    "host",
    NULL,
};

const char *
endpoint_part_name(enum endpoint_part part)
{
    return part_names[part];
}

struct json
endpoint_member(struct json object, const char *name)
{
    struct json value = json_get(object, name);
    struct slice key;
    if (json_type(value) != JSON_ABSENT)
        return value;
    for (struct json_iter it = json_items(object); json_next(&it, &key, &value);)
        if (slice_eq_nocase(key, slice_of(name)))
            return value;
    return (struct json){{0, 0}};
}

/* ---- names in other letter cases */

static struct slice
documented(struct slice name)
{
    const char *const *const lists[] = {endpoint_members, inner_names};
    for (size_t i = 0; i < 2; i++)
        for (const char *const *known = lists[i]; *known != NULL; known++)
            if (slice_eq_nocase(slice_of(*known), name))
                return slice_of(*known);
    return name;
}

/* Only a document that looks unlike the documentation is worth a second reading. */
static bool
looks_renamed(struct json alert)
{
    struct slice name;
    struct json value;
    if (json_type(json_get(alert, "lastUpdateTime")) == JSON_ABSENT)
        return true;
    for (struct json_iter it = json_items(alert); json_next(&it, &name, &value);)
        if (name.n > 0 && name.p[0] >= 'A' && name.p[0] <= 'Z')
            return true;
    struct json list = json_get(alert, "evidence"), item;
    for (struct json_iter of = json_items(list); json_next(&of, &name, &item);)
        for (struct json_iter it = json_items(item); json_next(&it, &name, &value);)
            if (name.n > 0 && name.p[0] >= 'A' && name.p[0] <= 'Z')
                return true;
    return false;
}

/* The end of the JSON string that begins at `at`: the place after its closing quote. */
static size_t
string_end(struct slice text, size_t at)
{
    for (at++; at < text.n && text.p[at] != '"'; at++)
        if (text.p[at] == '\\')
            at++;
    return at < text.n ? at + 1 : text.n;
}

/* Names have the same length in any letter case: they are written over in place. */
static struct err
rename_members(struct json alert, struct arena *a, struct json *out)
{
    struct slice text = json_minify(alert, a);
    char *to = slice_cstr(a, text);
    if (text.p == NULL || to == NULL)
        return err_make(ERR_RETRY, "endpoint.memory", "no memory for an alert");
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] != '"')
            continue;
        size_t end = string_end(text, i);
        if (end < text.n && text.p[end] == ':' && end >= i + 2) {
            struct slice name = documented(slice_sub(text, i + 1, end - i - 2));
            memcpy(to + i + 1, name.p, name.n);
        }
        i = end - 1;
    }
    return json_parse((struct slice){to, text.n}, a, out);
}

/* ---- reading */

struct err
endpoint_document_read(struct slice payload, struct arena *a, struct endpoint_document *out)
{
    struct json doc;
    *out = (struct endpoint_document){.alert = {{0, 0}}};
    struct err e = json_parse(payload, a, &doc);
    if (e.kind)
        return e;
    if (json_type(doc) != JSON_OBJECT)
        return err_make(ERR_REJECT, "endpoint.shape", "the alert is no object");
    out->alert = doc;
    if (json_type(json_get(doc, "alert")) == JSON_OBJECT &&
        json_type(endpoint_member(doc, "id")) == JSON_ABSENT) {
        out->alert = json_get(doc, "alert");
        for (size_t i = 0; i < PARTS; i++)
            out->parts[i] = json_get(doc, part_names[i]);
    }
    return looks_renamed(out->alert) ? rename_members(out->alert, a, &out->alert) : ERR_OK;
}

/* ---- making */

struct slice
endpoint_document_begin(struct slice alert, struct arena *a)
{
    return slice_printf(a, "{\"alert\":%.*s}", SLICE_ARG(alert));
}

struct slice
endpoint_document_add(struct slice document, enum endpoint_part part, struct slice bytes,
                      struct arena *a)
{
    struct slice open = slice_sub(document, 0, document.n - 1); /* without its last brace */
    return slice_printf(a, "%.*s,\"%s\":%.*s}", SLICE_ARG(open), part_names[part],
                        SLICE_ARG(bytes));
}

/* ---- what it says */

int64_t
endpoint_print(struct json alert, bool evidence, struct arena *a)
{
    size_t n = 0, most = json_count(alert) * 2;
    struct slice *parts = most > 0 ? arena_alloc(a, most * sizeof *parts) : NULL;
    struct slice name;
    struct json value;
    for (struct json_iter it = json_items(alert);
         parts != NULL && n + 2 <= most && json_next(&it, &name, &value);) {
        if (slice_starts(name, SLICE("@odata")) ||
            (!evidence && slice_eq_nocase(name, SLICE("evidence"))))
            continue;
        parts[n++] = name;
        parts[n++] = json_minify(value, a);
        if (parts[n - 1].p == NULL)
            return 0;
    }
    if (parts == NULL)
        return 0;
    uint8_t hash[CRYPTO_SHA256];
    int64_t print;
    crypto_sha256_of(parts, n, hash);
    memcpy(&print, hash, sizeof print);
    return print != 0 ? print : 1;
}
