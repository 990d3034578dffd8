-- tenants_set_settings: switches of a tenant; every call raises the settings version.
-- $1 oid bytea, $2 sources int4 (-1 alone), $3 identity channel int4 (-1 alone)
-- returns settings_version
update tenant
   set sources = case when $2::int4 < 0 then sources else $2::int4 end,
       identity_channel = case when $3::int4 < 0 then identity_channel else $3::int4 end,
       settings_version = settings_version + 1
 where oid = $1::bytea
returning settings_version;
