#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/cli.h"
#include "common/cli_help.h"
#include "common/metric.h"

/* Text inside a table of Markdown ("|") or a quoted scalar of YAML ("\"\\"): with a backslash. */
static void
put_escaped(const char *text, const char *special)
{
    for (; *text != '\0'; text++) {
        if (strchr(special, *text) != NULL)
            putchar('\\');
        putchar(*text);
    }
}

static void
put_default(const struct opt *o, const char *special)
{
    switch (o->type) {
    case OPT_TYPE_INT:
        printf("%" PRId64, o->fallback);
        break;
    case OPT_TYPE_BOOL:
        fputs(o->fallback ? "true" : "false", stdout);
        break;
    default:
        put_escaped(o->text != NULL ? o->text : "", special);
    }
}

/* Sections are the parts of names before the first dot. Several tables may add to one. */
static bool
same_section(const char *a, const char *b)
{
    size_t n = strcspn(a, ".");
    return n == strcspn(b, ".") && strncmp(a, b, n) == 0;
}

/* The first row of the same section, in the order of the tables. */
static const struct opt *
section_first(const struct opt *const *tables, const struct opt *of)
{
    for (; *tables != NULL; tables++)
        for (const struct opt *o = *tables; o->type != OPT_TYPE_END; o++)
            if (same_section(o->name, of->name))
                return o;
    return of;
}

/* Calls heading once a section and row for each of its rows, whichever tables they are in. */
static void
each_section(const struct opt *const *tables, void (*heading)(const struct opt *first),
             void (*row)(const struct opt *o))
{
    for (const struct opt *const *t = tables; *t != NULL; t++)
        for (const struct opt *first = *t; first->type != OPT_TYPE_END; first++) {
            if (section_first(tables, first) != first)
                continue;
            heading(first);
            for (const struct opt *const *u = tables; *u != NULL; u++)
                for (const struct opt *o = *u; o->type != OPT_TYPE_END; o++)
                    if (same_section(o->name, first->name))
                        row(o);
        }
}

static void
settings_heading(const struct opt *first)
{
    printf("\n## %.*s\n\n| setting | default | from | to | unit | what it is |\n"
           "| --- | --- | --- | --- | --- | --- |\n",
           (int)strcspn(first->name, "."), first->name);
}

static void
settings_row(const struct opt *o)
{
    printf("| `%s` | ", o->name);
    put_default(o, "|");
    if (o->type == OPT_TYPE_INT)
        printf(" | %" PRId64 " | %" PRId64 " | %s", o->least, o->most,
               o->unit != NULL ? o->unit : "");
    else
        fputs(" | | |", stdout);
    fputs(" | ", stdout);
    put_escaped(o->help, "|");
    puts(" |");
}

static void
settings_page(const struct opt *const *tables)
{
    puts(
        "# Settings\n\n"
        "Made from the option tables by `make docs`. A setting is looked for in the file, then in\n"
        "the environment, then on the command line; the last one wins, and `weir config show` "
        "says\n"
        "which that was. `ingest.poll_s` is `WEIR_INGEST_POLL_S` in the environment and\n"
        "`--ingest.poll_s=60` on the command line. `*` stands for a name of your own.");
    each_section(tables, settings_heading, settings_row);
}

static void
yaml_heading(const struct opt *first)
{
    printf("\n# ---- %.*s\n", (int)strcspn(first->name, "."), first->name);
}

void
cli_document_comment(const char *lead, const char *text)
{
    size_t column = 1 + strlen(lead);
    printf("#%s", lead);
    while (*text != '\0') {
        size_t word = strcspn(text, " ");
        if (column + 1 + word > 99) {
            column = (size_t)printf("\n#%s", lead[0] != '\0' ? "    " : "") - 1;
        }
        printf(" %.*s", (int)word, text);
        column += 1 + word;
        text += word + strspn(text + word, " ");
    }
    putchar('\n');
}

/* A pattern with a region in it, so that the line can be used as it is. */
static void
yaml_row(const struct opt *o)
{
    char help[1024];
    size_t before = strcspn(o->name, "*");
    bool pattern = o->name[before] == '*';
    int n = snprintf(help, sizeof help, "%s", o->help);
    if (o->type == OPT_TYPE_INT && n > 0 && (size_t)n < sizeof help)
        (void)snprintf(help + n, sizeof help - (size_t)n, " From %" PRId64 " to %" PRId64 "%s%s.",
                       o->least, o->most, o->unit != NULL ? " " : "",
                       o->unit != NULL ? o->unit : "");
    putchar('\n');
    cli_document_comment("", help);
    printf("#%.*s%s%s: ", (int)before, o->name, pattern ? "eu" : "",
           pattern ? o->name + before + 1 : "");
    fputs(o->type == OPT_TYPE_TEXT ? "\"" : "", stdout);
    put_default(o, "\"\\");
    puts(o->type == OPT_TYPE_TEXT ? "\"" : "");
}

/* Flat names: one line can be uncommented without its neighbours. */
static void
yaml_page(const struct opt *const *tables)
{
    puts("# weir.yaml: every setting, commented out at its default. Made by `make docs`.\n"
         "#\n"
         "# Sections may also be nested (ingest: {poll_s: 60}). The environment "
         "(WEIR_INGEST_POLL_S)\n"
         "# and flags (--ingest.poll_s=60) go before this file; `weir config show` says what won.");
    each_section(tables, yaml_heading, yaml_row);
}

static void
commands_page(const struct cli_command *const *commands)
{
    puts(
        "# Commands\n\n"
        "Made from the command tables by `make docs`. Data goes to stdout, words to stderr; every\n"
        "command knows `--help`, `--json`, `--quiet`, `--config FILE` and `--SETTING=VALUE`.");
    for (; *commands != NULL; commands++) {
        const struct cli_command *c = *commands;
        char name[64];
        bool asks = c->summary[strcspn(c->summary, "?")] == '?';
        printf("\n## weir %s\n\n%s%s\n\n    %s\n\nUsage: `", cli_command_name(c, name, sizeof name),
               c->summary, asks ? "" : ".", c->example);
        cli_help_usage(stdout, c);
        puts("`");
        if (c->flags != NULL && c->flags->name != NULL)
            puts("\n| flag | value | what it does |\n| --- | --- | --- |");
        for (const struct cli_flag *f = c->flags; f != NULL && f->name != NULL; f++)
            printf("| `--%s` | %s | %s%s |\n", f->name, f->value != NULL ? f->value : "", f->help,
                   f->required ? " (required)" : "");
    }
}

static void
exits_page(void)
{
    puts("# Exit codes\n\nMade by `make docs`.\n\n| code | meaning |\n| --- | --- |");
    for (int code = 0; code < 256; code++)
        if (cli_exit_meaning(code) != NULL)
            printf("| %d | %s |\n", code, cli_exit_meaning(code));
}

static void
put_metric(void *ctx, const char *name, const char *kind, const char *labels, const char *help)
{
    (void)ctx;
    printf("| `%s` | %s | %s | %s |\n", name, kind, labels, help);
}

static void
metrics_page(void)
{
    puts("# Metrics\n\n"
         "Made from `common/metrics.def` by `make docs`. Every worker serves them at `/metrics`, "
         "with\n"
         "the usual `process_*` numbers beside them. Histograms are in seconds.\n\n"
         "| metric | type | labels | what it counts |\n| --- | --- | --- | --- |");
    metric_each(put_metric, NULL);
}

/* ---- the manual page, in the macros of man(7) */

/* A line of text: no dot or quote at its start is a request, no hyphen becomes a dash, and the
 * line may be pasted. */
static void
put_roff(const char *text)
{
    if (*text == '.' || *text == '\'')
        fputs("\\&", stdout);
    for (; *text != '\0'; text++) {
        if (*text == '\\')
            fputs("\\e", stdout);
        else if (*text == '-')
            fputs("\\-", stdout);
        else
            putchar(*text);
    }
}

/* A word in bold and, under it, what it is. */
static void
put_item(const char *head, const char *text)
{
    fputs(".TP\n\\fB", stdout);
    put_roff(head);
    fputs("\\fR\n", stdout);
    put_roff(text);
}

static void
man_commands(const struct cli_command *const *commands)
{
    puts(".SH COMMANDS");
    for (; *commands != NULL; commands++) {
        const struct cli_command *c = *commands;
        char name[64], text[96];
        (void)snprintf(text, sizeof text, "weir %s", cli_command_name(c, name, sizeof name));
        put_item(text, c->summary);
        fputs("\n.RS\n.PP\n.EX\n", stdout);
        put_roff(c->example);
        puts("\n.EE");
        for (const struct cli_flag *f = c->flags; f != NULL && f->name != NULL; f++) {
            (void)snprintf(text, sizeof text, "--%s%s%s", f->name, f->value != NULL ? " " : "",
                           f->value != NULL ? f->value : "");
            put_item(text, f->help);
            puts(f->required ? " (required)" : "");
        }
        puts(".RE");
    }
}

static void
man_heading(const struct opt *first)
{
    printf(".SS %.*s\n", (int)strcspn(first->name, "."), first->name);
}

static void
man_row(const struct opt *o)
{
    put_item(o->name, o->help);
    if (o->type == OPT_TYPE_INT)
        printf(" From %" PRId64 " to %" PRId64 "%s%s.", o->least, o->most,
               o->unit != NULL ? " " : "", o->unit != NULL ? o->unit : "");
    if (o->type != OPT_TYPE_TEXT || o->text != NULL) {
        fputs(" Default: ", stdout);
        put_default(o, "\\");
        putchar('.');
    }
    putchar('\n');
}

static void
man_page(const struct cli_command *const *commands, const struct opt *const *tables)
{
    const char *flag, *help;
    char code[16];
    puts(".\\\" Made by `make docs`.\n"
         ".TH WEIR 1 \"\" \"weir " WEIR_VERSION "\" \"User Commands\"\n"
         ".SH NAME\nweir \\- collect security alerts, join them into incidents, erase tenants\n"
         ".SH SYNOPSIS\n.B weir\n.I NOUN VERB\n[flags]\n.br\n.B weir run\n.I ROLE\n[flags]\n"
         ".SH DESCRIPTION\nData goes to stdout, words to stderr. Commands of people read the\n"
         "databases themselves; each worker is started by \\fBweir run\\fR.");
    man_commands(commands);
    puts(".SH FLAGS OF EVERY COMMAND");
    for (size_t i = 0; cli_help_flag(i, &flag, &help); i++) {
        put_item(flag, help);
        putchar('\n');
    }
    puts(".SH SETTINGS\nA setting is looked for in the file, then in the environment, then on the\n"
         "command line; the last one wins. ingest.poll_s is WEIR_INGEST_POLL_S in the environment\n"
         "and \\-\\-ingest.poll_s=60 on the command line. * stands for a name of your own.");
    each_section(tables, man_heading, man_row);
    puts(".SH EXIT STATUS");
    for (int c = 0; c < 256; c++)
        if (cli_exit_meaning(c) != NULL) {
            (void)snprintf(code, sizeof code, "%d", c);
            put_item(code, cli_exit_meaning(c));
            putchar('\n');
        }
    puts(".SH FILES\n.TP\n/etc/weir/weir.yaml\nThe configuration, unless \\-\\-config or "
         "WEIR_CONFIG name another.");
}

bool
cli_document(const char *page, const struct cli_command *const *commands,
             const struct opt *const *tables)
{
    if (strcmp(page, "commands") == 0)
        commands_page(commands);
    else if (strcmp(page, "settings") == 0)
        settings_page(tables);
    else if (strcmp(page, "weir.yaml") == 0)
        yaml_page(tables);
    else if (strcmp(page, "exit-codes") == 0)
        exits_page();
    else if (strcmp(page, "metrics") == 0)
        metrics_page();
    else if (strcmp(page, "man") == 0)
        man_page(commands, tables);
    else
        return false;
    return true;
}
