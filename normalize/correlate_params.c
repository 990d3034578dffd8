#include "normalize/correlate_params.h"

enum {
    PARAM_MAX = 100000000, /* so that sums of a few fit 32 bits */
    CAP_MAX = 1000000000,
};

static struct err
param_int(struct json v, const char *name, int64_t least, int64_t most, int32_t *out)
{
    int64_t wide;
    if (json_type(v) != JSON_INT || !json_int(v, &wide) || wide < least || wide > most)
        return err_make(ERR_REJECT, "correlate.params",
                        "params: '%s' must be a whole number, %lld to %d", name, (long long)least,
                        PARAM_MAX);
    *out = (int32_t)wide;
    return ERR_OK;
}

static struct err
unknown(struct slice name, const char *in)
{
    return err_make(ERR_REJECT, "correlate.params", "params: no parameter '%.*s'%s%s",
                    SLICE_ARG(name), in[0] != '\0' ? " in " : "", in);
}

/* A number and where it goes. */
struct slot {
    const char *name;
    int32_t *to;
    int64_t least;
    int64_t most; /* 0: PARAM_MAX */
};

/* Members that are numbers; *found is false when name is none of them. */
static struct err
param_slot(const struct slot *slots, size_t n, struct slice name, struct json v, bool *found)
{
    for (size_t i = 0; i < n; i++) {
        if (!slice_eq(name, slice_of(slots[i].name)))
            continue;
        *found = true;
        return param_int(v, slots[i].name, slots[i].least,
                         slots[i].most > 0 ? slots[i].most : PARAM_MAX, slots[i].to);
    }
    *found = false;
    return ERR_OK;
}

/* All members are numbers. */
static struct err
param_slots(struct json v, const char *in, const struct slot *slots, size_t n)
{
    struct slice name;
    struct json value;
    for (struct json_iter it = json_items(v); json_next(&it, &name, &value);) {
        bool found;
        struct err e = param_slot(slots, n, name, value, &found);
        if (!e.kind && !found)
            e = unknown(name, in);
        if (e.kind)
            return e;
    }
    return ERR_OK;
}

static struct err
param_class(struct json v, struct key_rule *rule)
{
    static const char *const names[KEY_CLASSES] = {"user",    "device", "message",
                                                   "network", "file",   "app"};
    for (int i = 0; i < KEY_CLASSES; i++)
        if (slice_eq(json_text(v), slice_of(names[i]))) {
            rule->class = (enum key_class)i;
            return ERR_OK;
        }
    return err_make(ERR_REJECT, "correlate.params", "params: no such class of key types");
}

static struct err
param_types(struct params *p, struct json types)
{
    struct slice type_name, name;
    struct json type, value;
    for (struct json_iter it = json_items(types); json_next(&it, &type_name, &type);) {
        enum key_type t = key_type_of(type_name);
        if (t == KEY_TYPES)
            return unknown(type_name, "types");
        struct key_rule *rule = &p->rules[t];
        const struct slot slots[] = {{"w", &rule->weight, 0, 0},
                                     {"half_life_s", &rule->half_life_s, 1, 0},
                                     {"window_s", &rule->window_s, 0, 0}};
        for (struct json_iter in = json_items(type); json_next(&in, &name, &value);) {
            bool found;
            struct err e = param_slot(slots, 3, name, value, &found);
            if (!e.kind && !found && slice_eq(name, SLICE("class")))
                e = param_class(value, rule);
            else if (!e.kind && !found && slice_eq(name, SLICE("content")))
                rule->content = json_bool(value, rule->content);
            else if (!e.kind && !found)
                e = unknown(name, "types");
            if (e.kind)
                return e;
        }
    }
    return ERR_OK;
}

static struct err
param_terms(struct params *p, struct json terms)
{
    const struct slot slots[] = {{"stage", &p->term_stage, 0, 0},
                                 {"product", &p->term_product, 0, 0},
                                 {"twin", &p->term_twin, 0, 0},
                                 {"twin_min", &p->twin_min, 0, 0},
                                 {"term_base", &p->term_base, 0, 0}};
    const struct slot levels[] = {{"informational", &p->severity[0], -PARAM_MAX, 0},
                                  {"low", &p->severity[1], -PARAM_MAX, 0},
                                  {"medium", &p->severity[2], -PARAM_MAX, 0},
                                  {"high", &p->severity[3], -PARAM_MAX, 0}};
    struct slice name;
    struct json value;
    for (struct json_iter it = json_items(terms); json_next(&it, &name, &value);) {
        bool found;
        struct err e = param_slot(slots, 5, name, value, &found);
        if (!e.kind && !found && slice_eq(name, SLICE("severity")))
            e = param_slots(value, "terms.severity", levels, 4);
        else if (!e.kind && !found)
            e = unknown(name, "terms");
        if (e.kind)
            return e;
    }
    return ERR_OK;
}

/* Only what says "no prevalence" is understood: no history, or no effect of a new value. */
static struct err
param_prevalence(struct json v)
{
    int64_t history = 0, novel = 1000;
    if (json_type(json_get(v, "history_days")) != JSON_ABSENT)
        (void)json_get_int(v, "history_days", &history);
    if (json_type(json_get(v, "novel")) != JSON_ABSENT)
        (void)json_get_int(v, "novel", &novel);
    if (history != 0 || novel != 1000)
        return err_make(ERR_REJECT, "correlate.params",
                        "params: prevalence is not in this version: history_days must be 0 and "
                        "novel 1000");
    return ERR_OK;
}

static struct err
param_special(struct params *p, struct slice name, struct json v)
{
    const struct slot caps[] = {{"alerts", &p->cap_alerts, 1, CAP_MAX},
                                {"users", &p->cap_users, 1, CAP_MAX},
                                {"devices", &p->cap_devices, 1, CAP_MAX}};
    int64_t gap;
    if (slice_eq(name, SLICE("types")))
        return param_types(p, v);
    if (slice_eq(name, SLICE("terms")))
        return param_terms(p, v);
    if (slice_eq(name, SLICE("caps")))
        return param_slots(v, "caps", caps, 3);
    if (slice_eq(name, SLICE("prevalence")))
        return param_prevalence(v);
    if (slice_eq(name, SLICE("fold_gap_s"))) {
        if (!json_int(v, &gap) || gap >= 0)
            return err_make(ERR_REJECT, "correlate.params",
                            "params: folding is not in this version: fold_gap_s must be negative");
        return ERR_OK;
    }
    return unknown(name, "");
}

struct err
correlate_params_read(struct json params, struct params *p)
{
    const struct slot slots[] = {{"threshold", &p->threshold, 1, 0},
                                 {"related", &p->related, 1, 0},
                                 {"strong", &p->strong, 0, 0},
                                 {"min_key_weight", &p->min_key_weight, 0, 0},
                                 {"time_step_s", &p->time_step_s, 1, 0}};
    struct slice name;
    struct json value;
    for (struct json_iter it = json_items(params); json_next(&it, &name, &value);) {
        bool found;
        struct err e = param_slot(slots, 5, name, value, &found);
        if (!e.kind && !found)
            e = param_special(p, name, value);
        if (e.kind)
            return e;
    }
    return ERR_OK;
}
