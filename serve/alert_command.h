/*
 * alert_command.h: `weir alert export`: a tenant's alerts as the correlator sees them.
 */
#ifndef WEIR_ALERT_COMMAND_H
#define WEIR_ALERT_COMMAND_H
#include "common/cli.h"

extern const struct cli_command alert_export_command;

#endif
