/*
 * params_command.h: `weir params show|check|diff|document`: the parameters of the correlator for
 * people at a terminal.
 */
#ifndef WEIR_PARAMS_COMMAND_H
#define WEIR_PARAMS_COMMAND_H
#include "common/cli.h"

extern const struct cli_command params_show_command;
extern const struct cli_command params_check_command;
extern const struct cli_command params_diff_command;
extern const struct cli_command params_document_command;

#endif
