/*
 * weir.c: the tables of commands and settings, one row each, nothing else.
 */
#include <assert.h>
#include <stddef.h>

#include "common/bus.h"
#include "common/cli.h"
#include "common/conf_command.h"
#include "common/fetch.h"
#include "common/health.h"
#include "common/seal.h"
#include "ingest/ingest.h"
#include "ingest/source.h"
#include "normalize/correlate.h"
#include "normalize/evaluate_command.h"
#include "normalize/normalize.h"
#include "schemas/commands.h"
#include "serve/alert_command.h"
#include "serve/api.h"
#include "serve/client_command.h"
#include "serve/decision_command.h"
#include "serve/deliver.h"
#include "serve/doctor.h"
#include "serve/incident_command.h"
#include "serve/params_command.h"
#include "serve/run_all.h"
#include "serve/source_check.h"
#include "serve/source_status.h"
#include "store/db.h"
#include "store/migrate.h"
#include "tenant/commands.h"
#include "tenant/directory.h"
#include "tenant/purge.h"

static const struct cli_command *const commands[] = {
    &config_show_command,      &correlate_command,
    &doctor_command,           &evaluate_command,
    &run_all_command,          &run_api_command,
    &run_broker_command,       &run_deliver_command,
    &topic_check_command,      &topic_create_command,
    &topic_delete_command,     &topic_list_command,
    &db_migrate_command,       &run_ingest_command,
    &run_normalize_command,    &run_purge_command,
    &incident_list_command,    &incident_show_command,
    &incident_explain_command, &incident_close_command,
    &incident_reopen_command,  &incident_assign_command,
    &incident_comment_command, &incident_tag_command,
    &incident_merge_command,   &incident_move_command,
    &incident_split_command,   &incident_unpin_command,
    &client_create_command,    &client_disable_command,
    &client_list_command,      &tenant_list_command,
    &tenant_show_command,      &tenant_opt_in_command,
    &tenant_opt_out_command,   &purge_status_command,
    &source_check_command,     &source_status_command,
    &alert_export_command,     &params_apply_command,
    &params_show_command,      &params_check_command,
    &params_diff_command,      &params_document_command,
    &incident_why_not_command, NULL,
};

static const struct opt *const tables[] = {
    health_opts, bus_opts,       fetch_opts,   seal_opts, db_opts, tenant_opts,
    ingest_opts, normalize_opts, deliver_opts, api_opts,  NULL,
};

enum { TABLES_MAX = 48 };

int
main(int argc, char **argv)
{
    const struct opt *all[TABLES_MAX] = {NULL}; /* those above, then each source's own */
    size_t n = 0;
    for (size_t i = 0; tables[i] != NULL; i++)
        all[n++] = tables[i];
    for (size_t i = 0; sources[i] != NULL; i++) {
        assert(n < TABLES_MAX - 1);
        if (sources[i]->opts != NULL)
            all[n++] = sources[i]->opts;
    }
    return cli_main(argc, argv, commands, all);
}
