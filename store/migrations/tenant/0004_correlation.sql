-- What the correlator remembers beside alerts and incidents, so that a worker that takes a tenant
-- over goes on where the last one stopped. Written by normalize, in its transaction. Times of data
-- are seconds or days since 1970 UTC where their name says so, else 100 ns as in 0001.

-- One row: how far the tenant's own time has come.
create table tenant.correlator (
    one boolean primary key default true check (one),
    watermark_s bigint,          -- largest created that is believed; null: none yet
    jump_day int not null,       -- a day that alerts jumped to, not yet believed
    jump_alerts int not null,    -- how many did
    days_told int not null,      -- days before are closed and in key_day
    next_seq bigint not null     -- place of the next alert among the tenant's
);

-- How ordinary values have been: closed days only, each written once. A part holds many values with
-- whom they were met, packed: rows of their own would be most of a tenant's rows.
create table tenant.key_day (
    day int not null,
    part int not null,
    keys int not null, -- how many are in the part
    packed bytea compression lz4 not null,
    primary key (day, part)
);
alter table tenant.key_day alter packed set statistics 0;

-- Names of one user or device that were met together. No index: read as a whole, each pair once.
create table tenant.identity_alias (
    type int2 not null, -- 0 user, 1 device
    a text not null,
    b text not null
);
alter table tenant.identity_alias alter a set statistics 0, alter b set statistics 0;

-- A person put the alert where it is (together), or keeps it apart from an incident.
create table tenant.pin (
    source int2 not null,
    native_id text not null,
    incident_id bigint not null,
    together boolean not null,
    primary key (source, native_id, incident_id)
);
create index pin_incident on tenant.pin (incident_id);
alter table tenant.pin alter native_id set statistics 0;

-- Where an alert was before a merge or a person moved it: membership says only where it is.
create table tenant.membership_log (
    seq bigint generated always as identity primary key,
    source int2 not null,
    native_id text not null,
    incident_id bigint not null, -- where it left
    at bigint not null
);
create index membership_log_incident on tenant.membership_log (incident_id);
alter table tenant.membership_log alter native_id set statistics 0;

-- Where a large incident would come apart first: a suggestion for people.
create table tenant.split (
    incident_id bigint primary key,
    a_source int2 not null, -- the two alerts that hold it together
    a_id text not null,
    b_source int2 not null,
    b_id text not null,
    score int not null,
    a_alerts int not null, -- how many are on either side
    b_alerts int not null,
    at bigint not null
);
alter table tenant.split alter a_id set statistics 0, alter b_id set statistics 0;

alter table tenant.incident
    add column params text,                           -- digest of the parameters it was made under
    add column worked boolean not null default false; -- a person commented or tagged it
alter table tenant.incident alter params set statistics 0;
create index incident_redirect on tenant.incident (redirect_to) where redirect_to is not null;
create index incident_live on tenant.incident (last_activity) where redirect_to is null;
