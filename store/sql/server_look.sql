-- server_look: which server this is, and its clock.
-- returns one row: version as 150004, time in 100 ns since 1970
select current_setting('server_version_num')::int8,
       (extract(epoch from clock_timestamp()) * 10000000)::int8;
