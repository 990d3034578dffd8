-- Region database, shared by all tenants: no content, oids only (erasure.md R9). Times are bigint,
-- 100 ns since 1970 UTC.

create table tenant_fence (
    oid bytea primary key check (length(oid) = 16),
    epoch int not null,
    state text not null
);

create table progress (
    consumer text not null,
    topic text not null,
    part int not null,
    next_offset bigint not null,
    epoch bigint not null, -- of the partition's owner; only its present owner knows it
    owner text not null,
    primary key (consumer, topic, part)
);

create table event (
    partition int not null,
    seq bigint generated always as identity,
    oid bytea not null,
    epoch int not null,
    incident_id bigint not null,
    version bigint not null,
    kind text not null,
    severity text not null,
    status text not null,
    alerts int not null,
    users int not null,
    devices int not null,
    sources int not null,
    created bigint not null,
    updated bigint not null,
    first_activity bigint not null,
    last_activity bigint not null,
    merged_into bigint,
    at bigint not null,
    primary key (partition, seq)
);
create index event_oid on event (oid);

create table worker (
    name text primary key,
    role text not null,
    claims text not null,
    seen bigint not null
);

-- weir_fence: raises TF001 unless each of the tenants is active in that epoch. The caller holds
-- their advisory locks, taken by an earlier statement (erasure.md 6).
create function weir_fence(oids bytea[], epochs int[]) returns void language plpgsql as $$
declare
    closed int;
begin
    select count(*) into closed
      from unnest(oids, epochs) as u(oid, epoch)
      left join tenant_fence f on f.oid = u.oid and f.epoch = u.epoch and f.state = 'active'
     where f.oid is null;
    if closed > 0 then
        raise exception 'fenced' using errcode = 'TF001';
    end if;
end $$;

-- weir_progress: raises TF002 unless each partition is still owned under that epoch.
create function weir_progress(in_consumer text, in_topic text, parts int[], offsets bigint[],
                              epochs bigint[]) returns void language plpgsql as $$
declare
    moved int;
begin
    update progress p
       set next_offset = u.next_offset
      from unnest(parts, offsets, epochs) as u(part, next_offset, epoch)
     where p.consumer = in_consumer and p.topic = in_topic and p.part = u.part
       and p.epoch = u.epoch and p.next_offset <= u.next_offset;
    get diagnostics moved = row_count;
    if moved <> cardinality(parts) then
        raise exception 'fenced partition' using errcode = 'TF002';
    end if;
end $$;

-- weir_drop_table, weir_drop_schema: of a tenant, and of nothing else.
create function weir_drop_table(in_schema text, in_table text) returns void language plpgsql as $$
begin
    if in_schema !~ '^t_[a-z2-7]{26}$' then
        raise exception 'not the schema of a tenant' using errcode = '22023';
    end if;
    if exists (select from pg_namespace where nspname = in_schema) then
        execute format('drop table if exists %I.%I', in_schema, in_table);
    end if;
end $$;

create function weir_drop_schema(in_schema text) returns void language plpgsql as $$
begin
    if in_schema !~ '^t_[a-z2-7]{26}$' then
        raise exception 'not the schema of a tenant' using errcode = '22023';
    end if;
    execute format('drop schema if exists %I', in_schema);
end $$;
