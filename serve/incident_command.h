/*
 * incident_command.h: `weir incident list|show|explain|why-not`: incidents for people at a
 * terminal.
 */
#ifndef WEIR_INCIDENT_COMMAND_H
#define WEIR_INCIDENT_COMMAND_H
#include "common/cli.h"

extern const struct cli_command incident_list_command;
extern const struct cli_command incident_show_command;
extern const struct cli_command incident_explain_command;
extern const struct cli_command incident_why_not_command;

#endif
