-- incidents_carry: before incidents become part of others: comments, history and tags go along.
-- Those that were part of another before are left alone: theirs went along then.
-- $1 incident ids int8[], $2 what each becomes part of int8[]
with pair as (
    select p.from_id, p.into_id
      from unnest($1::int8[], $2::int8[]) as p (from_id, into_id)
      join tenant.incident i on i.id = p.from_id and i.redirect_to is null
), comments as (
    insert into tenant.comment (incident_id, text, by, at, origin)
    select p.into_id, c.text, c.by, c.at, coalesce(c.origin, c.incident_id)
      from pair p join tenant.comment c on c.incident_id = p.from_id
     order by p.from_id, c.at, c.seq
), history as (
    insert into tenant.activity (incident_id, at, what, by, detail, origin)
    select p.into_id, a.at, a.what, a.by, a.detail, coalesce(a.origin, a.incident_id)
      from pair p join tenant.activity a on a.incident_id = p.from_id
     order by p.from_id, a.at, a.seq
)
update tenant.incident i
   set tags = i.tags || more.tags
  from (select p.into_id, array_agg(distinct t.tag order by t.tag) as tags
          from pair p
          join tenant.incident f on f.id = p.from_id
          join tenant.incident s on s.id = p.into_id
          cross join unnest(f.tags) as t (tag)
         where t.tag <> all (s.tags)
         group by p.into_id) as more
 where i.id = more.into_id;
