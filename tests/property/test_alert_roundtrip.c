/*
 * Whatever a source says of a thing is served: each text that is set in an evidence item stands in
 * the item's JSON, and that is JSON. SEED=n repeats a run.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/json.h"
#include "schemas/alert.h"

enum { CASES = 2000, FIELDS_MAX = 16, ITEMS_MAX = 4, DEPTH = 8 };

/* The texts that the sources set, a type; a second list for those that are whole numbers. */
struct kind {
    enum evidence_type type;
    size_t texts[FIELDS_MAX];
    size_t numbers[4]; /* 0 ends both: no text stands first in the struct */
};

#define F(m) offsetof(struct evidence, m)
#define ACCOUNT                                                                                    \
    F(account_name), F(domain_name), F(user_sid), F(aad_user_id), F(upn), F(display_name)

static const struct kind kinds[] = {
    {EVIDENCE_DEVICE,
     {F(mde_device_id), F(aad_device_id), F(dns_name), F(host_name), F(nt_domain), F(rbac_group),
      F(os_platform)},
     {0}},
    {EVIDENCE_USER, {ACCOUNT}, {0}},
    {EVIDENCE_PROCESS,
     {ACCOUNT, F(mde_device_id), F(file_name), F(file_path), F(sha1), F(sha256), F(md5),
      F(command_line), F(parent_file_name), F(parent_file_path), F(detection_status)},
     {F(process_id), F(parent_process_id)}},
    {EVIDENCE_FILE,
     {F(mde_device_id), F(file_name), F(file_path), F(sha1), F(sha256), F(md5),
      F(detection_status)},
     {F(file_size)}},
    {EVIDENCE_FILE_HASH, {F(sha256)}, {0}},
    {EVIDENCE_FILE_HASH, {F(sha1)}, {0}},
    {EVIDENCE_FILE_HASH, {F(md5)}, {0}},
    {EVIDENCE_IP, {F(ip), F(country)}, {0}},
    {EVIDENCE_URL, {F(url)}, {0}},
    {EVIDENCE_REGISTRY_KEY, {F(mde_device_id), F(registry_key), F(registry_hive)}, {0}},
    {EVIDENCE_REGISTRY_VALUE,
     {F(mde_device_id), F(registry_key), F(registry_hive), F(registry_value),
      F(registry_value_name), F(registry_value_type)},
     {0}},
    {EVIDENCE_MAILBOX, {F(mailbox_address), F(upn), F(display_name), F(aad_user_id)}, {0}},
    {EVIDENCE_MESSAGE,
     {F(network_message_id), F(internet_message_id), F(subject), F(p1_sender), F(p2_sender),
      F(display_name), F(sender_ip), F(recipient), F(delivery_action), F(delivery_location),
      F(urn)},
     {0}},
    {EVIDENCE_MESSAGE, {F(network_message_id), F(sender)}, {0}},
    {EVIDENCE_MAIL_CLUSTER, {F(cluster_by), F(cluster_value), F(cluster_query), F(urn)}, {0}},
    {EVIDENCE_CLOUD_APPLICATION, {F(app_name), F(instance_id)}, {F(app_id), F(saas_app_id)}},
    {EVIDENCE_CLOUD_APPLICATION, {F(app_name)}, {F(saas_app_id), F(instance_id)}},
    {EVIDENCE_OAUTH_APPLICATION, {F(app_id), F(app_name)}, {0}},
    {EVIDENCE_SECURITY_GROUP, {F(group_id), F(group_name), F(user_sid)}, {0}},
    {EVIDENCE_MALWARE, {F(malware_name), F(malware_category)}, {0}},
    {EVIDENCE_LOGON_SESSION, {F(session_id), ACCOUNT}, {0}},
    {EVIDENCE_RESOURCE, {F(resource_id)}, {0}},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static uint64_t
next(uint64_t *state) /* splitmix64 */
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* A text that no other place has; *serial makes it so. */
static struct slice
text(uint64_t *state, unsigned *serial, struct arena *a)
{
    static const char *const parts[] = {"a",
                                        "\"",
                                        "\\",
                                        "\n",
                                        "]",
                                        "}",
                                        "\x01",
                                        "\x7f",
                                        "\xc3\xa9",
                                        "\xf0\x9f\x98\x80",
                                        "\xe2\x80\xa8",
                                        "@",
                                        " "};
    struct slice s = slice_printf(a, "t%u-", (*serial)++);
    for (uint64_t n = next(state) % 8; n > 0; n--)
        s = slice_join(a, s, slice_of(parts[next(state) % (sizeof parts / sizeof *parts)]));
    return s;
}

static struct slice *
field(struct evidence *ev, size_t offset)
{
    return (struct slice *)(void *)((char *)ev + offset);
}

static void
fill(const struct kind *k, uint64_t *state, unsigned *serial, struct arena *a, struct evidence *ev)
{
    for (size_t i = 0; i < FIELDS_MAX && k->texts[i] != 0; i++)
        if (next(state) % 4 != 0)
            *field(ev, k->texts[i]) = text(state, serial, a);
    for (size_t i = 0; i < 4 && k->numbers[i] != 0; i++)
        if (next(state) % 4 != 0)
            *field(ev, k->numbers[i]) = slice_printf(a, "%u", 1000000 + (*serial)++);
    for (; ev->type == EVIDENCE_MAIL_CLUSTER && ev->n_message_ids < 3; ev->n_message_ids++) {
        if (ev->message_ids == NULL)
            ev->message_ids = arena_alloc(a, 3 * sizeof *ev->message_ids);
        ev->message_ids[ev->n_message_ids] = text(state, serial, a);
    }
    for (; ev->type == EVIDENCE_MESSAGE && ev->n_urls < 3; ev->n_urls++) {
        if (ev->urls == NULL)
            ev->urls = arena_alloc(a, 3 * sizeof *ev->urls);
        ev->urls[ev->n_urls] = text(state, serial, a);
    }
}

/* Somewhere in v stands this text, or, for digits, this number. */
static bool
holds(struct json v, struct slice wanted)
{
    struct json_iter stack[DEPTH];
    size_t depth = 1;
    int64_t number = 0, n = 0;
    bool digits = slice_int(wanted, &number);
    struct slice name;
    struct json item;
    stack[0] = json_items(v);
    while (depth > 0) {
        if (!json_next(&stack[depth - 1], &name, &item)) {
            depth--;
            continue;
        }
        enum json_type t = json_type(item);
        if (t == JSON_TEXT && slice_eq(json_text(item), wanted))
            return true;
        if (t == JSON_INT && digits && json_int(item, &n) && n == number)
            return true;
        if ((t == JSON_OBJECT || t == JSON_ARRAY) && depth < DEPTH)
            stack[depth++] = json_items(item);
    }
    return false;
}

static void
assert_holds(struct json item, struct slice wanted, const struct kind *k, size_t i)
{
    if (wanted.n > 0 && !holds(item, wanted))
        fail_msg("type %d, text %zu is lost: %.*s", (int)k->type, i, SLICE_ARG(wanted));
}

static void
assert_all_there(const struct kind *k, struct evidence *ev, struct json item)
{
    for (size_t i = 0; i < FIELDS_MAX && k->texts[i] != 0; i++)
        assert_holds(item, *field(ev, k->texts[i]), k, i);
    for (size_t i = 0; i < 4 && k->numbers[i] != 0; i++)
        assert_holds(item, *field(ev, k->numbers[i]), k, 100 + i);
    for (size_t i = 0; i < ev->n_message_ids; i++)
        assert_holds(item, ev->message_ids[i], k, 200 + i);
    for (size_t i = 0; i < ev->n_urls; i++)
        assert_holds(item, ev->urls[i], k, 300 + i);
    struct clock_text when = clock_format(ev->created);
    assert_holds(item, slice_of(when.s), k, 400);
}

static void
one_case(uint64_t *state, struct arena *a)
{
    const struct kind *of[ITEMS_MAX];
    struct alert al;
    unsigned serial = 0;
    alert_init(&al);
    al.id = al.native_id = al.title = SLICE("x");
    al.created = CLOCK_SECOND;
    for (size_t n = next(state) % ITEMS_MAX + 1; n > 0; n--) {
        const struct kind *k = &kinds[next(state) % KINDS];
        struct evidence *ev = alert_add(&al, a, k->type);
        assert_non_null(ev);
        ev->created = (int64_t)(next(state) % 2000000000) * CLOCK_SECOND;
        fill(k, state, &serial, a, ev);
        of[al.n_evidence - 1] = k;
    }
    struct json list, item;
    struct slice name, out = alert_evidence_json(&al, a);
    assert_non_null(out.p);
    assert_int_equal(json_parse(out, a, &list).kind, ERR_NONE);
    assert_int_equal(json_count(list), al.n_evidence);
    size_t i = 0;
    for (struct json_iter it = json_items(list); json_next(&it, &name, &item); i++)
        assert_all_there(of[i], &al.evidence[i], item);
    assert_int_equal(i, al.n_evidence);
}

static void
test_every_text_of_an_item_is_in_its_json(void **state)
{
    const char *given = getenv("SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : 1;
    struct arena *a = arena_new((size_t)64 << 20);
    print_message("SEED=%" PRIu64 "\n", seed);
    for (int i = 0; i < CASES; i++) {
        one_case(&seed, a);
        arena_reset(a);
    }
    arena_free(a);
    (void)state;
}

/* The table above names every type. */
static void
test_every_type_has_its_texts(void **state)
{
    for (int t = EVIDENCE_NONE + 1; t < EVIDENCE_TYPES; t++) {
        size_t n = 0;
        for (size_t i = 0; i < KINDS; i++)
            n += kinds[i].type == (enum evidence_type)t;
        assert_true(n > 0);
    }
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_text_of_an_item_is_in_its_json),
        cmocka_unit_test(test_every_type_has_its_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
