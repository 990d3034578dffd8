/*
 * conf.h: the option table, and the file, environment and flags that fill it.
 *
 * A setting is one row. Help, manual, deploy/weir.yaml and all checks come from the rows. File,
 * then environment (WEIR_INGEST_POLL_S), then flags (--ingest.poll_s=5). Unknown keys are errors
 * with line and column. Secrets are paths (*_file), never values. Ref: style.md 9.
 *
 * In the file a section may be nested or its names dotted; a name stands there once. A bool is
 * true or false, yes or no, on or off. An empty text is no text. In the environment every WEIR_*
 * must be a setting, but WEIR_CONFIG and WEIR_TEST_*. What stands for "*" is up to 32 lower case
 * letters, digits, '-' and '_'.
 */
#ifndef WEIR_CONF_H
#define WEIR_CONF_H
#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/err.h"
#include "common/slice.h"

enum opt_type { OPT_TYPE_END = 0, OPT_TYPE_INT, OPT_TYPE_BOOL, OPT_TYPE_TEXT };

struct opt {
    enum opt_type type;
    const char *name;              /* dotted; one part may be "*": region.*.database */
    const char *unit;              /* of an int: "s", "bytes"; NULL otherwise */
    int64_t fallback, least, most; /* int; a bool's fallback is 0 or 1 */
    const char *text;              /* a text's default; NULL: none */
    const char *help;              /* a sentence */
};

#define OPT_INT(n, u, d, lo, hi, h)                                                                \
    {                                                                                              \
        .type = OPT_TYPE_INT, .name = (n), .unit = (u), .fallback = (d), .least = (lo),            \
        .most = (hi), .help = (h)                                                                  \
    }
#define OPT_BOOL(n, d, h)                                                                          \
    {                                                                                              \
        .type = OPT_TYPE_BOOL, .name = (n), .fallback = (d), .most = 1, .help = (h)                \
    }
#define OPT_TEXT(n, d, h)                                                                          \
    {                                                                                              \
        .type = OPT_TYPE_TEXT, .name = (n), .text = (d), .help = (h)                               \
    }
#define OPT_END                                                                                    \
    {                                                                                              \
        .type = OPT_TYPE_END                                                                       \
    }

struct conf; /* opaque */

/*
 * conf_load - read everything that says something about the tables' options.
 *
 * tables   NULL-terminated list of tables, each ended by OPT_END; static, kept
 * path     the YAML file; NULL: WEIR_CONFIG, else /etc/weir/weir.yaml when it is there
 * flags    NULL-terminated "name=value" texts, the last of a name wins; may be NULL
 *
 * Owns:    the caller frees *out.
 * Errors:  ERR_STOP "conf.open", "conf.yaml", "conf.unknown", "conf.value": the text names file,
 *          line, column and what was expected. Nothing is half loaded.
 * Thread:  any.
 */
MUST_CHECK struct err conf_load(const struct opt *const *tables, const char *path,
                                const char *const *flags, struct conf **out);
void conf_free(struct conf *c); /* NULL is fine */

/* Asking for a name no table has is a bug (assert). Texts live as long as the conf. */
int64_t conf_int(const struct conf *c, const char *name);
bool conf_bool(const struct conf *c, const char *name);
const char *conf_text(const struct conf *c, const char *name); /* NULL: not set and no default */

/* conf_names - the middle parts that some source gave a pattern row: for "region.*.database" the
 * regions, sorted. n of them in *out, which lives as long as the conf. */
size_t conf_names(const struct conf *c, const char *pattern, const char *const **out);

/* conf_each - every known option with its value as text and who set it ("default", "file 12:3",
 * "environment", "flag"); for config show. */
void conf_each(const struct conf *c,
               void (*visit)(void *ctx, const struct opt *o, const char *name, const char *value,
                             const char *origin),
               void *ctx);

/* conf_read_secret - the first line of the file that a *_file option names.
 * ERR_STOP "conf.secret": unreadable, empty or over 64 KiB; the text never holds the content. */
MUST_CHECK struct err conf_read_secret(const struct conf *c, const char *name, struct arena *a,
                                       struct slice *out);

#endif
