-- incidents_tags: all tags of an incident from now on. Its version is the correlator's to raise.
-- $1 id int8, $2 tags text[]
update tenant.incident set tags = $2::text[] where id = $1::int8;
