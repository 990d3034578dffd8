-- events_notify: wakes deliver when the transaction commits; no payload, so nothing can leak.
select pg_notify('weir_event', '');
