-- twins_near: what is kept of documents at hand, and of all of the same detection that are near
-- them, or near where they were before; and what is stored of each as an alert.
-- $1 source int4[], $2 native_id text[], $3 detection text[], $4 moment int8[] (a key may stand in
-- them more than once), $5 how near int8, $6 most rows int8
-- returns those at hand first, then their mates, then the others, each by its key
with hand as (
    select distinct u.source::int2 as source, u.native_id, u.detection, u.moment
      from unnest($1::int4[], $2::text[], $3::text[], $4::int8[])
        as u (source, native_id, detection, moment)
), place as (
    select h.detection, h.moment from hand h
     union
    select t.detection, t.moment
      from hand h
      join tenant.identity_twin t on t.source = h.source and t.native_id = h.native_id
), found as (
    select h.source, h.native_id, 0 as turn from hand h
     union all
    select t.source, t.native_id, case when t.mate = any ($2::text[]) then 1 else 2 end
      from place p
      join tenant.identity_twin t
        on t.detection = p.detection
       and t.moment between p.moment - $5::int8 and p.moment + $5::int8
), key as (
    select source, native_id, min(turn) as turn from found group by source, native_id
)
select k.source, k.native_id, t.version, t.received, t.sha256, t.detection, t.moment, t.mate,
       t.sealed, a.version, a.sha256
  from key k
  left join tenant.identity_twin t on t.source = k.source and t.native_id = k.native_id
  left join tenant.alert a on a.source = k.source and a.native_id = k.native_id
 where t.source is not null or a.source is not null
 order by k.turn, k.source, k.native_id
 limit $6::int8;
