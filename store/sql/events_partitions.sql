-- events_partitions: partitions that hold events not delivered yet, in order.
select distinct partition from event order by partition;
