/*
 * cli_help.h: the help of commands, made from their table.
 */
#ifndef WEIR_CLI_HELP_H
#define WEIR_CLI_HELP_H
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/cli.h"

enum { CLI_FLAGS_MAX = 24 }; /* of one command */

/* cli_help_all - every noun with its verbs. */
void cli_help_all(FILE *out, const struct cli_command *const *commands);

/* cli_help_noun - the verbs of one noun. */
void cli_help_noun(FILE *out, const struct cli_command *const *commands, const char *noun);

/* cli_help_command - first an example, last the exit codes. */
void cli_help_command(FILE *out, const struct cli_command *c);

/* cli_help_usage - "weir tenant show ID --tenant GUID [--dry-run]", no newline. */
void cli_help_usage(FILE *out, const struct cli_command *c);

/* cli_help_flag - the i-th flag that every command knows, as written, and what it does. False:
 * there are no more. */
bool cli_help_flag(size_t i, const char **flag, const char **help);

#endif
