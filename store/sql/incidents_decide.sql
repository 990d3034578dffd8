-- incidents_decide: what a person decided; null (-1 of the numbers) leaves a column alone.
-- $1 id int8, $2 version int8, $3 time int8, $4 status text, $5 assigned_to text ('' nobody),
-- $6 classification int4, $7 determination int4, $8 tags text[]
-- returns id, updated
update tenant.incident
   set version = $2::int8,
       updated = greatest($3::int8, (select max(n.updated) + 1 from tenant.incident n)),
       status = coalesce($4::text, status),
       assigned_to = case when $5::text is null then assigned_to else nullif($5::text, '') end,
       classification = case when $6::int4 < 0 then classification else $6::int4 end,
       determination = case when $7::int4 < 0 then determination else $7::int4 end,
       tags = coalesce($8::text[], tags)
 where id = $1::int8
returning id, updated;
