/*
 * client_command.h: `weir client create|list|disable`: who may have a token from us.
 */
#ifndef WEIR_CLIENT_COMMAND_H
#define WEIR_CLIENT_COMMAND_H
#include "common/cli.h"

extern const struct cli_command client_create_command;
extern const struct cli_command client_list_command;
extern const struct cli_command client_disable_command;

#endif
