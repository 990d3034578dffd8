/* The pages made from the rows of the parameters. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/cli.h"
#include "normalize/params_internal.h"

/* Words without their quotes, a list as words with commas between. */
static void
put_value(const char *value)
{
    for (; *value != '\0'; value++) {
        if (strchr("[]\"", *value) == NULL)
            putchar(*value);
        if (*value == ',')
            putchar(' ');
    }
}

/* "refuse, rebuild", or "" */
static void
put_words(const struct params_row *row)
{
    for (size_t i = 0; i < row->n_words; i++)
        printf("%s%s", i > 0 ? ", " : "", row->words[i]);
}

/* The value of one key type in a row like "types.*.w". */
static void
put_of_type(const char *pattern, enum key_type type)
{
    char value[PARAMS_VALUE_MAX];
    for (struct params_slot s = {.row = NULL}; params_next(&s);)
        if (s.type == type && strcmp(s.row->path, pattern) == 0) {
            params_get(&params_default, &s, value);
            put_value(value);
        }
}

static const char *const OF_TYPE[] = {
    "types.*.w",       "types.*.half_life_s", "types.*.window_s",     "types.*.class",
    "types.*.content", "prevalence.fan0.*",   "prevalence.novel_of.*"};
enum { N_OF_TYPE = sizeof(OF_TYPE) / sizeof(OF_TYPE[0]), N_MEMBERS = 5 };

/* ---- Markdown */

static void
put_row(const struct params_slot *s)
{
    const struct params_row *row = s->row;
    char value[PARAMS_VALUE_MAX];
    printf("| `%s` | ", row->path);
    if (s->type == KEY_TYPES) {
        params_get(&params_default, s, value);
        put_value(value);
    } else {
        fputs("see below", stdout);
    }
    if (row->kind == PARAMS_INT)
        printf(" | %" PRId64 " | %" PRId64 " | %s | ", row->least, row->most, row->unit);
    else
        fputs(" | | | | ", stdout);
    printf("%s", row->help);
    if (row->n_words > 0) {
        fputs(" One of ", stdout);
        put_words(row);
        putchar('.');
    }
    puts(" |");
}

static void
markdown_types(void)
{
    puts("\n## Key types\n\n"
         "What `*` above stands for, with the defaults.\n\n"
         "| type | `w` | `half_life_s` | `window_s` | `class` | `content` | `fan0` | `novel_of` | "
         "what it is |\n"
         "| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for (enum key_type t = 0; t < KEY_TYPES; t++) {
        printf("| %s |", params_default.rules[t].name);
        for (size_t i = 0; i < N_OF_TYPE; i++) {
            putchar(' ');
            put_of_type(OF_TYPE[i], t);
            fputs(" |", stdout);
        }
        printf(" %s |\n", params_default.rules[t].label);
    }
}

static void
put_changes(const struct params_profile *f)
{
    for (const struct params_change *c = f->changes; c->path != NULL; c++)
        printf("%s`%s: %s`", c == f->changes ? "" : ", ", c->path, c->value);
}

static void
markdown_profiles(void)
{
    puts("\n## Profiles\n\n| profile | what it is for | what it changes in the default |\n"
         "| --- | --- | --- |");
    for (const struct params_profile *f = params_profiles; f->name != NULL; f++) {
        printf("| %s | %s | ", f->name, f->summary);
        put_changes(f);
        puts(" |");
    }
}

static void
markdown(void)
{
    puts("# Parameters of the correlator\n\n"
         "Made from the table in the program by `make docs`. They stand in the file that\n"
         "`correlation.params_file` names, with nested or dotted names (`terms: {stage: 150}` is\n"
         "`terms.stage: 150`); `deploy/correlation.yaml` shows each one at its default. Whole "
         "numbers "
         "only.\nWhat is not named keeps the value of the profile. A point is a thousandth of the "
         "threshold.\n\n"
         "| parameter | default | from | to | unit | what it is |\n"
         "| --- | --- | --- | --- | --- | --- |");
    for (struct params_slot s = {.row = NULL}; params_next(&s);)
        if (s.type == KEY_TYPES || s.type == 0)
            put_row(&s);
    markdown_types();
    markdown_profiles();
}

/* ---- YAML */

static void
yaml_row(const struct params_slot *s)
{
    char value[PARAMS_VALUE_MAX], help[512];
    const struct params_row *row = s->row;
    int n = snprintf(help, sizeof(help), "%s", row->help);
    if (row->kind == PARAMS_INT && n > 0 && (size_t)n < sizeof(help))
        (void)snprintf(help + n, sizeof(help) - (size_t)n, " From %" PRId64 " to %" PRId64 "%s%s.",
                       row->least, row->most, row->unit[0] != '\0' ? " " : "", row->unit);
    putchar('\n');
    cli_document_comment("", help);
    params_get(&params_default, s, value);
    printf("#%s: ", row->path);
    put_value(value);
    putchar('\n');
}

/* One line a type: its five members, and what prevalence has of it. */
static void
yaml_types(void)
{
    char lead[64];
    puts("\n# ---- key types\n#");
    for (struct params_slot s = {.row = NULL}; params_next(&s);)
        if (s.type == 0) {
            (void)snprintf(lead, sizeof(lead), " %s:", s.row->path);
            cli_document_comment(lead, s.row->help);
        }
    for (enum key_type t = 0; t < KEY_TYPES; t++) {
        printf("\n#types.%s: {", params_default.rules[t].name);
        for (size_t i = 0; i < N_MEMBERS; i++) {
            printf("%s%s: ", i > 0 ? ", " : "", strrchr(OF_TYPE[i], '.') + 1);
            put_of_type(OF_TYPE[i], t);
        }
        printf("}\n#prevalence.fan0.%s: ", params_default.rules[t].name);
        put_of_type("prevalence.fan0.*", t);
        printf("\n#prevalence.novel_of.%s: ", params_default.rules[t].name);
        put_of_type("prevalence.novel_of.*", t);
        putchar('\n');
    }
}

static void
yaml_profile(const struct params_profile *f)
{
    char lead[64], changes[1024] = "";
    size_t n = 0;
    (void)snprintf(lead, sizeof(lead), " %s:", f->name);
    cli_document_comment(lead, f->summary);
    for (const struct params_change *c = f->changes; c->path != NULL && n < sizeof(changes); c++)
        n += (size_t)snprintf(changes + n, sizeof(changes) - n, "%s%s: %s", n > 0 ? ", " : "",
                              c->path, c->value);
    if (n > 0)
        cli_document_comment("    ", changes);
}

static void
yaml(void)
{
    puts(
        "# correlation.yaml: every parameter of the correlator, commented out at its default. "
        "Made\n"
        "# by `make docs`.\n"
        "#\n"
        "# correlation.params_file names the file; a worker reads it when it starts, and does not\n"
        "# start when something is wrong in it (`weir params check FILE` says what). Names may be\n"
        "# nested as well: terms: {stage: 150}. A tenant may override single values.\n"
        "#\n"
        "# The profiles, and what each of them changes:\n#");
    for (const struct params_profile *f = params_profiles; f->name != NULL; f++)
        yaml_profile(f);
    for (struct params_slot s = {.row = NULL}; params_next(&s);)
        if (s.type == KEY_TYPES)
            yaml_row(&s);
    yaml_types();
}

bool
params_document(const char *page)
{
    if (strcmp(page, "markdown") == 0)
        markdown();
    else if (strcmp(page, "yaml") == 0)
        yaml();
    else
        return false;
    return true;
}
