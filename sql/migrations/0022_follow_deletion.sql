-- What hangs on a lesson goes with it and comes back with it, whoever deletes it: no door can forget one of its tables.

create function app.follow_deletion() returns trigger
language plpgsql
as $$
begin
  -- Of a thousand rows, too, in one look over each table: a join might compare each row with each other one.
  if not exists (
    select organization_id, content_id, deletion_id from new_rows
    except select organization_id, content_id, deletion_id from old_rows
  ) then
    return null;
  end if;
  -- What was deleted before has a mark of its own, by which the second statement leaves it alone.
  execute format(
    'update %1$s f
     set deleted_at = n.deleted_at, deleted_by_id = n.deleted_by_id, deletion_id = n.deletion_id
     from new_rows n join old_rows o using (organization_id, content_id)
     where o.deletion_id is null and n.deletion_id is not null
       and f.organization_id = n.organization_id and f.content_id = n.content_id and f.deletion_id is null', tg_argv[0]);
  execute format(
    'update %1$s f
     set deleted_at = null, deleted_by_id = null, deletion_id = null
     from new_rows n join old_rows o using (organization_id, content_id)
     where o.deletion_id is not null and n.deletion_id is null
       and f.organization_id = o.organization_id and f.content_id = o.content_id and f.deletion_id = o.deletion_id', tg_argv[0]);
  return null;
end
$$;
comment on function app.follow_deletion() is
  'Deletes and restores the rows of the table it names with the lessons they belong to, under the same mark.';
grant execute on function app.follow_deletion() to satchel_request;

-- For tables with content_id and the columns of template.soft_delete; call it beside the table.
create procedure app.follow_deletion_of_content(follower regclass)
language plpgsql
as $$
begin
  execute format(
    'create trigger %I after update on app.content referencing old table as old_rows new table as new_rows
       for each statement execute function app.follow_deletion(%L)',
    'deletion_' || (select relname from pg_class where oid = follower), follower::text);
end
$$;
