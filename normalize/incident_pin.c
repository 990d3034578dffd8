/*
 * incident_pin.c: a person's word about where an alert belongs.
 *
 * An alert that was moved stays where it was put, whatever it links to, and nothing follows it
 * there. An alert that was split off keeps its incident apart from the one that it came from.
 */
#include "normalize/incident_internal.h"

static bool
pin_live(const struct pin *p)
{
    return !p->off;
}

static uint32_t
group_of_pin(struct incident_engine *e, const struct pin *p)
{
    uint32_t group = incident_group_of_id(e, p->incident_id);
    return group != INCIDENT_NONE ? incident_group(e, group) : group;
}

/* The node follows its pins: held by one, it is isolated. */
static void
mark_node(struct incident_engine *e, uint32_t node)
{
    struct node *n = &e->nodes[node];
    n->pinned = false;
    for (uint32_t m = n->member; m != INCIDENT_NONE; m = e->members[m].next)
        n->pinned |= incident_pin_holds(e, e->members[m].name);
}

static bool
pin_add(struct incident_engine *e, struct pin pin)
{
    if (!incident_table_grow(e, (void **)&e->pins, sizeof(*e->pins), e->n_pins, &e->cap_pins))
        return false;
    e->pins[e->n_pins++] = pin;
    return true;
}

/* Of one alert and incident there is one pin at most, on or off. */
static void
pin_put(struct incident_engine *e, uint32_t name, int64_t incident_id, bool together, bool fresh)
{
    for (uint32_t i = 0; i < e->n_pins; i++) {
        struct pin *p = &e->pins[i];
        if (p->name != name || p->incident_id != incident_id)
            continue;
        p->fresh |= fresh && (p->off || p->together != together);
        p->together = together;
        p->off = false;
        return;
    }
    (void)pin_add(e, (struct pin){name, incident_id, together, false, fresh});
}

bool
incident_pin_has(const struct incident_engine *e, uint32_t member, int64_t incident_id,
                 bool together)
{
    for (uint32_t i = 0; i < e->n_pins; i++)
        if (pin_live(&e->pins[i]) && e->pins[i].name == e->members[member].name &&
            e->pins[i].incident_id == incident_id && e->pins[i].together == together)
            return true;
    return false;
}

bool
incident_pin_holds(const struct incident_engine *e, uint32_t name)
{
    for (uint32_t i = 0; i < e->n_pins; i++)
        if (pin_live(&e->pins[i]) && e->pins[i].name == name && e->pins[i].together)
            return true;
    return false;
}

void
incident_pin_set(struct incident_engine *e, uint32_t member, int64_t incident_id, bool together)
{
    uint32_t name = e->members[member].name;
    for (uint32_t i = 0; i < e->n_pins; i++) { /* it is held elsewhere, or by what it leaves */
        struct pin *p = &e->pins[i];
        if (p->name == name && pin_live(p) && (p->together || p->incident_id == incident_id) &&
            (p->incident_id != incident_id || p->together != together)) {
            p->off = true;
            p->fresh = true;
        }
    }
    pin_put(e, name, incident_id, together, true);
    mark_node(e, e->members[member].node);
}

bool
incident_pin_off(struct incident_engine *e, uint32_t member)
{
    bool any = false;
    for (uint32_t i = 0; i < e->n_pins; i++) {
        struct pin *p = &e->pins[i];
        if (p->name != e->members[member].name || !pin_live(p))
            continue;
        p->off = p->fresh = any = true;
    }
    if (any)
        mark_node(e, e->members[member].node);
    return any;
}

/* The live group of a pinned alert; NONE: it is not in memory. */
static uint32_t
group_of_alert(struct incident_engine *e, const struct pin *p)
{
    uint32_t member = e->entries[p->name].ref;
    if (member == INCIDENT_NONE || e->nodes[e->members[member].node].group == INCIDENT_NONE)
        return INCIDENT_NONE;
    return incident_group(e, e->nodes[e->members[member].node].group);
}

static bool
between(struct incident_engine *e, const struct pin *p, uint32_t a, uint32_t b)
{
    if (!pin_live(p) || p->together)
        return false;
    uint32_t own = group_of_alert(e, p), other = group_of_pin(e, p);
    return (own == a && other == b) || (own == b && other == a);
}

bool
incident_pin_apart(struct incident_engine *e, uint32_t a, uint32_t b)
{
    for (uint32_t i = 0; i < e->n_pins; i++)
        if (between(e, &e->pins[i], a, b))
            return true;
    return false;
}

void
incident_pin_unite(struct incident_engine *e, uint32_t a, uint32_t b)
{
    for (uint32_t i = 0; i < e->n_pins; i++)
        if (between(e, &e->pins[i], a, b))
            e->pins[i].off = e->pins[i].fresh = true;
}

void
incident_pin_redirect(struct incident_engine *e, int64_t gone, int64_t kept)
{
    for (uint32_t i = 0, n = e->n_pins; i < n; i++) {
        struct pin p = e->pins[i];
        if (!pin_live(&p) || p.incident_id != gone)
            continue;
        e->pins[i].off = e->pins[i].fresh = true;
        uint32_t own = group_of_alert(e, &p);
        bool same =
            own != INCIDENT_NONE && (e->groups[own].id == gone || e->groups[own].id == kept);
        if (p.together || !same) /* nothing is apart from where it is */
            pin_put(e, p.name, kept, p.together, true);
    }
}

struct err
incident_restore_pin(struct incident_engine *e, struct slice source, struct slice native_id,
                     int64_t incident_id, bool together)
{
    const struct incident_alert al = {.source = source, .native_id = native_id};
    uint32_t name = e->dead ? INCIDENT_NONE : incident_node_alert(e, &al);
    if (name == INCIDENT_NONE)
        return incident_dead();
    pin_put(e, name, incident_id, together, false);
    if (e->entries[name].ref != INCIDENT_NONE)
        mark_node(e, e->members[e->entries[name].ref].node);
    return e->dead ? incident_dead() : ERR_OK;
}

static struct incident_pin
told(const struct incident_engine *e, const struct pin *p)
{
    struct slice text = incident_table_text(e, p->name);
    struct slice source = slice_split(&text, '\0');
    return (struct incident_pin){source, text, p->incident_id, p->together, p->off};
}

bool
incident_pin_changes(struct incident_engine *e, struct arena *a, struct incident_changes *out)
{
    out->pins = arena_alloc(a, sizeof(*out->pins) * (e->n_pins + 1));
    for (uint32_t i = 0; out->pins != NULL && i < e->n_pins; i++)
        if (e->pins[i].fresh)
            out->pins[out->n_pins++] = told(e, &e->pins[i]);
    return out->pins != NULL;
}

void
incident_pin_commit(struct incident_engine *e)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < e->n_pins; i++) {
        e->pins[i].fresh = false;
        if (pin_live(&e->pins[i]))
            e->pins[n++] = e->pins[i];
    }
    e->n_pins = n;
}
