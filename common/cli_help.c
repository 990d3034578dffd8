#include "common/cli_help.h"

#include <string.h>

#include "common/line.h"

static const struct {
    int code;
    const char *meaning;
} EXITS[] = {
    {CLI_DONE, "done"},
    {CLI_FAILED, "failed"},
    {CLI_USAGE, "the command line is wrong"},
    {CLI_CONFIGURATION, "the configuration is wrong"},
    {CLI_UNREACHABLE, "a dependency cannot be reached"},
    {CLI_REFUSED, "refused: no permission, or a condition forbids it"},
    {CLI_PARTLY, "partly done"},
    {CLI_INTERRUPTED, "interrupted"},
};

static const struct {
    const char *flag, *help;
} COMMON[] = {
    {"--help", "this text"},
    {"--json", "stable JSON on stdout instead of text"},
    {"--quiet", "no words on stderr but errors"},
    {"--config FILE", "the configuration (else $WEIR_CONFIG, else /etc/weir/weir.yaml)"},
    {"--SETTING=VALUE", "one setting of it, such as --log.level=debug"},
};

const char *
cli_exit_meaning(int code)
{
    for (size_t i = 0; i < sizeof EXITS / sizeof EXITS[0]; i++)
        if (EXITS[i].code == code)
            return EXITS[i].meaning;
    return NULL;
}

const char *
cli_command_name(const struct cli_command *c, char *text, size_t size)
{
    (void)snprintf(text, size, "%s%s%s", c->noun, c->verb != NULL ? " " : "",
                   c->verb != NULL ? c->verb : "");
    return text;
}

bool
cli_help_flag(size_t i, const char **flag, const char **help)
{
    if (i >= sizeof COMMON / sizeof COMMON[0])
        return false;
    *flag = COMMON[i].flag;
    *help = COMMON[i].help;
    return true;
}

void
cli_help_usage(FILE *out, const struct cli_command *c)
{
    char name[64];
    fprintf(out, "weir %s", cli_command_name(c, name, sizeof name));
    for (const struct cli_flag *f = c->flags; f != NULL && f->name != NULL; f++)
        fprintf(out, " %s--%s%s%s%s", f->required ? "" : "[", f->name, f->value != NULL ? " " : "",
                f->value != NULL ? f->value : "", f->required ? "" : "]");
    if (c->argument != NULL)
        fprintf(out, " %s", c->argument);
    if (c->second != NULL)
        fprintf(out, " %s", c->second);
}

static void
put_exits(FILE *out)
{
    fputs("\nExit codes:\n", out);
    for (size_t i = 0; i < sizeof EXITS / sizeof EXITS[0]; i++)
        fprintf(out, "  %3d  %s\n", EXITS[i].code, EXITS[i].meaning);
}

void
cli_help_command(FILE *out, const struct cli_command *c)
{
    fprintf(out, "Example:\n  %s\n\nUsage: ", c->example);
    cli_help_usage(out, c);
    fprintf(out, "\n  %s\n", c->summary);
    if (c->flags != NULL && c->flags->name != NULL)
        fputs("\nFlags:\n", out);
    for (const struct cli_flag *f = c->flags; f != NULL && f->name != NULL; f++) {
        char flag[64];
        (void)snprintf(flag, sizeof flag, "--%s%s%s", f->name, f->value != NULL ? " " : "",
                       f->value != NULL ? f->value : "");
        fprintf(out, "  %-22s %s%s\n", flag, f->help, f->required ? " (required)" : "");
    }
    fputs("\nFlags of every command:\n", out);
    for (size_t i = 0; i < sizeof COMMON / sizeof COMMON[0]; i++)
        fprintf(out, "  %-22s %s\n", COMMON[i].flag, COMMON[i].help);
    put_exits(out);
}

static void
put_command(FILE *out, const struct cli_command *c)
{
    char name[64];
    if (strcmp(c->noun, "run") == 0)
        (void)snprintf(name, sizeof name, "run %s", c->verb != NULL ? c->verb : "ROLE");
    else
        (void)cli_command_name(c, name, sizeof name);
    fprintf(out, "  weir %-19s %s\n", name, c->summary);
}

void
cli_help_noun(FILE *out, const struct cli_command *const *commands, const char *noun)
{
    bool run = strcmp(noun, "run") == 0;
    for (size_t i = 0; commands[i] != NULL; i++)
        if (strcmp(commands[i]->noun, noun) == 0) {
            fprintf(out, "Example:\n  %s\n\n%s:\n", commands[i]->example,
                    run ? "Roles, each started by weir run ROLE" : "Commands");
            break;
        }
    for (size_t i = 0; commands[i] != NULL; i++)
        if (strcmp(commands[i]->noun, noun) == 0)
            put_command(out, commands[i]);
    fprintf(out, "\n'weir help %s %s' says more about one.\n", noun, run ? "ROLE" : "VERB");
    put_exits(out);
}

/* True for the first command of a noun: where the list shows all of that noun. */
static bool
is_first(const struct cli_command *const *commands, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (strcmp(commands[i]->noun, commands[at]->noun) == 0)
            return false;
    return true;
}

void
cli_help_all(FILE *out, const struct cli_command *const *commands)
{
    fputs("weir collects security alerts, joins them into incidents, and erases tenants.\n", out);
    if (commands[0] != NULL)
        fprintf(out, "\nExample:\n  %s\n", commands[0]->example);
    fputs("\nCommands:\n", out);
    for (size_t i = 0; commands[i] != NULL; i++)
        for (size_t j = i; is_first(commands, i) && commands[j] != NULL; j++)
            if (strcmp(commands[j]->noun, commands[i]->noun) == 0)
                put_command(out, commands[j]);
    fputs("  weir help NOUN VERB      what a command takes and gives\n"
          "  weir --version           which weir this is\n",
          out);
    put_exits(out);
}

/* ---- tables for people */

/* Characters, which is what a terminal's columns are for all but the widest scripts. */
static size_t
width(const char *cell)
{
    size_t n = 0;
    for (; *cell != '\0'; cell++)
        n += ((unsigned char)*cell & 0xc0) != 0x80;
    return n;
}

enum { CELL_MAX = 1024, COLUMNS_MAX = 16 };

/* A cell as it is shown: no control character of foreign text reaches the terminal. */
static const char *
shown(const char *cell, char space[CELL_MAX])
{
    struct slice s = slice_of(cell != NULL ? cell : "-");
    struct line l = {.p = space, .size = CELL_MAX - 1};
    line_plain(&l, slice_sub(s, 0, (CELL_MAX - 1) / 4)); /* one byte becomes at most four */
    space[l.n] = '\0';
    return space;
}

static void
put_row(const char *const *cells, size_t columns, const size_t *widths)
{
    char space[CELL_MAX];
    for (size_t i = 0; i < columns; i++) {
        const char *cell = shown(cells[i], space);
        fputs(cell, stdout);
        for (size_t n = width(cell); i + 1 < columns && n < widths[i] + 2; n++)
            fputc(' ', stdout);
    }
    fputc('\n', stdout);
}

void
cli_table(const struct cli_table *t)
{
    size_t columns = 0, widths[COLUMNS_MAX];
    char space[CELL_MAX];
    for (; columns < COLUMNS_MAX && t->headings[columns] != NULL; columns++)
        widths[columns] = width(t->headings[columns]);
    for (size_t i = 0; i < t->rows * columns; i++) {
        size_t w = width(shown(t->cells[i], space));
        if (w > widths[i % columns])
            widths[i % columns] = w;
    }
    put_row(t->headings, columns, widths);
    for (size_t row = 0; row < t->rows; row++)
        put_row(t->cells + row * columns, columns, widths);
}
