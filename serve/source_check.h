/* source_check.h: weir source check: would a worker get a tenant's alerts? */
#ifndef WEIR_SOURCE_CHECK_H
#define WEIR_SOURCE_CHECK_H
#include "common/cli.h"

extern const struct cli_command source_check_command;

#endif
