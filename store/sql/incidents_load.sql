-- incidents_load: what the correlator restores.
select id, version, redirect_to, name, first_name from tenant.incident order by id;
