/*
 * cli.h: sub-commands, help, exit codes.
 *
 * `weir <noun> <verb>` for people, `weir run <role>` for services. Data to stdout, words to
 * stderr; --json is stable. A command is one row of a table. Ref: style.md 9, operators.md 1.1.
 */
#ifndef WEIR_CLI_H
#define WEIR_CLI_H
#include <stdbool.h>
#include <stddef.h>

#include "common/conf.h"

/* log.level, run.parent_pid; cli_main adds it to every table list */
extern const struct opt cli_opts[];

enum cli_exit {
    CLI_DONE = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,
    CLI_CONFIGURATION = 3,
    CLI_UNREACHABLE = 4, /* a dependency does not answer */
    CLI_REFUSED = 5,     /* no permission, or a condition forbids it */
    CLI_PARTLY = 6,
    CLI_INTERRUPTED = 130,
};

struct cli; /* one run of one command; opaque */

struct cli_flag {
    const char *name;  /* without dashes; NULL ends the list */
    const char *value; /* what it takes ("GUID"); NULL: it is a switch */
    const char *help;
    bool required;
};

struct cli_command {
    const char *noun;     /* "tenant" */
    const char *verb;     /* "opt-in"; for `run` the role; NULL: the noun alone, as in `doctor` */
    const char *argument; /* one positional argument ("ID"); NULL: none */
    const char *second;   /* a second one behind it, as needed; NULL: none */
    const char *summary;  /* half a sentence for the list */
    const char *example;  /* the first line of its help */
    const struct cli_flag *flags;
    int (*run)(struct cli *cli); /* returns an exit code */
};

/*
 * cli_main - find the command, read flags and configuration, run it.
 *
 * commands  NULL-terminated; each is exported by the file that does it as <noun>_<verb>_command.
 *           tables as in conf_load
 *
 * Every command also knows --help, --json, --quiet, --config FILE and --<option>=<value> for each
 * row of the tables. A word near a known one is suggested. `weir help`, `weir --version` and the
 * hidden `weir config document PAGE` (cli_document) need no configuration.
 *
 * log_setup is done before the command runs: for `run` with the role and the level configured,
 * for people's commands from warnings on and to stderr, since their stdout is data.
 * SIGPIPE is ignored; what stdout refuses at the end is an error unless its reader has left.
 * Returns the exit code for main().
 */
int cli_main(int argc, char **argv, const struct cli_command *const *commands,
             const struct opt *const *tables);

const struct conf *cli_conf(const struct cli *cli);
struct arena *cli_arena(struct cli *cli);                      /* lives until the command returns */
bool cli_json(const struct cli *cli);                          /* --json was given */
const char *cli_flag(const struct cli *cli, const char *name); /* NULL: not given; switch: "" */
const char *cli_argument(const struct cli *cli);               /* NULL: none given */
const char *cli_second(const struct cli *cli);                 /* NULL: the command has none */
const char *cli_config(const struct cli *cli);  /* --config's file; NULL: not given */
const char *cli_program(const struct cli *cli); /* path of this binary, absolute */

/* cli_say - a line of words on stderr, unless --quiet. Control characters but line ends are made
 * visible; cut at 2,000 bytes. */
void cli_say(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* cli_fail - prints "weir: <text>" (with the code when --json: {"error":{"code","message"}} on
 * stdout) and returns the exit code that fits: conf.*, *.conf and *.mode (a setting that is no good
 * after all) 3; fetch/db/bus connect errors (codes ending in ".connect") 4; codes starting
 * "refused." or ".forbidden" 5; "usage." 2; else 1. */
int cli_fail(const struct cli *cli, struct err e);

/* cli_table - rows of text under headings, columns aligned; for people. */
struct cli_table {
    const char *const *headings; /* NULL-terminated */
    const char *const *cells;    /* rows x columns, row by row; NULL prints as "-" */
    size_t rows;
};
void cli_table(const struct cli_table *t);

/* cli_command_name - "tenant opt-in" or "doctor", into text of `size` bytes; returns text. */
const char *cli_command_name(const struct cli_command *c, char *text, size_t size);

/* cli_exit_meaning - half a sentence; NULL: no exit code of ours. */
const char *cli_exit_meaning(int code);

/* cli_document_comment - a sentence as a comment of YAML on stdout, behind what leads to it; broken
 * before column 100. */
void cli_document_comment(const char *lead, const char *text);

/* cli_document - one page of the manual on stdout, for make docs: "commands", "settings",
 * "exit-codes" and "metrics" in Markdown, "man" as a page for man(1), "weir.yaml" as the
 * configuration with every setting commented out at its default. False: there is no such page. In
 * cli_document.c. */
bool cli_document(const char *page, const struct cli_command *const *commands,
                  const struct opt *const *tables);

#endif
