-- correlator_save: how far the tenant's own time has come.
-- $1 watermark_s int8, $2 jump_day int4, $3 jump_alerts int4, $4 days_told int4, $5 next_seq int8
insert into tenant.correlator as c (watermark_s, jump_day, jump_alerts, days_told, next_seq)
values ($1::int8, $2::int4, $3::int4, $4::int4, $5::int8)
on conflict (one) do update
   set watermark_s = excluded.watermark_s, jump_day = excluded.jump_day,
       jump_alerts = excluded.jump_alerts, days_told = excluded.days_told,
       next_seq = excluded.next_seq;
