/*
 * correlate.h: the correlator offline, `weir correlate`.
 */
#ifndef WEIR_CORRELATE_H
#define WEIR_CORRELATE_H
#include "common/cli.h"

extern const struct cli_command correlate_command;

#endif
