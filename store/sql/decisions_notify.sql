-- decisions_notify: wakes who waits for this request when the transaction commits.
-- $1 id text: a GUID, nothing else
select pg_notify('weir_decision', $1::text);
