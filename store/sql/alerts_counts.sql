-- alerts_counts: how much of what there is.
select (select count(*) from tenant.alert), (select count(*) from tenant.mail_record),
       (select count(*) from tenant.dead), (select count(*) from tenant.ignored),
       (select count(*) from tenant.incident), (select count(*) from tenant.comment);
