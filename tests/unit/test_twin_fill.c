/* What one document of a detection adds to the alert made of the other: never a change. */
#include "tests/unit/twins.h"

#include "normalize/twin_fill.h"

static void
a_user(struct alert *al, struct arena *a, const char *upn, const char *account, const char *aad)
{
    struct evidence *ev = alert_add(al, a, EVIDENCE_USER);
    ev->upn = slice_of(upn);
    ev->account_name = slice_of(account);
    ev->aad_user_id = slice_of(aad);
}

static struct evidence *
a_device(struct alert *al, struct arena *a, const char *host, const char *dns)
{
    struct evidence *ev = alert_add(al, a, EVIDENCE_DEVICE);
    ev->host_name = slice_of(host);
    ev->dns_name = slice_of(dns);
    return ev;
}

static void
base(struct alert *al, const char *id)
{
    alert_init(al);
    al->source = SLICE("apps");
    al->native_id = al->id = slice_of(id);
    al->title = slice_of(id);
    al->created = al->first_activity = al->last_activity = al->updated = TWINS_T0;
    al->version = 7;
}

static void
test_what_is_there_stays(void **state)
{
    struct arena *a = arena_new(DESK_BYTES);
    struct alert al, twin;
    base(&al, "mine");
    base(&twin, "other");
    al.description = SLICE("d"), twin.description = SLICE("x");
    al.web_url = SLICE("u"), twin.web_url = SLICE("x");
    al.policy_id = SLICE("p"), twin.policy_id = SLICE("x");
    al.detector_id = SLICE("i"), twin.detector_id = SLICE("x");
    al.severity = SEVERITY_LOW, twin.severity = SEVERITY_HIGH;
    al.status = STATUS_IN_PROGRESS, twin.status = STATUS_RESOLVED;
    twin.classification = CLASS_FALSE_POSITIVE;
    al.category = SLICE("Discovery"), twin.category = SLICE("Execution");
    al.tactics = 2, twin.tactics = 4;
    al.techniques[0] = SLICE("T1"), twin.techniques[0] = SLICE("T2");
    al.n_techniques = twin.n_techniques = 1;
    al.additional = SLICE("{\"app\":\"mine\",\"n\":1}"), twin.additional = SLICE("{\"app\":\"x\"}");
    alert_word(&al, "severity", SLICE("Low"));
    alert_word(&twin, "severity", SLICE("10"));
    twin.updated = TWINS_T0 + 5;
    twin.version = 99;
    fine(twin_fill(&al, &twin, a));
    assert_true(slice_eq(al.description, SLICE("d")) && slice_eq(al.web_url, SLICE("u")));
    assert_true(slice_eq(al.policy_id, SLICE("p")) && slice_eq(al.detector_id, SLICE("i")));
    assert_true(slice_eq(al.title, SLICE("mine")) && slice_eq(al.id, SLICE("mine")));
    assert_int_equal(al.severity, SEVERITY_LOW);
    assert_int_equal(al.status, STATUS_IN_PROGRESS);
    assert_int_equal(al.classification, CLASS_UNKNOWN);
    assert_int_equal(al.tactics, 2);
    assert_int_equal(al.version, 7);
    assert_true(slice_eq(al.techniques[0], SLICE("T1")) && al.n_techniques == 1);
    assert_int_equal(al.updated, TWINS_T0 + 5);
    assert_int_equal(al.n_raw_words, 1);
    struct json doc;
    fine(json_parse(al.additional, a, &doc));
    assert_true(slice_eq(json_get_text(doc, "app"), SLICE("mine")));
    assert_int_equal(json_count(doc), 3);
    assert_true(slice_eq(json_text(json_path(doc, "sameDetection.app")), SLICE("x")));
    assert_true(slice_eq(json_text(json_path(doc, "sameDetection.id")), SLICE("other")));
    arena_free(a);
    (void)state;
}

static void
test_what_is_missing_is_filled(void **state)
{
    struct arena *a = arena_new(DESK_BYTES);
    struct alert al, twin;
    base(&al, "mine");
    base(&twin, "other");
    al.status = STATUS_NEW;
    twin.description = twin.web_url = twin.policy_id = twin.detector_id = SLICE("x");
    twin.severity = SEVERITY_HIGH;
    twin.status = STATUS_RESOLVED;
    twin.classification = CLASS_TRUE_POSITIVE;
    twin.resolved = TWINS_T0;
    twin.category = SLICE("Execution");
    twin.tactics = 4;
    twin.techniques[0] = SLICE("T2");
    twin.n_techniques = 1;
    fine(twin_fill(&al, &twin, a));
    assert_true(slice_eq(al.description, SLICE("x")) && slice_eq(al.web_url, SLICE("x")));
    assert_true(slice_eq(al.policy_id, SLICE("x")) && slice_eq(al.detector_id, SLICE("x")));
    assert_int_equal(al.severity, SEVERITY_HIGH);
    assert_int_equal(al.status, STATUS_RESOLVED);
    assert_int_equal(al.classification, CLASS_TRUE_POSITIVE);
    assert_int_equal(al.resolved, TWINS_T0);
    assert_true(slice_eq(al.category, SLICE("Execution")));
    assert_int_equal(al.tactics, 4);
    assert_int_equal(al.n_techniques, 1);
    arena_free(a);
    (void)state;
}

static void
test_people_and_computers_of_both_are_one_when_named_alike(void **state)
{
    struct arena *a = arena_new(DESK_BYTES);
    struct alert al, twin;
    base(&al, "mine");
    base(&twin, "other");
    a_user(&al, a, NULL, "anna", NULL);
    a_user(&al, a, "bert@contoso.com", NULL, NULL);
    a_device(&al, a, "CLIENT1", NULL);
    a_device(&al, a, "CLIENT2", "client2.corp.contoso.com");
    const struct evidence *before = al.evidence;
    a_user(&twin, a, "anna@contoso.com", NULL, "A1");
    a_user(&twin, a, "bert@fabrikam.com", NULL, "B1"); /* another bert */
    a_user(&twin, a, "anna@fabrikam.com", NULL, "A2"); /* the name is taken */
    a_device(&twin, a, "client1", "client1.corp.contoso.com")->role = ROLE_SOURCE;
    a_device(&twin, a, "CLIENT2", "client2.fabrikam.com");
    alert_add(&twin, a, EVIDENCE_CLOUD_APPLICATION)->saas_app_id = SLICE("20940");
    alert_add(&twin, a, EVIDENCE_URL)->url = SLICE("evil.example");
    fine(twin_fill(&al, &twin, a));
    assert_int_equal(before[0].upn.n, 0); /* what it was made from is left alone */
    assert_int_equal(al.n_evidence, 8);
    assert_true(slice_eq(al.evidence[0].account_name, SLICE("anna")));
    assert_true(slice_eq(al.evidence[0].upn, SLICE("anna@contoso.com")));
    assert_true(slice_eq(al.evidence[0].aad_user_id, SLICE("A1")));
    assert_int_equal(al.evidence[1].aad_user_id.n, 0);
    assert_true(slice_eq(al.evidence[2].host_name, SLICE("CLIENT1")));
    assert_true(slice_eq(al.evidence[2].dns_name, SLICE("client1.corp.contoso.com")));
    assert_int_equal(al.evidence[2].role, ROLE_SOURCE);
    assert_true(slice_eq(al.evidence[3].dns_name, SLICE("client2.corp.contoso.com")));
    assert_true(slice_eq(al.evidence[4].upn, SLICE("bert@fabrikam.com")));
    assert_true(slice_eq(al.evidence[5].upn, SLICE("anna@fabrikam.com")));
    assert_true(slice_eq(al.evidence[6].dns_name, SLICE("client2.fabrikam.com")));
    assert_int_equal(al.evidence[7].type, EVIDENCE_URL);
    assert_int_equal(twin.n_evidence, 7);
    arena_free(a);
    (void)state;
}

static void
test_short_of_memory_it_is_tried_again(void **state)
{
    struct arena *a = arena_new(DESK_BYTES);
    size_t failed = 0;
    for (size_t limit = 0; limit < 65536; limit += 512) {
        struct arena *small = arena_new(limit + 64);
        struct alert al, twin;
        base(&al, "mine");
        base(&twin, "other");
        a_user(&al, a, NULL, "anna", NULL);
        a_user(&twin, a, "bert@contoso.com", NULL, NULL);
        twin.additional = SLICE("{\"app\":\"x\"}");
        struct err e = twin_fill(&al, &twin, small);
        assert_true(e.kind == ERR_NONE || e.kind == ERR_RETRY);
        failed += e.kind != ERR_NONE;
        if (e.kind == ERR_NONE)
            assert_int_equal(al.n_evidence, 2);
        arena_free(small);
    }
    assert_in_range(failed, 1, 127);
    arena_free(a);
    (void)state;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_there_stays),
        cmocka_unit_test(test_what_is_missing_is_filled),
        cmocka_unit_test(test_people_and_computers_of_both_are_one_when_named_alike),
        cmocka_unit_test(test_short_of_memory_it_is_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
