/*
 * incident_internal.h: the inside of the engine, for the incident_*.c files only.
 *
 * Everything is numbered: texts and keys are entries of one table, alerts are members of nodes
 * (a node is one alert, or repeats of one folded together), incidents are groups of nodes. Numbers,
 * not pointers, refer to things, because the arrays move when they grow. No decision depends on a
 * number: where an order matters it is that of the log (seq) or of the texts, so that an engine
 * restored from the store goes on as the old one would have. Once out of memory the engine is dead:
 * every call says so, the store is where to start again.
 */
#ifndef WEIR_INCIDENT_INTERNAL_H
#define WEIR_INCIDENT_INTERNAL_H
#include "normalize/days.h"
#include "normalize/incident.h"
#include "normalize/tree.h"

#define INCIDENT_NONE UINT32_MAX
/* far beyond any real time, far below where sums of times overflow */
#define INCIDENT_TIME_MAX_S ((int64_t)1 << 41)
#define INCIDENT_TACTICS 0x1fff

enum { INCIDENT_DAY_S = 86400, INCIDENT_DAMP_ONE = 1000, INCIDENT_UNITS_A_S = 10000000 };
/* NAME: longer texts are cut; WEIGHT: sums of one for each class and the terms fit 32 bits */
enum { INCIDENT_NAME_BYTES = 8192, INCIDENT_WEIGHT_MAX = 100000000 };

/* What an entry of the table is; below KEY_TYPES it is a key. */
enum { ENTRY_ALERT = INCIDENT_DAY_TYPES, ENTRY_TEXT, ENTRY_INCIDENT };

/* A text that was met: equal texts of one type are one entry. */
struct entry {
    const char *text; /* in the pool */
    uint32_t n;
    uint32_t hash;
    uint32_t parent; /* identifiers: towards the one that stands for the identity; else itself */
    uint32_t ref;    /* alert: its member; incident: its group; identity: its directory object id */
    uint32_t face;   /* identity: the identifier that people know best */
    uint32_t mark;   /* of the walk that saw it last */
    uint32_t n_nodes, cap_nodes; /* the nodes that have this key, in the order of the log */
    union {
        uint32_t few[2]; /* cap_nodes == 2: most keys are shared by no one */
        uint32_t *many;
    } nodes;
    uint8_t type;
};

/* A key of an alert, as carried. */
struct carried {
    uint32_t entry;
    enum key_type type;
    int32_t weight;
    bool later; /* its first version did not have it */
};

/* What one of several members of a node knew over all its versions: repeats share it. */
struct own {
    const struct carried *keys; /* sorted by entry */
    const uint32_t *raw;        /* identifiers with the bits of a node's; whose they are, the
                                 * identity says, not their place */
    uint16_t n_keys, n_raw, leads;
    int32_t points, rarity;
};

/* One alert: what is its own, not its node's. */
struct member {
    const struct own *own; /* NULL: it is alone, the node is what it knows */
    int64_t seq;           /* place of its first version among the tenant's alerts */
    int64_t version, created_s, first_s, last_s;
    uint32_t name; /* entry */
    uint32_t node;
    uint32_t next;         /* member of the same node */
    uint32_t stored_group; /* that the store knows */
    uint8_t source, level;
    bool false_positive, resolved;
    bool fresh; /* in e->fresh */
    bool dead;  /* it left memory */
};

/* What the score looks at: one alert, or repeats of it. Only grows. */
struct node {
    int64_t seq; /* of its first member */
    int64_t first_s, last_s, created_s;
    struct link_key *keys; /* canonical, sorted by id */
    uint32_t *raw;         /* identifiers it carried, with the bits below */
    uint32_t *fold;        /* keys of the first version, as carried, sorted */
    uint16_t n_keys, cap_keys, n_raw, cap_raw, n_fold;
    uint16_t leads, tactics;
    int32_t points, rarity; /* of incident_habits.c */
    uint8_t level, source, product;
    uint8_t believed;   /* the highest level of members that are no false positive */
    bool dead;          /* it became part of another, or left memory */
    bool pinned;        /* a person put it where it is: what links to it does not follow */
    uint32_t fold_next; /* another with the same fold key, older */
    uint32_t member;    /* newest of its list */
    uint32_t alerts, false_positives, resolved;                              /* members that are */
    uint32_t detector, detector_text, title, product_name, category, threat; /* entries */
    uint32_t group; /* as it was assigned; the live one is found */
    uint32_t next;  /* node of the same group, in a ring */
    uint32_t mark;
};
#define NODE_IS_KEY 0x80000000U  /* the first of an entity: it stands for it among the keys */
#define NODE_AT_WORK 0x40000000U /* not only as the sender of a message */
#define NODE_ENTRY 0x3fffffffU

/* One incident, live or redirected. */
struct group {
    int64_t id, version;                  /* version 0: not yet stored */
    int64_t updated;                      /* 100 ns */
    int64_t redirect_id;                  /* restored ones, until incident_restored */
    uint32_t parent;                      /* the survivor, or itself */
    uint32_t node;                        /* one of the ring; NONE: no alert */
    uint32_t redirected, next_redirected; /* list of those that point here */
    uint32_t nodes, alerts;
    uint32_t users_most, devices_most;    /* never below the true counts */
    uint32_t name, first_name, next_name; /* texts */
    bool stored;                          /* the store knows it */
    bool touched;                         /* since the last commit */
    bool stirred;                         /* by the record at hand */
    bool by_rule;                         /* the engine's parameters explain who is together */
    bool dead;                            /* it left memory */
    /* what people decided; incident_life.c */
    bool worked;                   /* they hold it: status and all below are theirs */
    bool parted;                   /* alerts were taken out of it since the last commit */
    uint8_t status, stored_status; /* enum incident_status; status: theirs, stored: as it shows */
    int32_t classification, determination;
    uint32_t owner;     /* text; NONE: nobody */
    uint32_t suggested; /* how often a split was: incident_split.c */
};

/* A person's word about where an alert belongs. */
struct pin {
    uint32_t name; /* of the alert, entry */
    int64_t incident_id;
    bool together; /* false: apart from it */
    bool off;      /* taken back since the last commit */
    bool fresh;    /* the store does not know */
};

struct split {
    uint32_t group, a, b; /* members a and b */
    int32_t score;
    uint64_t alerts_a, alerts_b;
};

struct reason {
    uint32_t member, partner; /* members; partner NONE: it opened the incident */
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

/* An identifier of the version at hand. */
struct named {
    uint32_t entry;
    bool first, sender; /* of its entity; of a message */
};

/* The version at hand, in numbers; lists are the engine's scratch. */
struct arrival {
    const struct incident_alert *al;
    int64_t seq, first_s, last_s;
    uint16_t leads, tactics;
    uint8_t level;
    uint32_t detector;
    int32_t points, rarity;
};

/* Two identifiers that an alert showed to be one; entries. */
struct alias {
    uint32_t a, b;
};

struct chunk; /* of the pool */

struct incident_engine {
    const struct params *p; /* borrowed */
    int64_t next_id, next_seq, updated;
    size_t bytes, limit_bytes;
    uint64_t seed; /* of the hash: no decision looks at the order of the table */
    bool dead;
    struct chunk *chunk;
    struct entry *entries;
    uint32_t n_entries, cap_entries;
    uint32_t *slots; /* entry + 1; 0: empty */
    uint32_t n_slots;
    struct member *members;
    uint32_t n_members, cap_members;
    struct node *nodes;
    uint32_t n_nodes, cap_nodes;
    uint32_t *folds; /* newest node of a fold key + 1; 0: empty */
    uint32_t n_folds, cap_folds;
    struct group *groups;
    uint32_t n_groups, cap_groups;
    uint32_t *touched; /* groups */
    uint32_t n_touched, cap_touched;
    uint32_t *stirred; /* groups */
    uint32_t n_stirred, cap_stirred;
    uint32_t *fresh; /* members whose place is not stored */
    uint32_t n_fresh, cap_fresh;
    struct reason *reasons;
    uint32_t n_reasons, cap_reasons;
    struct related *related;
    uint32_t n_related, cap_related;
    struct dirty *dirty;
    uint32_t n_dirty, cap_dirty;
    struct alias *aliases;
    uint32_t n_aliases, cap_aliases;
    struct pin *pins;
    uint32_t n_pins, cap_pins;
    struct split *splits;
    uint32_t n_splits, cap_splits;
    uint32_t *walk; /* scratch: the nodes of a group, in the order of the log */
    uint32_t n_walk, cap_walk;
    struct carried *carried; /* scratch: keys of the version at hand, by entry */
    uint32_t n_carried, cap_carried;
    struct named *ids; /* scratch: identifiers of the version at hand, entity after entity */
    uint32_t n_ids, cap_ids;

    uint32_t *severities; /* entries of detectors with a severity */
    uint32_t n_severities, cap_severities;
    int32_t trust_day, trust_open, trust; /* the last day that was asked for */
    struct days *days;
    bool days_complete;   /* incident_learned was said */
    int64_t watermark_s;  /* largest created that is believed; INT64_MIN: none */
    int32_t jump_day;     /* a day that alerts jumped to, not yet believed */
    int32_t jump_alerts;  /* how many did */
    int32_t days_told;    /* days before it were given to the store */
    uint32_t *shadow;     /* during incident_restored: what the rule alone says; node -> node */
    uint32_t n_linked;    /* nodes below it were linked when they came or were restored */
    bool restoring;       /* what happens is known to the store already */
    uint32_t n_dead;      /* nodes */
    int64_t evicted_hour; /* of the watermark, at the last eviction */
    uint32_t mark;
    size_t conflicts, opened, joined, merged, refused, cut, folded;
};

/* ---- incident_table.c: memory, texts, lists of nodes */

/* incident_table_grow - room for one more item; false: out of memory, the engine is dead. */
bool incident_table_grow(struct incident_engine *e, void **items, size_t item_bytes, uint32_t n,
                         uint32_t *cap);
/* incident_table_take - count so many bytes; false: over the limit, the engine is dead. */
bool incident_table_take(struct incident_engine *e, size_t bytes);
/* incident_table_alloc - zeroed bytes that live as long as the engine; NULL: it is dead now. */
void *incident_table_alloc(struct incident_engine *e, size_t bytes);
/* incident_table_intern - the entry of a text, made when new; NONE: out of memory. */
uint32_t incident_table_intern(struct incident_engine *e, uint8_t type, struct slice text);
/* incident_table_find - the entry of a text, or NONE: never met. */
uint32_t incident_table_find(const struct incident_engine *e, uint8_t type, struct slice text);
/* incident_table_alert - the text of an alert's entry: source, NUL, native id; cut when longer. */
struct slice incident_table_alert(struct slice source, struct slice native_id, char *out, size_t n);
struct slice incident_table_text(const struct incident_engine *e, uint32_t entry);
/* incident_table_post - the node has the key. */
void incident_table_post(struct incident_engine *e, uint32_t key, uint32_t node);
const uint32_t *incident_table_nodes(const struct entry *entry);
/* incident_table_reserve - room for `want` nodes in an entry's list. */
bool incident_table_reserve(struct incident_engine *e, struct entry *x, uint32_t want);
/* incident_table_mark - a number no mark holds yet. */
uint32_t incident_table_mark(struct incident_engine *e);
void incident_table_free(struct incident_engine *e);

/* ---- incident_identity.c: who is whom */

/* incident_identity_root - the identifier that stands for the identity; other keys: themselves. */
uint32_t incident_identity_root(struct incident_engine *e, uint32_t entry);
/* incident_identity_unite - two identifiers are one identity; nodes to link again go to e->dirty.
 */
void incident_identity_unite(struct incident_engine *e, uint32_t a, uint32_t b);
/* incident_identity_before - the order of two keys by type and the name people know. */
bool incident_identity_before(const struct incident_engine *e, uint32_t a, uint32_t b);

/* ---- incident_days.c: what a key weighs today */

/* incident_days_learn - the day tables learn from the version at hand (e->ids of al). */
void incident_days_learn(struct incident_engine *e, const struct arrival *v);
/* incident_days_weigh - fills the weights of e->carried. */
void incident_days_weigh(struct incident_engine *e, struct arrival *v);
/* incident_days_watermark - time goes on: days are closed. */
void incident_days_watermark(struct incident_engine *e, const struct incident_alert *al);
/* incident_days_changes - the days closed since the last commit. False: no room. */
bool incident_days_changes(struct incident_engine *e, struct arena *a,
                           struct incident_changes *out);

/* ---- incident_habits.c: how detectors behaved here */

/* incident_habits_learn - from the version at hand. _weigh - its points and rarity. _novel - the
 * damp of a value never seen. */
void incident_habits_learn(struct incident_engine *e, const struct arrival *v, int32_t day);
void incident_habits_weigh(struct incident_engine *e, struct arrival *v, int32_t day);
int32_t incident_habits_novel(struct incident_engine *e, enum key_type type, int32_t day);

/* ---- incident.c */

MUST_CHECK struct err incident_dead(void);

/* ---- incident_node.c: what one alert knows */

/* incident_node_number - the version at hand in numbers: e->ids, e->carried (weights as given).
 * False: the engine is dead. */
bool incident_node_number(struct incident_engine *e, const struct incident_alert *al,
                          struct arrival *out);
/* incident_node_unite - the identities of the version at hand are one thing each. */
void incident_node_unite(struct incident_engine *e, const struct incident_alert *al);
/* incident_node_alert - the entry of an alert's own name; NONE: out of memory. */
uint32_t incident_node_alert(struct incident_engine *e, const struct incident_alert *al);
uint32_t incident_node_find(const struct incident_engine *e, struct slice source,
                            struct slice native_id); /* a member; NONE: unknown */
/* incident_node_new - a node without members and group; NONE: out of memory. */
uint32_t incident_node_new(struct incident_engine *e, const struct arrival *v);
/* incident_node_absorb - a node learns a version: nothing it knew is forgotten. True when it may
 * now link to more; *news when anything at all changed. */
bool incident_node_absorb(struct incident_engine *e, uint32_t node, const struct arrival *v,
                          bool *news);
/* incident_node_swallow - a node learns all of another, which is dead then; groups are left alone.
 */
void incident_node_swallow(struct incident_engine *e, uint32_t node, uint32_t other);
/* incident_node_member - the alert becomes a member of the node. incident_node_update - a newer
 * version of a member. */
uint32_t incident_node_member(struct incident_engine *e, uint32_t node, uint32_t name,
                              const struct arrival *v);
void incident_node_update(struct incident_engine *e, uint32_t member, const struct arrival *v);
/* incident_node_fresh - its place has to be stored. */
void incident_node_fresh(struct incident_engine *e, uint32_t member);
struct slice incident_node_source(const struct incident_engine *e, uint32_t member);
struct slice incident_node_native_id(const struct incident_engine *e, uint32_t member);

/* ---- incident_own.c: what an alert among repeats knew by itself */

/* incident_own_of - what the alert knew over its versions; what it points to may be the room. */
enum { INCIDENT_OWN_ROOM = 2 * KEYS_NODE_MAX };
struct own incident_own_of(struct incident_engine *e, uint32_t member, struct carried *room);
/* incident_own_split - the node is about to have several members: the one it has keeps what the
 * node knows now. */
void incident_own_split(struct incident_engine *e, uint32_t node);
/* incident_own_sort - keys by entry. */
void incident_own_sort(struct carried *keys, size_t n);
/* incident_own_learn - a member of several learned the version at hand. */
void incident_own_learn(struct incident_engine *e, uint32_t member, const struct arrival *v);

/* ---- incident_fold.c: repeats are one node */

/* incident_fold_sort - a fold key is a set: by number. */
void incident_fold_sort(uint32_t *keys, size_t n);
/* incident_fold_partner - a node that the version at hand is a repeat of; NONE: none. */
uint32_t incident_fold_partner(struct incident_engine *e, const struct arrival *v);
/* incident_fold_add - a new node can be found by its fold key. */
void incident_fold_add(struct incident_engine *e, uint32_t node);
/* incident_fold_next - of the nodes with the fold key of this one, the next older behind `at`; NONE
 * for at: the newest. NONE: no more. */
uint32_t incident_fold_next(struct incident_engine *e, uint32_t node, uint32_t at);
/* incident_fold_bridge - joins nodes that *node, grown as it is now, touches; *node is the one that
 * is left. True when there were any. */
bool incident_fold_bridge(struct incident_engine *e, uint32_t *node);

/* ---- incident_group.c: who is together */

uint32_t incident_group(struct incident_engine *e, uint32_t group);   /* the live one of a group */
uint32_t incident_group_new(struct incident_engine *e, int64_t id);   /* NONE: out of memory */
void incident_group_touch(struct incident_engine *e, uint32_t group); /* it changed */
uint32_t incident_group_of_id(const struct incident_engine *e, int64_t id); /* NONE: not here */
/* incident_group_settle - a record is done: each incident it changed has its next version. */
void incident_group_settle(struct incident_engine *e, int64_t at);
void incident_group_join(struct incident_engine *e, uint32_t group, uint32_t node);
void incident_group_merge(struct incident_engine *e, uint32_t a, uint32_t b); /* both live */
/* incident_group_merge_into - as merge, but it is said who survives. */
void incident_group_merge_into(struct incident_engine *e, uint32_t gone, uint32_t kept);
/* incident_group_leave - the node is in no group any more. */
void incident_group_leave(struct incident_engine *e, uint32_t node);
/* incident_group_over_caps - would these nodes, none of them in it, be too much for the group? */
bool incident_group_over_caps(struct incident_engine *e, uint32_t group, const uint32_t *nodes,
                              uint32_t n);
/* incident_group_count_node - adds each identity of a node not yet marked. */
void incident_group_count_node(struct incident_engine *e, uint32_t node, uint32_t mark,
                               uint32_t *users, uint32_t *devices);
/* incident_group_count - users_most and devices_most become what they bound. */
void incident_group_count(struct incident_engine *e, uint32_t group);
/* incident_group_walk - its nodes in the order of the log, in e->walk. */
void incident_group_walk(struct incident_engine *e, uint32_t group);
/* incident_group_replace - `gone` becomes part of `kept`: their groups are one from now on, caps or
 * not (a storm stays one node). Before incident_node_swallow. */
void incident_group_replace(struct incident_engine *e, uint32_t gone, uint32_t kept);
/* incident_group_open - may its group take another alert by the rule? */
bool incident_group_open(struct incident_engine *e, uint32_t node);
/* incident_group_blocked - why the two may not become one, "cap" ..., or NULL: they may. other is a
 * group, or NONE with a node that has no group yet. */
const char *incident_group_blocked(struct incident_engine *e, uint32_t group, uint32_t other,
                                   uint32_t node);

/* ---- incident_life.c: what people and sources say of an incident */

/* incident_life_sealed - a person closed it: it gains no alert by the rule. */
bool incident_life_sealed(const struct group *g);
/* incident_life_status - as it shows: a person's, else resolved when all its alerts are. */
enum incident_status incident_life_status(const struct incident_engine *e, uint32_t group);
/* incident_life_apart - why two live groups may not become one, caps aside; NULL: they may. */
const char *incident_life_apart(struct incident_engine *e, uint32_t a, uint32_t b);
/* incident_life_survives - the one of two that a merge keeps. */
uint32_t incident_life_survives(const struct incident_engine *e, uint32_t a, uint32_t b);
/* incident_life_take_over - what people said of `gone` holds for `kept` where nothing is said. */
void incident_life_take_over(struct incident_engine *e, uint32_t gone, uint32_t kept);
/* incident_life_reopen - a new node that repeats what a closed incident holds, soon after, opens it
 * again (lifecycle.reopen_s): that group, which is to be linked again; NONE: there is none. */
uint32_t incident_life_reopen(struct incident_engine *e, uint32_t node);
/* incident_life_relink - what kept the group apart from others may be gone: the rule decides. */
void incident_life_relink(struct incident_engine *e, uint32_t group);
void incident_life_row(struct incident_engine *e, uint32_t group, struct incident_row *row);

/* ---- incident_pin.c */

/* incident_pin_set - the alert stays in, or apart from, the incident; pins that say otherwise go.
 */
void incident_pin_set(struct incident_engine *e, uint32_t member, int64_t incident_id,
                      bool together);
/* incident_pin_off - all pins of the alert; false: it has none. */
bool incident_pin_off(struct incident_engine *e, uint32_t member);
bool incident_pin_has(const struct incident_engine *e, uint32_t member, int64_t incident_id,
                      bool together);
/* incident_pin_holds - does a person keep the alert of this name in its incident? */
bool incident_pin_holds(const struct incident_engine *e, uint32_t name);
/* incident_pin_apart - does a pin keep two live groups apart? */
bool incident_pin_apart(struct incident_engine *e, uint32_t a, uint32_t b);
/* incident_pin_unite - pins that keep the two apart are gone. */
void incident_pin_unite(struct incident_engine *e, uint32_t a, uint32_t b);
/* incident_pin_redirect - pins to an incident that is gone are to the one that it became. */
void incident_pin_redirect(struct incident_engine *e, int64_t gone, int64_t kept);
bool incident_pin_changes(struct incident_engine *e, struct arena *a, struct incident_changes *out);
void incident_pin_commit(struct incident_engine *e);

/* ---- incident_split.c: where a large incident would come apart */

/* incident_split_look - a group that a record changed: has it passed a soft cap? */
void incident_split_look(struct incident_engine *e, uint32_t group);
/* incident_split_known - what it has passed is known. */
void incident_split_known(struct incident_engine *e, uint32_t group);
bool incident_split_changes(struct incident_engine *e, struct arena *a,
                            struct incident_changes *out);

/* ---- incident_why.c */

struct incident_ranked {
    struct slice source, native_id; /* the smallest of the node's alerts */
    uint32_t node, member;
};
/* Nodes in the order of their ids, for tree.h. */
struct incident_picture {
    struct incident_ranked *ranked;
    struct tree_nodes in;
};
/* incident_why_picture - of a group and another one (NONE: of `node`, which is in none, or NONE).
 */
MUST_CHECK struct err incident_why_picture(struct incident_engine *e, uint32_t group,
                                           uint32_t other, uint32_t node, struct arena *a,
                                           struct incident_picture *out);

/* incident_why_weakest - the weakest link with two alerts or more on either side. Errors as
 * incident_canonical. */
MUST_CHECK struct err incident_why_weakest(struct incident_engine *e, uint32_t group,
                                           struct arena *a, struct split *out, bool *found);

/* ---- incident_rebuild.c */

/* incident_rebuild - a cap forbids that b (NONE: the node, which has no group yet) becomes one with
 * a: both anew, in the mode for it. False: it is to be refused. */
bool incident_rebuild(struct incident_engine *e, uint32_t a, uint32_t b, uint32_t node);

/* ---- incident_relink.c: who has to be */

/* incident_relink - score a node against all that share a key with it, or only the one key, and
 * do what follows. */
void incident_relink(struct incident_engine *e, uint32_t node, uint32_t only);
/* incident_relink_reason - members; partner NONE: it opened the incident; s NULL: a repeat. */
void incident_relink_reason(struct incident_engine *e, uint32_t member, uint32_t partner,
                            const struct link_score *s);
/* incident_relink_related - two nodes whose incidents do not become one. */
void incident_relink_related(struct incident_engine *e, uint32_t a, uint32_t b, int32_t score,
                             const char *why);
/* incident_relink_continues - a new node linked to what is closed, and to nothing else. */
void incident_relink_continues(struct incident_engine *e, uint32_t node);
/* incident_relink_links - would the rule alone link these two nodes? */
bool incident_relink_links(struct incident_engine *e, uint32_t a, uint32_t b);
struct link_node incident_relink_view(const struct node *n);

/* ---- incident_name.c: what an incident is called; in the arena */

/* What its members say together. */
struct incident_summary {
    uint32_t *nodes; /* in the order of the log */
    size_t n_nodes, alerts;
    size_t users, devices;
    uint32_t *keys; /* marked once each: roots and other keys */
    size_t n_keys;
    uint16_t tactics;
    uint32_t sources, products;
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
