/*
 * api.h: weir run api: HTTP for a region's tenants: tokens, incidents, metrics and health.
 */
#ifndef WEIR_API_H
#define WEIR_API_H
#include "common/cli.h"
#include "common/conf.h"

extern const struct opt api_opts[]; /* api.*, region.*.api_port */

extern const struct cli_command run_api_command;

#endif
