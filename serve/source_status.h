/* source_status.h: weir source status: how each source of each tenant is doing. */
#ifndef WEIR_SERVE_SOURCE_STATUS_H
#define WEIR_SERVE_SOURCE_STATUS_H
#include "common/cli.h"

extern const struct cli_command source_status_command;

#endif
