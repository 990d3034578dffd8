/*
 * commands.h: the commands of the schemas stage, for the table in weir.c.
 */
#ifndef WEIR_SCHEMAS_COMMANDS_H
#define WEIR_SCHEMAS_COMMANDS_H
#include "common/cli.h"

extern const struct cli_command run_broker_command;   /* the demo broker */
extern const struct cli_command topic_create_command; /* topics of the regions, on a real Kafka */
extern const struct cli_command topic_list_command;
extern const struct cli_command topic_check_command;
extern const struct cli_command topic_delete_command;

#endif
