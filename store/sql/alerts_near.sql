-- alerts_near: what late alerts may meet: alerts of incidents whose activity touches a time, newest
-- first.
-- $1 from int8, $2 before int8: the incident's last activity; $3 to int8: its first; $4 most int8
select m.incident_id, a.keys
  from tenant.incident i
  join tenant.membership m on m.incident_id = i.id
  join tenant.alert a on a.source = m.source and a.native_id = m.native_id
 where i.redirect_to is null and i.last_activity >= $1::int8 and i.last_activity < $2::int8
   and i.first_activity <= $3::int8
 order by a.last_activity desc, a.source, a.native_id
 limit $4::int8;
