-- Control database: who is a tenant and what was promised; no content. Names are sealed, a
-- directory id is its HMAC. Times are bigint, 100 ns since 1970 UTC. Ref: design.md 6 and 7.

create table directory (
    directory_hmac bytea primary key,
    epochs int not null,              -- opt-ins so far
    last_incident_id bigint not null  -- ids go on counting after a new opt-in
);

create table tenant (
    oid bytea primary key check (length(oid) = 16),
    epoch int not null,
    directory_hmac bytea not null references directory,
    directory bytea, -- sealed; null when purged
    name bytea,      -- sealed; null when purged
    region text not null,
    shard int not null,
    state text not null check (state in ('provisioning', 'active', 'suspended', 'purging', 'purged')),
    sources int not null, -- mask: bit source number
    identity_channel int not null,
    settings_version bigint not null,
    created bigint not null,
    changed bigint not null,
    unique (directory_hmac, epoch)
);
create unique index tenant_living on tenant (directory_hmac) where state <> 'purged';

create table consent (
    oid bytea not null references tenant,
    version text not null, -- of the text that was agreed to
    by bytea,              -- sealed
    role text not null,
    at bigint not null,
    primary key (oid, at)
);

create table purge (
    id uuid primary key,
    oid bytea not null unique references tenant,
    epoch int not null,
    region text not null,
    requested_at bigint not null,
    requested_by text not null, -- role
    state text not null check (state in ('running', 'done')),
    finished_at bigint
);

create table purge_step (
    purge_id uuid not null references purge,
    step text not null,
    at bigint not null,
    evidence text not null, -- JSON
    primary key (purge_id, step)
);

create table client (
    client_id text primary key,
    directory_hmac bytea not null,
    oid bytea,
    name text not null,
    secret_sha256 bytea not null, -- SHA-256(salt, secret)
    salt bytea not null,
    roles text[] not null,
    created bigint not null,
    disabled boolean not null
);
create index client_directory on client (directory_hmac);

create table token_key (
    kid text primary key,
    private_pem bytea not null,
    public_pem bytea not null,
    created bigint not null
);

create table audit (
    seq bigint generated always as identity primary key,
    at bigint not null,
    actor text not null,
    action text not null,
    oid bytea,
    epoch int,
    detail text
);
create index audit_oid on audit (oid);
