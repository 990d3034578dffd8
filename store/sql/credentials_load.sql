-- credentials_load: sealed credentials of the sources.
select source, sealed, 0::int8 from tenant.credential order by source;
