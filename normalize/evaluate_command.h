/*
 * evaluate_command.h: how good the correlator is on somebody's own labelled history,
 * `weir evaluate`.
 */
#ifndef WEIR_EVALUATE_COMMAND_H
#define WEIR_EVALUATE_COMMAND_H
#include "common/cli.h"

extern const struct cli_command evaluate_command;

#endif
