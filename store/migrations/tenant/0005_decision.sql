-- What people decided, each request once: its id keeps a repeat from being applied again, and tells
-- whoever asked what became of it. When an incident becomes part of another, its comments and its
-- history are copied there; origin says where they were written. Times as in 0001.

create table tenant.decision (
    id text primary key,         -- GUID of the request
    at bigint not null,          -- when it was decided, as the log says
    kind text not null,          -- update, merge, move, split, free, parameters
    incident_id bigint not null, -- 0: none
    result_id bigint not null,   -- the incident to look at afterwards; 0: none
    outcome text not null,       -- applied, or the code of what was against it
    detail text                  -- the sentence that goes with it
);
alter table tenant.decision
    alter id set statistics 0, alter detail set statistics 0;

alter table tenant.comment add column origin bigint;  -- null: here
alter table tenant.activity add column origin bigint; -- null: here
