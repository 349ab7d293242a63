-- What hangs on a lesson goes with it and comes back with it, whoever deletes it: no door can forget one of its tables.

create function app.follow_deletion() returns trigger
language plpgsql
as $$
declare
  -- The lessons that are deleted now and were not, or the other way round.
  moved constant text :=
    'with moved as materialized (
       select organization_id, content_id, (array_agg(deleted_at) filter (where is_new))[1] as deleted_at,
         (array_agg(deleted_by_id) filter (where is_new))[1] as deleted_by_id,
         (array_agg(deletion_id) filter (where is_new))[1] as deletion_id,
         (array_agg(deletion_id) filter (where not is_new))[1] as was
       from (
         select true as is_new, organization_id, content_id, deleted_at, deleted_by_id, deletion_id from new_rows
         union all
         select false, organization_id, content_id, deleted_at, deleted_by_id, deletion_id from old_rows
       ) r
       group by organization_id, content_id
       having count(deletion_id) = 1
     ) ';
begin
  -- Of a thousand rows, too, in one look over each table: a join might compare each row with each other one.
  if not exists (
    select organization_id, content_id, deletion_id from new_rows
    except select organization_id, content_id, deletion_id from old_rows
  ) then
    return null;
  end if;
  -- What was deleted before has a mark of its own, by which the second statement leaves it alone.
  execute format(moved ||
    'update %s f
     set deleted_at = m.deleted_at, deleted_by_id = m.deleted_by_id, deletion_id = m.deletion_id
     from moved m
     where m.was is null and f.organization_id = m.organization_id and f.content_id = m.content_id
       and f.deletion_id is null', tg_argv[0]);
  execute format(moved ||
    'update %s f
     set deleted_at = null, deleted_by_id = null, deletion_id = null
     from moved m
     where m.was is not null and f.organization_id = m.organization_id and f.content_id = m.content_id
       and f.deletion_id = m.was', tg_argv[0]);
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
