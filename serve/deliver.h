/*
 * deliver.h: the worker that sends incident events to Kafka.
 */
#ifndef WEIR_DELIVER_H
#define WEIR_DELIVER_H
#include "common/cli.h"

extern const struct opt deliver_opts[];
extern const struct cli_command run_deliver_command;

#endif
