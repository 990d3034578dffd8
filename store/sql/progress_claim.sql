-- progress_claim: a partition's new owner; each claim raises the epoch.
-- $1 consumer text, $2 topic text, $3 part int4, $4 owner text
-- returns epoch, next_offset (-2: nothing was consumed yet)
insert into progress as p (consumer, topic, part, next_offset, epoch, owner)
values ($1::text, $2::text, $3::int4, -2, 1, $4::text)
on conflict (consumer, topic, part) do update set epoch = p.epoch + 1, owner = excluded.owner
returning epoch, next_offset;
