-- settings_load: sealed settings.
select name, sealed from tenant.setting order by name;
