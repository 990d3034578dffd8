-- incidents_related_of: strongest first.
-- $1 incident id int8
select a, b, score, why from tenant.related
 where a = $1::int8 or b = $1::int8
 order by score desc, a, b;
