-- incidents_upsert: new or changed incidents, as arrays of one length. The correlator is the truth
-- of all columns but tags, which it does not know and which are left alone; without a digest of
-- parameters the stored one stays, too. Repeating it changes nothing.
-- $1 id int8[], $2 version int8[], $3 redirect_to int8[], $4 name text[], $5 first_name text[],
-- $6 severity int4[], $7 status text[], $8 classification int4[], $9 determination int4[],
-- $10 assigned_to text[], $11 tags text[], $12 stage_score int4[], $13 tactics int4[],
-- $14 sources int4[], $15 alerts int4[], $16 users int4[], $17 devices int4[],
-- $18 created int8[], $19 updated int8[], $20 first_activity int8[], $21 last_activity int8[],
-- $22 entities text[], $23 params text[], $24 worked int4[]
-- redirect_to 0 is none; tags and entities are array literals; worked is 0 or 1
insert into tenant.incident as i (
    id, version, redirect_to, name, first_name, severity, status, classification, determination,
    assigned_to, tags, stage_score, tactics, sources, alerts, users, devices, created, updated,
    first_activity, last_activity, entities, params, worked)
select
    u.id, u.version, nullif(u.redirect_to, 0), u.name, u.first_name, u.severity, u.status,
    u.classification, u.determination, u.assigned_to, u.tags::text[], u.stage_score, u.tactics,
    u.sources, u.alerts, u.users, u.devices, u.created, u.updated, u.first_activity,
    u.last_activity, u.entities::text[], u.params, u.worked <> 0
from unnest(
    $1::int8[], $2::int8[], $3::int8[], $4::text[], $5::text[], $6::int4[], $7::text[],
    $8::int4[], $9::int4[], $10::text[], $11::text[], $12::int4[], $13::int4[], $14::int4[],
    $15::int4[], $16::int4[], $17::int4[], $18::int8[], $19::int8[], $20::int8[], $21::int8[],
    $22::text[], $23::text[], $24::int4[])
  as u (
    id, version, redirect_to, name, first_name, severity, status, classification, determination,
    assigned_to, tags, stage_score, tactics, sources, alerts, users, devices, created, updated,
    first_activity, last_activity, entities, params, worked)
order by u.id
on conflict (id) do update set
    version = excluded.version, redirect_to = excluded.redirect_to, name = excluded.name,
    severity = excluded.severity, stage_score = excluded.stage_score,
    tactics = excluded.tactics, sources = excluded.sources, alerts = excluded.alerts,
    users = excluded.users, devices = excluded.devices, updated = excluded.updated,
    first_activity = excluded.first_activity, last_activity = excluded.last_activity,
    entities = excluded.entities,
    status = excluded.status, classification = excluded.classification,
    determination = excluded.determination, assigned_to = excluded.assigned_to,
    params = coalesce(excluded.params, i.params), worked = excluded.worked;
