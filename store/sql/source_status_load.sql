-- source_status_load: how each source is doing.
select source, asked, tried, succeeded, newest, clock_ahead, code, sealed, alerts, requests, quota, updated
  from tenant.source_status
 order by source;
