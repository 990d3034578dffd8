/*
 * params_internal.h: the rows of the parameters, shared by reading and writing.
 */
#ifndef WEIR_PARAMS_INTERNAL_H
#define WEIR_PARAMS_INTERNAL_H
#include "normalize/params.h"

enum params_kind {
    PARAMS_INT,
    PARAMS_BOOL,
    PARAMS_WORD,    /* one of words */
    PARAMS_TYPES,   /* those key types for which a bool of their rule is true */
    PARAMS_PROFILE, /* name of a profile */
};

struct params_row {
    const char *path; /* "*" stands for each key type; then offset is within struct key_rule */
    enum params_kind kind;
    size_t offset;
    int64_t least, most;      /* PARAMS_INT */
    const char *const *words; /* PARAMS_WORD */
    size_t n_words;
    const char *unit, *help;
};

/* One parameter. */
struct params_slot {
    const struct params_row *row;
    enum key_type type; /* KEY_TYPES: the row is not one of each key type */
};

enum {
    PARAMS_ROWS_MAX = 96,
    PARAMS_SLOTS_MAX = 256,
    PARAMS_PATH_MAX = 48,      /* bytes of a path, terminated */
    PARAMS_VALUE_MAX = 256,    /* bytes of one value as JSON, terminated */
    PARAMS_TEXT_MAX = 1 << 14, /* bytes of all of them as params_json, terminated */
};

/* params_next - from a zeroed slot on, one slot after the other in the order of the manual. */
bool params_next(struct params_slot *s);

/* params_find - the parameter of a path; false: there is none. */
bool params_find(const char *path, struct params_slot *out);

/* params_path - "types.user.w". */
void params_path(const struct params_slot *s, char out[PARAMS_PATH_MAX]);

/* params_number - a number of its own, below PARAMS_ROWS_MAX * (KEY_TYPES + 1). */
size_t params_number(const struct params_slot *s);

/* params_section - do paths begin with this one and a dot? */
bool params_section(const char *path);

/* How a document says a value. */
enum params_form {
    PARAMS_PLAIN,  /* text of YAML: may be anything */
    PARAMS_NUMBER, /* JSON: a whole number */
    PARAMS_SWITCH, /* true or false */
    PARAMS_TEXT,
    PARAMS_LIST, /* of texts; the text has them with commas between */
    PARAMS_OTHER /* null, a fraction, anything else */
};

/* params_put - sets one value. ERR_REJECT "params.value": says what is allowed. */
MUST_CHECK struct err params_put(struct params *p, const struct params_slot *s,
                                 enum params_form form, struct slice text);

/* params_get - the value as JSON. */
void params_get(const struct params *p, const struct params_slot *s, char out[PARAMS_VALUE_MAX]);

/* params_write - params_json into memory of the caller; returns its length. */
size_t params_write(const struct params *p, char out[PARAMS_TEXT_MAX]);

/* params_agree - what must hold between parameters. ERR_REJECT "params.value". */
MUST_CHECK struct err params_agree(const struct params *p);

#endif
