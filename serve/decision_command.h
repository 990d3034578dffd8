/*
 * decision_command.h: weir incident close, reopen, assign, comment, tag, merge, move, split, unpin;
 * weir params apply.
 */
#ifndef WEIR_DECISION_COMMAND_H
#define WEIR_DECISION_COMMAND_H
#include "common/cli.h"

extern const struct cli_command incident_close_command, incident_reopen_command,
    incident_assign_command, incident_comment_command, incident_tag_command, incident_merge_command,
    incident_move_command, incident_split_command, incident_unpin_command, params_apply_command;

#endif
