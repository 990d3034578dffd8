#include "normalize/twin_fill.h"

#include <string.h>

#include "common/clock.h"

static void
fill(struct slice *to, struct slice from)
{
    if (to->n == 0)
        *to = from;
}

/* ---- words */

static bool
nobody_judged(const struct alert *al)
{
    return (al->status == STATUS_NEW || al->status == STATUS_UNKNOWN) &&
           al->classification == CLASS_UNKNOWN && al->determination == DET_UNKNOWN &&
           al->resolved == CLOCK_NONE && al->assigned_to.n == 0;
}

static void
fill_status(struct alert *al, const struct alert *twin)
{
    if (!nobody_judged(al))
        return;
    if (twin->status != STATUS_UNKNOWN)
        al->status = twin->status;
    al->classification = twin->classification;
    al->determination = twin->determination;
    al->resolved = twin->resolved;
    al->assigned_to = twin->assigned_to;
    if (al->n_comments == 0) {
        al->comments = twin->comments;
        al->n_comments = twin->n_comments;
    }
}

static void
fill_words(struct alert *al, const struct alert *twin)
{
    fill(&al->description, twin->description);
    fill(&al->recommended_actions, twin->recommended_actions);
    fill(&al->web_url, twin->web_url);
    fill(&al->policy_id, twin->policy_id);
    fill(&al->detector_id, twin->detector_id);
    fill(&al->threat_name, twin->threat_name);
    fill(&al->threat_family, twin->threat_family);
    fill(&al->actor, twin->actor);
    fill(&al->investigation_id, twin->investigation_id);
    fill(&al->investigation_state, twin->investigation_state);
    if (al->severity == SEVERITY_UNKNOWN)
        al->severity = twin->severity;
    if (al->tactics == 0 && slice_eq(al->category, SLICE("SuspiciousActivity"))) {
        al->category = twin->category;
        al->tactics = twin->tactics;
    }
    if (al->n_techniques == 0) {
        memcpy(al->techniques, twin->techniques, sizeof al->techniques);
        al->n_techniques = twin->n_techniques;
    }
    al->updated = twin->updated > al->updated ? twin->updated : al->updated;
    for (size_t i = 0; i < twin->n_raw_words; i++) {
        bool there = false;
        for (size_t k = 0; k < al->n_raw_words; k++)
            there = there || strcmp(al->raw_words[k].member, twin->raw_words[i].member) == 0;
        if (!there)
            alert_word(al, twin->raw_words[i].member, twin->raw_words[i].word);
    }
}

/* ---- evidence */

static bool
both(struct slice x, struct slice y)
{
    return x.n > 0 && y.n > 0;
}

static bool
alike(struct slice x, struct slice y)
{
    return both(x, y) && slice_eq_nocase(x, y);
}

static struct slice
local_part(struct slice upn)
{
    return slice_split(&upn, '@');
}

/* What tells a person for certain goes before what may be the name of two. */
static bool
same_user(const struct evidence *x, const struct evidence *y)
{
    if (both(x->upn, y->upn))
        return alike(x->upn, y->upn);
    if (both(x->aad_user_id, y->aad_user_id))
        return alike(x->aad_user_id, y->aad_user_id);
    if (both(x->user_sid, y->user_sid))
        return alike(x->user_sid, y->user_sid);
    const struct slice p[] = {x->account_name, x->display_name, local_part(x->upn)};
    const struct slice q[] = {y->account_name, y->display_name, local_part(y->upn)};
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < 3; k++)
            if (alike(p[i], q[k]))
                return true;
    return false;
}

static struct slice
short_host(const struct evidence *ev)
{
    struct slice s = ev->host_name.n > 0 ? ev->host_name : ev->dns_name;
    return slice_split(&s, '.');
}

static bool
same_device(const struct evidence *x, const struct evidence *y)
{
    if (both(x->dns_name, y->dns_name))
        return alike(x->dns_name, y->dns_name);
    return alike(short_host(x), short_host(y));
}

static bool
same_thing(const struct evidence *x, const struct evidence *y)
{
    if (x->type != y->type)
        return false;
    switch (x->type) {
    case EVIDENCE_USER:
        return same_user(x, y);
    case EVIDENCE_DEVICE:
        return same_device(x, y);
    case EVIDENCE_IP:
        return alike(x->ip, y->ip);
    case EVIDENCE_URL:
        return alike(x->url, y->url);
    case EVIDENCE_MAILBOX:
        return alike(x->mailbox_address, y->mailbox_address);
    default:
        return false; /* added; what is equal in all is merged by alert_finish */
    }
}

static void
fill_evidence(struct evidence *to, const struct evidence *from)
{
    struct slice *const into[] = {
        &to->account_name, &to->domain_name,  &to->user_sid,      &to->aad_user_id,
        &to->upn,          &to->display_name, &to->mde_device_id, &to->aad_device_id,
        &to->dns_name,     &to->host_name,    &to->nt_domain,     &to->rbac_group,
        &to->device_sid,   &to->os_platform,  &to->country,       &to->detection_status,
    };
    const struct slice of[] = {
        from->account_name, from->domain_name,  from->user_sid,      from->aad_user_id,
        from->upn,          from->display_name, from->mde_device_id, from->aad_device_id,
        from->dns_name,     from->host_name,    from->nt_domain,     from->rbac_group,
        from->device_sid,   from->os_platform,  from->country,       from->detection_status,
    };
    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        fill(into[i], of[i]);
    if (to->role == ROLE_UNKNOWN)
        to->role = from->role;
    if (to->verdict == VERDICT_UNKNOWN)
        to->verdict = from->verdict;
    if (to->remediation == REMEDIATION_NONE)
        to->remediation = from->remediation;
}

/* Each piece of the alert takes from one of the twin's only, so that two are never made one. The
 * application "Active Directory" is how a channel came to the detection, no part of it. */
static struct err
fill_all_evidence(struct alert *al, const struct alert *twin, struct arena *a)
{
    size_t own = al->n_evidence;
    bool *taken = arena_alloc(a, own + 1);
    struct evidence *copy = arena_alloc(a, (own + 1) * sizeof *copy);
    if (taken == NULL || copy == NULL)
        return err_make(ERR_RETRY, "alert.memory", "no room for evidence");
    if (own > 0)
        memcpy(copy, al->evidence, own * sizeof *copy);
    al->evidence = NULL;
    al->n_evidence = 0;
    for (size_t i = 0; i < own; i++) {
        struct evidence *ev = alert_add(al, a, copy[i].type);
        if (ev == NULL)
            return err_make(ERR_RETRY, "alert.memory", "no room for evidence");
        *ev = copy[i];
    }
    for (size_t i = 0; i < twin->n_evidence; i++) {
        const struct evidence *from = &twin->evidence[i];
        if (from->type == EVIDENCE_CLOUD_APPLICATION)
            continue;
        size_t k = 0;
        while (k < own && (taken[k] || !same_thing(&copy[k], from)))
            k++;
        struct evidence *to = k < own ? &al->evidence[k] : alert_add(al, a, from->type);
        if (to == NULL)
            continue;
        if (k == own) {
            *to = *from;
            continue;
        }
        taken[k] = true;
        fill_evidence(to, from);
    }
    return ERR_OK;
}

/* ---- the rest */

static void
copy_members(struct json_out *to, struct slice object, struct arena *a)
{
    struct json doc, value;
    struct slice name;
    if (object.n == 0 || json_parse(object, a, &doc).kind != ERR_NONE)
        return;
    for (struct json_iter it = json_items(doc); json_next(&it, &name, &value);) {
        const char *key = slice_cstr(a, name);
        if (key != NULL)
            json_out_set_raw(to, key, json_minify(value, a));
    }
}

static void
say_time(struct json_out *o, const char *name, int64_t at)
{
    struct clock_text text = clock_format(at);
    json_out_text(o, name, slice_of(text.s));
}

static void
fill_additional(struct alert *al, const struct alert *twin, struct arena *a)
{
    struct json_out *all = json_out_object(a), *same = json_out_object(a);
    copy_members(same, twin->additional, a);
    json_out_text(same, "source", twin->source);
    json_out_text(same, "id", twin->native_id);
    json_out_text(same, "title", twin->title);
    json_out_text(same, "externalId", twin->detector_id);
    json_out_text(same, "policyId", twin->policy_id);
    json_out_text(same, "url", twin->web_url);
    json_out_text(same, "severity", slice_of(severity_graph(twin->severity)));
    say_time(same, "firstActivity", twin->first_activity);
    say_time(same, "lastActivity", twin->last_activity);
    copy_members(all, al->additional, a);
    json_out_set(all, "sameDetection", same);
    al->additional = json_out_print(all, a);
}

struct err
twin_fill(struct alert *al, const struct alert *twin, struct arena *a)
{
    fill_additional(al, twin, a);
    fill_status(al, twin);
    fill_words(al, twin);
    struct err e = fill_all_evidence(al, twin, a);
    return e.kind ? e : alert_finish(al, a);
}
