-- progress_beat: this worker lives.
-- $1 name text, $2 role text, $3 claims text, $4 seen int8
insert into worker (name, role, claims, seen) values ($1::text, $2::text, $3::text, $4::int8)
on conflict (name) do update set role = excluded.role, claims = excluded.claims, seen = excluded.seen;
