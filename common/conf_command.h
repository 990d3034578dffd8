/*
 * conf_command.h: weir config show.
 */
#ifndef WEIR_CONF_COMMAND_H
#define WEIR_CONF_COMMAND_H
#include "common/cli.h"

extern const struct cli_command config_show_command;

#endif
