-- cursors_load: where each source goes on.
select source, sealed, updated from tenant.cursor order by source;
