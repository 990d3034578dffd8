-- The schema of one tenant epoch. Stand-alone tables, made without a row in the same transaction
-- (erasure.md R1, R2); statistics target 0 on every content column (R4). Times are bigint, 100 ns
-- since 1970 UTC. Sources are their numbers: 1 endpoint, 2 mail, 3 apps, 4 identity.

create schema tenant;

create table tenant.alert (
    source int2 not null,
    native_id text not null,
    version bigint not null,
    received bigint not null,
    sha256 bytea not null,
    id text not null,
    provider_alert_id text,
    title text not null,
    description text,
    recommended_actions text,
    web_url text,
    category text not null,
    tactics int not null, -- mask: bit 0 reconnaissance .. 12 impact
    severity int2 not null,
    status int2 not null,
    classification int2 not null,
    determination int2 not null,
    service int not null,
    detection int not null,
    detector_id text,
    detector text not null,
    investigation_id text,
    investigation_state text,
    assigned_to text,
    threat_name text,
    threat_family text,
    actor text,
    policy_id text,
    native_incident_id text,
    techniques text[],
    created bigint not null,
    first_activity bigint not null,
    last_activity bigint not null,
    updated bigint not null,
    resolved bigint,
    comments text,   -- JSON
    additional text, -- JSON
    raw_words text,  -- JSON
    evidence text compression lz4, -- JSON, as it is served
    raw bytea,  -- sealed; null for mail, whose documents are in mail_record
    keys bytea, -- what it can share with others, packed
    leads int not null,
    primary key (source, native_id)
);
create index alert_id on tenant.alert (id);
create index alert_last_activity on tenant.alert (last_activity);
alter table tenant.alert
    alter raw set storage external, -- encrypted bytes do not shrink
    alter native_id set statistics 0, alter sha256 set statistics 0, alter id set statistics 0,
    alter provider_alert_id set statistics 0, alter title set statistics 0,
    alter description set statistics 0, alter recommended_actions set statistics 0,
    alter web_url set statistics 0, alter category set statistics 0,
    alter detector_id set statistics 0, alter detector set statistics 0,
    alter investigation_id set statistics 0, alter investigation_state set statistics 0,
    alter assigned_to set statistics 0, alter threat_name set statistics 0,
    alter threat_family set statistics 0, alter actor set statistics 0,
    alter policy_id set statistics 0, alter native_incident_id set statistics 0,
    alter techniques set statistics 0, alter comments set statistics 0,
    alter additional set statistics 0, alter raw_words set statistics 0,
    alter evidence set statistics 0, alter raw set statistics 0, alter keys set statistics 0;

create table tenant.incident (
    id bigint primary key,
    version bigint not null,
    redirect_to bigint, -- null: live
    name text not null,
    first_name text not null,
    severity int2 not null,
    status text not null, -- active, resolved, redirected
    classification int2 not null,
    determination int2 not null,
    assigned_to text,
    tags text[] not null,
    stage_score int not null,
    tactics int not null,
    sources int not null, -- mask: bit source number
    alerts int not null,
    users int not null,
    devices int not null,
    created bigint not null,
    updated bigint not null, -- strictly increasing within the tenant
    first_activity bigint not null,
    last_activity bigint not null,
    entities text[] not null -- what people search by
);
create index incident_updated on tenant.incident (updated);
create index incident_entities on tenant.incident using gin (entities);
alter table tenant.incident
    alter name set statistics 0, alter first_name set statistics 0,
    alter assigned_to set statistics 0, alter tags set statistics 0, alter entities set statistics 0;

create table tenant.membership (
    source int2 not null,
    native_id text not null,
    incident_id bigint not null,
    primary key (source, native_id)
);
create index membership_incident on tenant.membership (incident_id);
alter table tenant.membership alter native_id set statistics 0;

create table tenant.link (
    source int2 not null,
    native_id text not null,
    partner_source int2, -- null: it opened the incident
    partner_id text,
    incident_id bigint not null,
    score int not null,
    reason text not null, -- JSON
    at bigint not null,
    primary key (source, native_id)
);
alter table tenant.link
    alter native_id set statistics 0, alter partner_id set statistics 0,
    alter reason set compression lz4, alter reason set statistics 0;

create table tenant.related (
    a bigint not null,
    b bigint not null check (a < b),
    score int not null,
    why text not null,
    primary key (a, b)
);
create index related_b on tenant.related (b);

create table tenant.comment (
    incident_id bigint not null,
    seq bigint generated always as identity,
    text text not null,
    by text not null,
    at bigint not null,
    primary key (incident_id, seq)
);
alter table tenant.comment alter text set statistics 0, alter by set statistics 0;

create table tenant.activity (
    seq bigint generated always as identity primary key,
    incident_id bigint,
    at bigint not null,
    what text not null,
    by text not null,
    detail text -- JSON
);
create index activity_incident on tenant.activity (incident_id);
alter table tenant.activity
    alter what set statistics 0, alter by set statistics 0, alter detail set statistics 0;

create table tenant.cursor (
    source int2 primary key,
    sealed bytea not null,
    updated bigint not null
);
alter table tenant.cursor alter sealed set statistics 0;

create table tenant.credential (
    source int2 primary key,
    sealed bytea not null
);
alter table tenant.credential alter sealed set statistics 0;

create table tenant.setting (
    name text primary key,
    sealed bytea not null
);
alter table tenant.setting alter sealed set statistics 0;

create table tenant.dead (
    source int2 not null,
    native_id text not null,
    sha256 bytea not null,
    received bigint not null,
    reason text not null,
    detail text not null,
    sealed bytea,
    at bigint not null,
    primary key (source, native_id, sha256)
);
create index dead_at on tenant.dead (at);
alter table tenant.dead
    alter sealed set storage external, alter native_id set statistics 0,
    alter sha256 set statistics 0, alter detail set statistics 0, alter sealed set statistics 0;

create table tenant.ignored (
    source int2 not null,
    native_id text not null,
    reason text not null,
    received bigint not null,
    primary key (source, native_id)
);
alter table tenant.ignored alter native_id set statistics 0;

create table tenant.mail_record (
    record_id text not null,
    alert_id text not null,
    version bigint not null,
    received bigint not null,
    sha256 bytea not null,
    sealed bytea not null,
    primary key (alert_id, record_id) -- one record id is met in several alerts
);
alter table tenant.mail_record
    alter sealed set storage external, alter record_id set statistics 0,
    alter alert_id set statistics 0, alter sha256 set statistics 0, alter sealed set statistics 0;
