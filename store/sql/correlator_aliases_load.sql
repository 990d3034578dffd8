-- correlator_aliases_load: all names that were met together.
select type, a, b from tenant.identity_alias;
