-- Records a lock of a login, or its end.
-- returns: count
-- scope: tenant
-- nullable: :user_id, :locked_until
insert into app.security_event (organization_id, kind, door, user_id, known_device, attempts, locked_until)
values (:organization_id, :kind, :door, :user_id, :known_device, :attempts, :locked_until)
