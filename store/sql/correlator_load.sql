-- correlator_load: how far the tenant's own time has come; the newest incident and change.
-- returns one row; watermark_s null: nothing was correlated yet
select c.watermark_s, c.jump_day, c.jump_alerts, c.days_told, c.next_seq,
       (select max(id) from tenant.incident), (select max(updated) from tenant.incident)
  from (values (true)) as always (one) left join tenant.correlator c using (one);
