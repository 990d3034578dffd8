/*
 * incident_internal.h: the inside of the engine, for the incident_*.c files only.
 *
 * Everything is numbered: texts and keys are entries of one table, alerts are nodes, incidents are
 * groups. Numbers, not pointers, refer to things, because the arrays move when they grow. Once out
 * of memory the engine is dead: every call says so, the store is where to start again.
 */
#ifndef WEIR_INCIDENT_INTERNAL_H
#define WEIR_INCIDENT_INTERNAL_H
#include "normalize/incident.h"

#define INCIDENT_NONE UINT32_MAX
/* far beyond any real time, far below where sums of times overflow */
#define INCIDENT_TIME_MAX_S ((int64_t)1 << 41)
#define INCIDENT_TACTICS 0x1fff

/* What an entry of the table is; below KEY_TYPES it is a key. */
enum { ENTRY_ALERT = KEY_TYPES, ENTRY_DETECTOR, ENTRY_TEXT, ENTRY_INCIDENT };

/* A text that was met: equal texts of one type are one entry. */
struct entry {
    const char *text; /* in the pool */
    uint32_t n;
    uint32_t hash;
    uint32_t parent; /* identifiers: towards the one that stands for the identity; else itself */
    uint32_t ref;    /* alert: its node; incident: its group; identity: its directory object id */
    uint32_t face;   /* identity: the identifier that people know best */
    uint32_t mark;   /* of the walk that saw it last */
    uint32_t n_nodes, cap_nodes; /* the nodes that have this key, ascending */
    union {
        uint32_t few[2]; /* cap_nodes == 2: most keys are shared by no one */
        uint32_t *many;
    } nodes;
    uint8_t type;
};

/* One alert, all its versions. What score() looks at only grows. */
struct node {
    int64_t first_s, last_s, created_s, version;
    struct link_key *keys; /* canonical, sorted by id */
    uint32_t *raw;         /* identifiers it carried, as carried */
    uint16_t n_keys, cap_keys, n_raw, cap_raw;
    uint32_t alert, source_name, detector, detector_text, title, product, category,
        threat;            /* entries */
    uint32_t group;        /* as it was assigned; the live one is found */
    uint32_t stored_group; /* that the store knows */
    uint32_t next;         /* member of the same group, in a ring */
    uint32_t mark;
    uint16_t leads, tactics;
    uint8_t level, source;
    bool false_positive;
};

/* One incident, live or redirected. */
struct group {
    int64_t id, version;                  /* version 0: not yet stored */
    int64_t redirect_id;                  /* restored ones, until incident_restored */
    uint32_t parent;                      /* the survivor, or itself */
    uint32_t member;                      /* one of the ring; NONE: no alert */
    uint32_t redirected, next_redirected; /* list of those that point here */
    uint32_t alerts;
    uint32_t users_most, devices_most;    /* never below the true counts */
    uint32_t name, first_name, next_name; /* texts */
    bool touched;
};

struct reason {
    uint32_t node, partner; /* partner NONE: it opened the incident */
    uint8_t level, partner_level;
    struct link_score score;
};

struct related {
    uint32_t a, b; /* nodes */
    int32_t score;
    const char *why;
};

/* A node whose identity became one with another: to be linked again by that key. */
struct dirty {
    uint32_t node, key;
};

struct chunk; /* of the pool */

struct incident_engine {
    const struct params *p; /* borrowed */
    int64_t next_id;
    size_t bytes, limit_bytes;
    uint64_t seed; /* of the hash: no decision looks at the order of the table */
    bool dead;
    struct chunk *chunk;
    struct entry *entries;
    uint32_t n_entries, cap_entries;
    uint32_t *slots; /* entry + 1; 0: empty */
    uint32_t n_slots;
    struct node *nodes;
    uint32_t n_nodes, cap_nodes;
    struct group *groups;
    uint32_t n_groups, cap_groups;
    uint32_t *touched;
    uint32_t n_touched, cap_touched;
    struct reason *reasons;
    uint32_t n_reasons, cap_reasons;
    struct related *related;
    uint32_t n_related, cap_related;
    struct dirty *dirty;
    uint32_t n_dirty, cap_dirty;
    uint32_t *shadow; /* during incident_restored: what the rule alone says; node -> node */
    uint32_t mark;
    size_t conflicts, opened, joined, merged, refused, cut;
};

/* ---- incident_table.c: memory, texts, identities, lists of nodes */

/* incident_table_grow - room for one more item; false: out of memory, the engine is dead. */
bool incident_table_grow(struct incident_engine *e, void **items, size_t item_bytes, uint32_t n,
                         uint32_t *cap);
/* incident_table_alloc - zeroed bytes that live as long as the engine; NULL: it is dead now. */
void *incident_table_alloc(struct incident_engine *e, size_t bytes);
/* incident_table_intern - the entry of a text, made when new; NONE: out of memory. */
uint32_t incident_table_intern(struct incident_engine *e, uint8_t type, struct slice text);
/* incident_table_find - the entry of a text, or NONE: never met. */
uint32_t incident_table_find(const struct incident_engine *e, uint8_t type, struct slice text);
/* incident_table_alert - the text of an alert's entry: source, NUL, native id; cut when longer. */
struct slice incident_table_alert(struct slice source, struct slice native_id, char *out, size_t n);
struct slice incident_table_text(const struct incident_engine *e, uint32_t entry);
/* incident_table_root - the identifier that stands for the identity; other keys: themselves. */
uint32_t incident_table_root(struct incident_engine *e, uint32_t entry);
/* incident_table_unite - two identifiers are one identity; nodes to link again go to e->dirty. */
void incident_table_unite(struct incident_engine *e, uint32_t a, uint32_t b);
/* incident_table_post - the node has the key. */
void incident_table_post(struct incident_engine *e, uint32_t key, uint32_t node);
const uint32_t *incident_table_nodes(const struct entry *entry);
/* incident_table_mark - a number no mark holds yet. */
uint32_t incident_table_mark(struct incident_engine *e);
void incident_table_free(struct incident_engine *e);

/* ---- incident.c */

MUST_CHECK struct err incident_dead(void);

/* ---- incident_node.c: what one alert knows */

uint16_t incident_node_lead(uint16_t tactics); /* the highest bit: the lead tactic */
/* incident_node_alert - the entry of an alert's own name; NONE: out of memory. */
uint32_t incident_node_alert(struct incident_engine *e, const struct incident_alert *al);
uint32_t incident_node_find(const struct incident_engine *e, struct slice source,
                            struct slice native_id); /* NONE: unknown */
/* incident_node_new - a node without a group; NONE: out of memory. */
uint32_t incident_node_new(struct incident_engine *e, const struct incident_alert *al,
                           uint32_t alert, uint16_t leads);
/* incident_node_absorb - a new version of a known alert: nothing it knew is forgotten. True when
 * it may now link to more; *news when anything at all changed. */
bool incident_node_absorb(struct incident_engine *e, uint32_t node, const struct incident_alert *al,
                          bool *news);

/* ---- incident_group.c: who is together */

uint32_t incident_group(struct incident_engine *e, uint32_t group);   /* the live one of a group */
uint32_t incident_group_new(struct incident_engine *e, int64_t id);   /* NONE: out of memory */
void incident_group_touch(struct incident_engine *e, uint32_t group); /* it changed */
void incident_group_join(struct incident_engine *e, uint32_t group, uint32_t node);
void incident_group_merge(struct incident_engine *e, uint32_t a, uint32_t b); /* both live */
/* incident_group_over_caps - would the two together pass a cap? other is a group, or NONE with a
 * node that has no group yet. */
bool incident_group_over_caps(struct incident_engine *e, uint32_t group, uint32_t other,
                              uint32_t node);

/* ---- incident_relink.c: who has to be */

/* incident_relink - score a node against all that share a key with it, or only the one key, and
 * do what follows. */
void incident_relink(struct incident_engine *e, uint32_t node, uint32_t only);
void incident_relink_reason(struct incident_engine *e, uint32_t node, uint32_t partner,
                            const struct link_score *s);

/* ---- incident_name.c: what an incident is called; in the arena */

/* What its members say together. */
struct incident_summary {
    uint32_t *members; /* nodes, ascending */
    size_t n_members;
    size_t users, devices;
    uint32_t *keys; /* marked once each: roots and other keys */
    size_t n_keys;
    uint16_t tactics;
    uint32_t sources;
    uint8_t level;   /* the highest; false positives left out unless there is nothing else */
    int8_t best[13]; /* highest level of each stage; -1: no such stage */
    int64_t first_s, last_s, created_s;
    int32_t stage_score;
};

/* incident_name_summary - what a live group's members say together. False: out of memory. */
bool incident_name_summary(struct incident_engine *e, uint32_t group, struct arena *a,
                           struct incident_summary *out);
enum severity incident_name_severity(const struct incident_summary *s);
/* incident_name - as correlation.md 12: the first form that fits. NONE: the arena is full. */
struct slice incident_name(const struct incident_engine *e, const struct incident_summary *s,
                           struct arena *a);

#endif
