/*
 * run_all.h: weir run all: one worker of each role for each region, kept running.
 */
#ifndef WEIR_RUN_ALL_H
#define WEIR_RUN_ALL_H
#include "common/cli.h"

extern const struct cli_command run_all_command;

#endif
