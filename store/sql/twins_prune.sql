-- twins_prune: documents that came before a time and have no mate are not waited with any longer.
-- $1 received before int8
delete from tenant.identity_twin where mate is null and received < $1::int8;
