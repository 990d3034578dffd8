/*
 * weir.c: the tables of commands and settings, one row each, nothing else.
 */
#include <stddef.h>

#include "common/cli.h"
#include "common/conf_command.h"
#include "common/health.h"
#include "normalize/correlate.h"

static const struct cli_command *const commands[] = {
    &config_show_command,
    &correlate_command,
    NULL,
};

static const struct opt *const tables[] = {
    health_opts,
    NULL,
};

int
main(int argc, char **argv)
{
    return cli_main(argc, argv, commands, tables);
}
