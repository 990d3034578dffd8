#include "normalize/incident.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/plant.h"
#include "normalize/incident_internal.h"

enum { LATE_END_S = 600, EARLY_START_S = 90 * 86400 };

struct err
incident_dead(void)
{
    return err_make(ERR_RETRY, "incident.memory", "the correlator's memory limit is reached");
}

/* ---- what an alert says */

static int64_t
clamp(int64_t v, int64_t least, int64_t most)
{
    return v < least ? least : v > most ? most : v;
}

static int64_t
seconds(int64_t at_100ns, int64_t fallback_s)
{
    if (at_100ns == CLOCK_NONE)
        return fallback_s;
    return clamp(at_100ns / INCIDENT_UNITS_A_S, 0, INCIDENT_TIME_MAX_S);
}

static uint8_t
level_of(enum severity s)
{
    switch (s) {
    case SEVERITY_INFORMATIONAL:
        return 0;
    case SEVERITY_MEDIUM:
        return 2;
    case SEVERITY_HIGH:
        return 3;
    case SEVERITY_LOW:
    case SEVERITY_UNKNOWN:
        break;
    }
    return 1;
}

/* The services of schemas/alert.h are few; one more would share a number, not crash. */
static uint8_t
product_of(enum service_source service)
{
    return (uint8_t)((unsigned)service & 31);
}

void
incident_alert_of(const struct alert *al, uint8_t source_number, const struct key_set *keys,
                  struct incident_alert *out)
{
    int64_t created = seconds(al->created, 0);
    int64_t first = seconds(al->first_activity, created);
    int64_t last = seconds(al->last_activity, created);
    if (last < first) {
        int64_t swap = first;
        first = last;
        last = swap;
    }
    if (last > created + LATE_END_S)
        last = created;
    first = first < last ? first : last;
    if (first < created - EARLY_START_S)
        first = created - EARLY_START_S;
    last = last < first ? first : last;
    *out = (struct incident_alert){
        .source = al->source,
        .source_number = source_number,
        .product_number = product_of(al->service),
        .native_id = al->native_id,
        .version = al->version,
        .created_s = created,
        .first_s = first,
        .last_s = last,
        .level = level_of(al->severity),
        .tactics = al->tactics & INCIDENT_TACTICS,
        .detector = al->detector,
        .title = al->title,
        .product = slice_of(service_product(al->service)),
        .category = al->category,
        .threat = al->threat_family.n > 0 ? al->threat_family : al->threat_name,
        .false_positive =
            al->status == STATUS_RESOLVED && al->classification == CLASS_FALSE_POSITIVE,
        .resolved = al->status == STATUS_RESOLVED,
        .keys = keys,
    };
}

/* ---- the engine */

struct incident_engine *
incident_engine_new(const struct params *p, int64_t next_id, size_t limit_bytes)
{
    struct incident_engine *e = calloc(1, sizeof(*e));
    if (e == NULL)
        return NULL;
    e->p = p;
    e->next_id = next_id;
    e->next_seq = 1;
    e->updated = INT64_MIN;
    e->watermark_s = INT64_MIN;
    e->days_told = INT32_MIN;
    e->trust_day = INT32_MIN;
    e->limit_bytes = limit_bytes;
    e->days = days_new(p);
    if (e->days == NULL) {
        free(e);
        return NULL;
    }
    /* an address nobody outside knows: hostile values cannot be made to share a slot */
    e->seed = (uint64_t)(uintptr_t)e * 0x9e3779b97f4a7c15U;
    return e;
}

void
incident_engine_free(struct incident_engine *e)
{
    if (e == NULL)
        return;
    incident_table_free(e);
    free(e);
}

size_t
incident_engine_bytes(const struct incident_engine *e)
{
    return e->bytes + sizeof(*e) + days_bytes(e->days);
}

int64_t
incident_next_id(const struct incident_engine *e)
{
    return e->next_id;
}

/* ---- one alert version */

static void
open_incident(struct incident_engine *e, uint32_t node)
{
    uint32_t group = incident_group_new(e, e->next_id);
    if (group == INCIDENT_NONE)
        return;
    e->next_id++;
    incident_group_join(e, group, node);
    incident_relink_reason(e, e->nodes[node].member, INCIDENT_NONE, NULL);
    incident_relink_continues(e, node);
    e->opened++;
}

static void
relink_dirty(struct incident_engine *e)
{
    for (uint32_t i = 0; i < e->n_dirty && !e->dead; i++)
        incident_relink(e, e->dirty[i].node, incident_identity_root(e, e->dirty[i].key));
    e->n_dirty = 0;
}

/* Where a version belongs: its alert's node, one it repeats, or a new one. NONE: the engine is
 * dead. */
static uint32_t
place(struct incident_engine *e, uint32_t name, const struct arrival *v, bool *grown, bool *news)
{
    uint32_t member = e->entries[name].ref, node;
    *grown = *news = true;
    if (member != INCIDENT_NONE) {
        node = e->members[member].node;
        *news = v->al->false_positive != e->members[member].false_positive ||
                v->al->resolved != e->members[member].resolved;
        *grown = incident_node_absorb(e, node, v, news);
        incident_node_update(e, member, v);
        if (e->nodes[node].alerts > 1)
            incident_own_learn(e, member, v);
        return node;
    }
    node = incident_fold_partner(e, v);
    bool folded = node != INCIDENT_NONE;
    if (folded)
        incident_own_split(e, node);
    if (folded)
        *grown = incident_node_absorb(e, node, v, news);
    else
        node = incident_node_new(e, v);
    if (node == INCIDENT_NONE)
        return node;
    uint32_t earlier = e->nodes[node].member;
    member = incident_node_member(e, node, name, v);
    if (member == INCIDENT_NONE)
        return member;
    *news = true;
    if (folded) {
        incident_own_learn(e, member, v);
        incident_node_fresh(e, member);
        incident_relink_reason(e, member, earlier, NULL);
        e->folded++;
    } else {
        incident_fold_add(e, node);
    }
    return node;
}

static bool
is_stale(const struct incident_engine *e, uint32_t name, const struct incident_alert *al)
{
    uint32_t member = e->entries[name].ref;
    if (member == INCIDENT_NONE)
        return false;
    int64_t version = e->members[member].version;
    return al->version < version || (al->version == version && !al->rewritten);
}

struct err
incident_add(struct incident_engine *e, const struct incident_alert *al)
{
    assert(al->keys != NULL);
    struct arrival v;
    bool grown, news;
    uint32_t name = e->dead ? INCIDENT_NONE : incident_node_alert(e, al);
    if (name == INCIDENT_NONE)
        return incident_dead();
    if (is_stale(e, name, al))
        return ERR_OK;
    if (!incident_node_number(e, al, &v))
        return incident_dead();
    if (e->entries[name].ref == INCIDENT_NONE)
        v.seq = e->next_seq++;
    incident_days_watermark(e, al);
    incident_days_learn(e, &v);
    incident_days_weigh(e, &v);
    incident_node_unite(e, al);
    uint32_t node = e->dead ? INCIDENT_NONE : place(e, name, &v, &grown, &news);
    if (node == INCIDENT_NONE)
        return incident_dead();
    uint32_t reopened = incident_life_reopen(e, node);
    if (!PLANT(folds_on_arrival_only) || e->members[e->entries[name].ref].seq == v.seq)
        grown |= incident_fold_bridge(e, &node);
    if (grown && !e->dead)
        incident_relink(e, node, INCIDENT_NONE);
    if (e->nodes[node].group == INCIDENT_NONE && !e->dead)
        open_incident(e, node);
    if (reopened != INCIDENT_NONE && !e->dead)
        incident_life_relink(e, incident_group(e, reopened));
    if (PLANT(aliases_join_nothing))
        e->n_dirty = 0;
    relink_dirty(e);
    if (news && !e->dead)
        incident_group_touch(e, incident_group(e, e->nodes[node].group));
    incident_group_settle(e, al->at);
    e->n_linked = e->n_nodes;
    return e->dead ? incident_dead() : ERR_OK;
}

int64_t
incident_of(struct incident_engine *e, struct slice source, struct slice native_id)
{
    uint32_t member = incident_node_find(e, source, native_id);
    if (member == INCIDENT_NONE || e->nodes[e->members[member].node].group == INCIDENT_NONE)
        return 0;
    return e->groups[incident_group(e, e->nodes[e->members[member].node].group)].id;
}
