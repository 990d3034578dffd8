-- alerts_dead_list: newest first; the document only of one that is asked for by its id.
-- $1 native_id text (null: all), $2 most int8
select source, native_id, sha256, received, reason, detail,
       case when $1::text is not null then sealed end, at
  from tenant.dead where $1::text is null or native_id = $1::text
 order by at desc, source, native_id, sha256
 limit $2::int8;
