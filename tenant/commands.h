/*
 * commands.h: `weir tenant list|show|opt-in|opt-out` and `weir purge status`, for staff.
 */
#ifndef WEIR_TENANT_COMMANDS_H
#define WEIR_TENANT_COMMANDS_H
#include "common/cli.h"

extern const struct cli_command tenant_list_command;
extern const struct cli_command tenant_show_command;
extern const struct cli_command tenant_opt_in_command;
extern const struct cli_command tenant_opt_out_command;
extern const struct cli_command purge_status_command;

#endif
