#include "schemas/alert.h"

#include <stddef.h>
#include <string.h>

#include "common/clock.h"

/* Longest texts that are stored, in bytes: text beyond them helps nobody and costs everybody. */
enum { TITLE_MAX = 1024, DESCRIPTION_MAX = 16 * 1024, TEXT_MAX = 4 * 1024 };

#define FIELD(member) offsetof(struct evidence, member)

/* Every text of an evidence item: what is cut, and what makes two items the same one. */
static const size_t evidence_texts[] = {
    FIELD(account_name),
    FIELD(domain_name),
    FIELD(user_sid),
    FIELD(aad_user_id),
    FIELD(upn),
    FIELD(display_name),
    FIELD(mde_device_id),
    FIELD(aad_device_id),
    FIELD(dns_name),
    FIELD(host_name),
    FIELD(nt_domain),
    FIELD(rbac_group),
    FIELD(device_sid),
    FIELD(os_platform),
    FIELD(file_name),
    FIELD(file_path),
    FIELD(sha1),
    FIELD(sha256),
    FIELD(md5),
    FIELD(file_size),
    FIELD(process_id),
    FIELD(command_line),
    FIELD(parent_process_id),
    FIELD(parent_file_name),
    FIELD(parent_file_path),
    FIELD(ip),
    FIELD(country),
    FIELD(url),
    FIELD(registry_key),
    FIELD(registry_hive),
    FIELD(registry_value),
    FIELD(registry_value_name),
    FIELD(registry_value_type),
    FIELD(mailbox_address),
    FIELD(network_message_id),
    FIELD(internet_message_id),
    FIELD(subject),
    FIELD(sender),
    FIELD(p1_sender),
    FIELD(p2_sender),
    FIELD(sender_ip),
    FIELD(recipient),
    FIELD(delivery_action),
    FIELD(delivery_location),
    FIELD(cluster_by),
    FIELD(cluster_value),
    FIELD(cluster_query),
    FIELD(urn),
    FIELD(app_id),
    FIELD(saas_app_id),
    FIELD(instance_id),
    FIELD(app_name),
    FIELD(group_id),
    FIELD(group_name),
    FIELD(malware_name),
    FIELD(malware_category),
    FIELD(session_id),
    FIELD(resource_id),
};
enum { EVIDENCE_TEXTS = sizeof evidence_texts / sizeof evidence_texts[0] };

static struct slice *
text_at(struct evidence *ev, size_t i)
{
    return (struct slice *)(void *)((char *)ev + evidence_texts[i]);
}

void
alert_init(struct alert *al)
{
    *al = (struct alert){
        .category = SLICE("SuspiciousActivity"),
        .version = CLOCK_NONE,
        .created = CLOCK_NONE,
        .first_activity = CLOCK_NONE,
        .last_activity = CLOCK_NONE,
        .updated = CLOCK_NONE,
        .resolved = CLOCK_NONE,
    };
}

struct evidence *
alert_add(struct alert *al, struct arena *a, enum evidence_type type)
{
    size_t n = al->n_evidence;
    if (n == ALERT_EVIDENCE_MAX) {
        bool marked = al->n_raw_words > 0 &&
                      strcmp(al->raw_words[al->n_raw_words - 1].member, "evidence") == 0;
        if (!marked)
            alert_word(al, "evidence", SLICE("cut"));
        return NULL;
    }
    /* arena_grow gives 8, 16, 32 ...: the capacity follows from the count */
    if (n == 0 || (n >= 8 && (n & (n - 1)) == 0)) {
        size_t capacity = n;
        struct evidence *larger = arena_grow(a, al->evidence, sizeof *larger, &capacity);
        if (larger == NULL)
            return NULL;
        al->evidence = larger;
    }
    struct evidence *ev = &al->evidence[al->n_evidence++];
    *ev = (struct evidence){
        .type = type,
        .created = CLOCK_NONE,
        .process_created = CLOCK_NONE,
        .parent_created = CLOCK_NONE,
        .received = CLOCK_NONE,
        .mail_count = -1,
    };
    return ev;
}

void
alert_word(struct alert *al, const char *member, struct slice word)
{
    if (al->n_raw_words < ALERT_RAW_WORDS_MAX)
        al->raw_words[al->n_raw_words++] = (struct raw_word){member, word};
}

/* ---- alert_finish */

/* JSON may hold a NUL in a text, PostgreSQL may not: a blank stands for it. */
static struct slice
without_nul(struct arena *a, struct slice s)
{
    char *p = slice_cstr(a, s);
    if (p == NULL) /* the alert does not fit: it is refused for its memory elsewhere */
        return SLICE_NONE;
    for (size_t i = 0; i < s.n; i++)
        p[i] = p[i] == '\0' ? ' ' : p[i];
    return (struct slice){p, s.n};
}

static void
cut(struct arena *a, struct slice *s, size_t most)
{
    if (s->n > 0 && memchr(s->p, '\0', s->n) != NULL)
        *s = without_nul(a, *s);
    if (s->n <= most)
        return;
    size_t n = most;
    while (n > 0 && ((unsigned char)s->p[n] & 0xc0) == 0x80) /* not inside a character */
        n--;
    s->n = n;
}

/* Blanks that are not seen at the end of a title, where some detections put them. */
static struct slice
without_invisible_end(struct slice s)
{
    static const struct slice invisible[] = {
        {"\xe2\x80\x8b", 3}, /* zero-width space */
        {"\xe2\x80\x8c", 3}, /* zero-width non-joiner */
        {"\xe2\x80\x8d", 3}, /* zero-width joiner */
        {"\xe2\x81\xa0", 3}, /* word joiner */
        {"\xef\xbb\xbf", 3}, /* byte order mark */
        {"\xc2\xa0", 2},     /* no-break space */
    };
    s = slice_trim(s);
    for (size_t i = 0; i < sizeof invisible / sizeof invisible[0]; i++)
        if (slice_ends(s, invisible[i])) {
            s = slice_trim(slice_sub(s, 0, s.n - invisible[i].n));
            i = (size_t)-1; /* from the start: they come mixed */
        }
    return s;
}

static void
cut_evidence(struct evidence *ev, struct arena *a)
{
    for (size_t i = 0; i < EVIDENCE_TEXTS; i++)
        cut(a, text_at(ev, i), TEXT_MAX);
    cut(a, &ev->detection_status, TEXT_MAX);
    for (size_t i = 0; i < ev->n_message_ids; i++)
        cut(a, &ev->message_ids[i], TEXT_MAX);
    for (size_t i = 0; i < ev->n_urls; i++)
        cut(a, &ev->urls[i], TEXT_MAX);
}

static void
cut_texts(struct alert *al, struct arena *a)
{
    struct slice *const texts[] = {
        &al->native_id,   &al->id,          &al->provider_alert_id,  &al->web_url,
        &al->detector_id, &al->detector,    &al->investigation_id,   &al->investigation_state,
        &al->assigned_to, &al->threat_name, &al->threat_family,      &al->actor,
        &al->policy_id,   &al->category,    &al->native_incident_id, &al->recommended_actions,
    };
    cut(a, &al->description, DESCRIPTION_MAX);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        cut(a, texts[i], TEXT_MAX);
    for (size_t i = 0; i < al->n_techniques; i++)
        cut(a, &al->techniques[i], TEXT_MAX);
    for (size_t i = 0; i < al->n_raw_words; i++)
        cut(a, &al->raw_words[i].word, TEXT_MAX);
    for (size_t i = 0; i < al->n_comments; i++) {
        cut(a, &al->comments[i].text, TEXT_MAX);
        cut(a, &al->comments[i].by, TEXT_MAX);
    }
    for (size_t i = 0; i < al->n_evidence; i++)
        cut_evidence(&al->evidence[i], a);
}

static uint64_t
hash_bytes(uint64_t h, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)p[i]) * UINT64_C(0x100000001b3); /* FNV-1a */
    return (h ^ 0xff) * UINT64_C(0x100000001b3);                 /* a border between two texts */
}

static uint64_t
evidence_hash(struct evidence *ev)
{
    uint64_t h = hash_bytes(UINT64_C(0xcbf29ce484222325), (const char *)&ev->type, sizeof ev->type);
    for (size_t i = 0; i < EVIDENCE_TEXTS; i++)
        h = hash_bytes(h, text_at(ev, i)->p, text_at(ev, i)->n);
    return h;
}

static bool
same_list(const struct slice *x, size_t nx, const struct slice *y, size_t ny)
{
    if (nx != ny)
        return false;
    for (size_t i = 0; i < nx; i++)
        if (!slice_eq(x[i], y[i]))
            return false;
    return true;
}

/* The same thing: what was seen of it (verdict, role, when) does not count. */
static bool
same_evidence(struct evidence *x, struct evidence *y)
{
    if (x->type != y->type || x->process_created != y->process_created ||
        x->parent_created != y->parent_created || x->received != y->received ||
        x->mail_count != y->mail_count)
        return false;
    for (size_t i = 0; i < EVIDENCE_TEXTS; i++)
        if (text_at(x, i)->n != text_at(y, i)->n || !slice_eq(*text_at(x, i), *text_at(y, i)))
            return false;
    return same_list(x->message_ids, x->n_message_ids, y->message_ids, y->n_message_ids) &&
           same_list(x->urls, x->n_urls, y->urls, y->n_urls);
}

/* The worst that was seen of it, its first sight, and the first role that was given. */
static void
merge_into(struct evidence *kept, const struct evidence *other)
{
    static const int weight[] = {[VERDICT_UNKNOWN] = 0,
                                 [VERDICT_NO_THREATS] = 1,
                                 [VERDICT_SUSPICIOUS] = 2,
                                 [VERDICT_MALICIOUS] = 3};
    if (weight[other->verdict] > weight[kept->verdict])
        kept->verdict = other->verdict;
    if (kept->remediation == REMEDIATION_NONE)
        kept->remediation = other->remediation;
    if (kept->role == ROLE_UNKNOWN)
        kept->role = other->role;
    if (kept->detection_status.n == 0)
        kept->detection_status = other->detection_status;
    if (other->created != CLOCK_NONE &&
        (kept->created == CLOCK_NONE || other->created < kept->created))
        kept->created = other->created;
}

static struct err
short_of_memory(void)
{
    return err_make(ERR_RETRY, "alert.memory", "an alert needs more memory than it may have");
}

/* One pass with a hash table: two thousand items must not cost two million comparisons. */
static struct err
merge_evidence(struct alert *al, struct arena *a)
{
    if (al->n_evidence < 2)
        return ERR_OK;
    size_t slots = 16;
    while (slots < al->n_evidence * 2)
        slots *= 2;
    uint32_t *table = arena_alloc(a, slots * sizeof *table); /* index + 1; 0: free */
    if (table == NULL)
        return short_of_memory();
    size_t kept = 0;
    for (size_t i = 0; i < al->n_evidence; i++) {
        struct evidence *ev = &al->evidence[i];
        size_t slot = evidence_hash(ev) & (slots - 1);
        while (table[slot] != 0 && !same_evidence(&al->evidence[table[slot] - 1], ev))
            slot = (slot + 1) & (slots - 1);
        if (table[slot] != 0) {
            merge_into(&al->evidence[table[slot] - 1], ev);
            continue;
        }
        al->evidence[kept] = *ev;
        table[slot] = (uint32_t)++kept;
    }
    al->n_evidence = kept;
    return ERR_OK;
}

struct err
alert_finish(struct alert *al, struct arena *a)
{
    al->title = without_invisible_end(al->title);
    cut(a, &al->title, TITLE_MAX);
    al->title = slice_trim(al->title);
    if (arena_short(a)) /* what is missing may only have found no room */
        return short_of_memory();
    if (al->id.n == 0 || al->native_id.n == 0)
        return err_make(ERR_REJECT, "alert.incomplete", "the alert has no id");
    if (al->title.n == 0)
        return err_make(ERR_REJECT, "alert.incomplete", "the alert has no title");
    if (al->created == CLOCK_NONE)
        return err_make(ERR_REJECT, "alert.incomplete", "the alert has no time of creation");
    if (al->first_activity == CLOCK_NONE)
        al->first_activity = al->last_activity != CLOCK_NONE ? al->last_activity : al->created;
    if (al->last_activity == CLOCK_NONE)
        al->last_activity = al->first_activity;
    if (al->updated == CLOCK_NONE)
        al->updated = al->created;
    if (al->version == CLOCK_NONE)
        al->version = al->updated;
    if (al->provider_alert_id.p == NULL)
        al->provider_alert_id = al->native_id;
    if (al->detector.n == 0)
        al->detector = al->detector_id.n > 0 ? al->detector_id : al->title;
    if (al->category.n == 0)
        al->category = SLICE("SuspiciousActivity");
    cut_texts(al, a);
    struct err e = merge_evidence(al, a);
    return e.kind == ERR_NONE && arena_short(a) ? short_of_memory() : e;
}
