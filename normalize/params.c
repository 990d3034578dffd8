#include "normalize/params.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "normalize/params_internal.h"

enum { HOUR_S = 3600 };

static const char *const WORDS_MODE[] = {"refuse", "rebuild"};
static const char *const WORDS_SOURCE_INCIDENT[] = {"off", "hint", "bind"};
static const char *const WORDS_CLASS[] = {"user", "device", "message", "network", "file", "app"};

/* w, half-life h, furthest gap h: the table of correlation.md 5. The order is that of enum
 * key_type. */
#define RULE(name_, label_, w, half_life_h, window_h, class_, content_, fan0_, exempt_, novel_)    \
    {                                                                                              \
        .name = (name_), .label = (label_), .weight = (w), .half_life_s = (half_life_h)*HOUR_S,    \
        .window_s = (window_h)*HOUR_S, .class = (class_), .content = (content_), .fan0 = (fan0_),  \
        .novel_exempt = (exempt_), .novel = (novel_)                                               \
    }
#define INT(path_, member, fallback, least_, most_, unit_, help_) .member = (fallback),
#define BOOL(path_, member, fallback, help_) .member = (fallback),
#define WORD(path_, member, fallback, words_, help_) .member = (fallback),

const struct params params_default = {
    .profile = "default",
#include "normalize/params.def"
    .rules =
        {
            RULE("user", "user", 800, 18, 72, CLASS_USER, false, 3, true, 0),
            RULE("device", "device", 930, 3, 48, CLASS_DEVICE, false, 6, true, 0),
            RULE("nb", "device name", 500, 12, 24, CLASS_DEVICE, false, 0, true, 0),
            RULE("nmid", "message", 1200, 96, 168, CLASS_MESSAGE, false, 0, false, 0),
            RULE("imid", "message", 1200, 96, 168, CLASS_MESSAGE, false, 0, false, 0),
            RULE("mcl", "campaign", 1500, 48, 96, CLASS_MESSAGE, true, 0, false, 0),
            RULE("sender", "sender", 500, 24, 48, CLASS_MESSAGE, false, 15, false, 2200),
            RULE("url", "url", 1250, 24, 96, CLASS_NETWORK, true, 8, false, 0),
            RULE("dom", "domain", 350, 40, 96, CLASS_NETWORK, false, 8, false, 2500),
            RULE("ip", "address", 800, 32, 72, CLASS_NETWORK, false, 2, false, 1300),
            RULE("ipint", "address", 350, 4, 12, CLASS_NETWORK, false, 3, false, 1700),
            RULE("sha", "file", 800, 72, 168, CLASS_FILE, true, 8, false, 1500),
            RULE("cmd", "command", 450, 8, 48, CLASS_FILE, true, 5, false, 2000),
            RULE("proc", "process", 1300, 48, 96, CLASS_FILE, false, 0, false, 0),
            RULE("sess", "session", 1200, 24, 48, CLASS_APP, false, 0, false, 0),
            RULE("oauth", "application", 1150, 64, 168, CLASS_APP, true, 8, false, 1600),
            RULE("app", "cloud application", 100, 4, 24, CLASS_APP, false, 2, true, 0),
            RULE("res", "resource", 750, 24, 48, CLASS_APP, false, 4, false, 0),
        },
};

#undef INT
#undef BOOL
#undef WORD

#define WORDS_OF(list) .words = (list), .n_words = sizeof(list) / sizeof((list)[0])
#define INT(path_, member, fallback, least_, most_, unit_, help_)                                  \
    {.path = (path_),                                                                              \
     .kind = PARAMS_INT,                                                                           \
     .offset = offsetof(struct params, member),                                                    \
     .least = (least_),                                                                            \
     .most = (most_),                                                                              \
     .unit = (unit_),                                                                              \
     .help = (help_)},
#define BOOL(path_, member, fallback, help_)                                                       \
    {.path = (path_),                                                                              \
     .kind = PARAMS_BOOL,                                                                          \
     .offset = offsetof(struct params, member),                                                    \
     .unit = "",                                                                                   \
     .help = (help_)},
#define WORD(path_, member, fallback, words_, help_)                                               \
    {.path = (path_),                                                                              \
     .kind = PARAMS_WORD,                                                                          \
     .offset = offsetof(struct params, member),                                                    \
     WORDS_OF(words_),                                                                             \
     .unit = "",                                                                                   \
     .help = (help_)},
#define OF_TYPE(path_, kind_, member, least_, most_, unit_, help_)                                 \
    {                                                                                              \
        .path = (path_), .kind = (kind_), .offset = offsetof(struct key_rule, member),             \
        .least = (least_), .most = (most_), .unit = (unit_), .help = (help_)                       \
    }

static const struct params_row ROWS[] = {
    {.path = "profile",
     .kind = PARAMS_PROFILE,
     .offset = offsetof(struct params, profile),
     .unit = "",
     .help = "The built-in profile that all other values of the file change."},
#include "normalize/params.def"
    OF_TYPE("types.*.w", PARAMS_INT, weight, 0, 100000, "points",
            "Weight of such a key that two alerts share at the same time."),
    OF_TYPE("types.*.half_life_s", PARAMS_INT, half_life_s, 1, 100000000, "s",
            "The gap between two alerts after which half of the weight is left."),
    OF_TYPE("types.*.window_s", PARAMS_INT, window_s, 0, 31622400, "s",
            "The furthest gap at which the key still counts."),
    {.path = "types.*.class",
     .kind = PARAMS_WORD,
     .offset = offsetof(struct key_rule, class),
     WORDS_OF(WORDS_CLASS),
     .unit = "",
     .help = "Of the keys of one class only the best counts."},
    OF_TYPE("types.*.content", PARAMS_BOOL, content, 0, 0, "", "It may make an outbreak."),
    OF_TYPE("prevalence.fan0.*", PARAMS_INT, fan0, 0, 100000, "",
            "A value that had one counterpart more than this weighs half; 0: that says nothing."),
    OF_TYPE("prevalence.novel_of.*", PARAMS_INT, novel, 0, 10000, "thousandths",
            "Weight of a value of this type never seen before; 0: prevalence.novel."),
    {.path = "prevalence.novel_exempt",
     .kind = PARAMS_TYPES,
     .offset = offsetof(struct key_rule, novel_exempt),
     .unit = "",
     .help = "Key types for which never having been seen says nothing."},
};

enum { N_ROWS = sizeof(ROWS) / sizeof(ROWS[0]) };

static const struct params_change NONE[] = {{NULL, NULL}},
                                  REFERENCE[] = {{"fold_without_keys", "true"},
                                                 {"prevalence.counterparts_day", "1000000000"},
                                                 {"scan_max", "1000000000"},
                                                 {"watermark_alerts", "0"},
                                                 {"lifecycle.idle_s", "1000000000"},
                                                 {"terms.rare", "0"},
                                                 {"trust.high", "0"},
                                                 {"prevalence.novel_of.sender", "0"},
                                                 {"prevalence.novel_of.dom", "0"},
                                                 {"prevalence.novel_of.ip", "0"},
                                                 {"prevalence.novel_of.ipint", "0"},
                                                 {"prevalence.novel_of.sha", "0"},
                                                 {"prevalence.novel_of.cmd", "0"},
                                                 {"prevalence.novel_of.oauth", "0"},
                                                 {NULL, NULL}},
                                  CAUTIOUS[] = {{"terms.severity.high", "50"}, {NULL, NULL}},
                                  FLAT[] = {{"threshold", "1150"},
                                            {"terms.severity.high", "0"},
                                            {"terms.severity.medium", "0"},
                                            {"terms.severity.low", "0"},
                                            {"terms.severity.informational", "0"},
                                            {NULL, NULL}},
                                  IDS[] = {{"fold_gap_s", "300"},
                                           {"types.device.w", "1150"},
                                           {"types.device.half_life_s", "3600"},
                                           {"terms.product", "0"},
                                           {"terms.severity.high", "0"},
                                           {"terms.severity.medium", "0"},
                                           {"terms.severity.low", "0"},
                                           {"terms.severity.informational", "0"},
                                           {NULL, NULL}};

const struct params_profile params_profiles[] = {
    {"default", "For the four products together.", NONE},
    {"reference", "The published rule, for comparison: what is better in default is left out.",
     REFERENCE},
    {"cautious", "High severity counts for less, where products overstate it.", CAUTIOUS},
    {"flat", "Severity counts for nothing and more must be shared, where it means nothing.", FLAT},
    {"ids", "For sensors that know only the host.", IDS},
    {NULL, NULL, NULL},
};

/* ---- one after the other */

static bool
of_each_type(const struct params_row *row)
{
    return strchr(row->path, '*') != NULL;
}

bool
params_next(struct params_slot *s)
{
    const struct params_row *row = s->row;
    enum key_type type = s->type + 1;
    if (row == NULL || type >= KEY_TYPES) {
        row = row == NULL ? ROWS : row + 1;
        if (row == ROWS + N_ROWS)
            return false;
        type = of_each_type(row) ? 0 : KEY_TYPES;
    }
    *s = (struct params_slot){row, type};
    return true;
}

size_t
params_number(const struct params_slot *s)
{
    _Static_assert((int)N_ROWS <= (int)PARAMS_ROWS_MAX, "there are more rows");
    return (size_t)(s->row - ROWS) * (KEY_TYPES + 1) + s->type;
}

static void
append(char out[PARAMS_PATH_MAX], size_t *n, const char *text, size_t length)
{
    assert(*n + length < PARAMS_PATH_MAX);
    memcpy(out + *n, text, length);
    *n += length;
    out[*n] = '\0';
}

void
params_path(const struct params_slot *s, char out[PARAMS_PATH_MAX])
{
    const char *path = s->row->path;
    size_t n = 0, star = strcspn(path, "*");
    append(out, &n, path, star);
    if (path[star] == '\0')
        return;
    append(out, &n, params_default.rules[s->type].name, strlen(params_default.rules[s->type].name));
    append(out, &n, path + star + 1, strlen(path + star + 1));
}

/* Is the path of this row, for one type if it is one of each? */
static bool
matches(const struct params_row *row, const char *path, enum key_type *type)
{
    size_t star = strcspn(row->path, "*");
    *type = KEY_TYPES;
    if (row->path[star] == '\0')
        return strcmp(row->path, path) == 0;
    if (strncmp(row->path, path, star) != 0)
        return false;
    size_t word = strcspn(path + star, ".");
    *type = key_type_of((struct slice){path + star, word});
    return *type < KEY_TYPES && strcmp(path + star + word, row->path + star + 1) == 0;
}

bool
params_find(const char *path, struct params_slot *out)
{
    for (const struct params_row *row = ROWS; row < ROWS + N_ROWS; row++) {
        enum key_type type;
        if (row->path[0] == path[0] && matches(row, path, &type)) {
            *out = (struct params_slot){row, type};
            return true;
        }
    }
    return false;
}

bool
params_section(const char *path)
{
    size_t n = strlen(path);
    for (const struct params_row *row = ROWS; row < ROWS + N_ROWS; row++) {
        if (row->path[0] != path[0])
            continue;
        size_t star = strcspn(row->path, "*");
        if (n < star && strncmp(row->path, path, n) == 0 && row->path[n] == '.')
            return true;
        if (n > star && row->path[star] == '*' && row->path[star + 1] == '.' &&
            strncmp(row->path, path, star) == 0 &&
            key_type_of((struct slice){path + star, n - star}) < KEY_TYPES)
            return true;
    }
    return false;
}

/* ---- profiles */

bool
params_profile(struct slice name, struct params *p)
{
    const struct params_profile *f = params_profiles;
    while (f->name != NULL && !slice_eq(name, slice_of(f->name)))
        f++;
    if (f->name == NULL)
        return false;
    *p = params_default;
    (void)snprintf(p->profile, sizeof(p->profile), "%s", f->name);
    for (const struct params_change *c = f->changes; c->path != NULL; c++) {
        struct params_slot s;
        bool there = params_find(c->path, &s);
        assert(there);
        struct err e = params_put(p, &s, PARAMS_PLAIN, slice_of(c->value));
        assert(e.kind == ERR_NONE);
        (void)e;
        (void)there;
    }
    return true;
}
