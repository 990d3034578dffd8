/*
 * normalize.h: the worker that turns raw alerts into incidents.
 */
#ifndef WEIR_NORMALIZE_H
#define WEIR_NORMALIZE_H
#include "common/cli.h"

extern const struct opt normalize_opts[];
extern const struct cli_command run_normalize_command;

#endif
