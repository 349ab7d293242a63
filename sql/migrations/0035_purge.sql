-- Removing a lesson for good, with all that hangs on it and what history has kept of its text.

-- Only a lesson of the entered organization that is deleted already; its caller holds it. At most so many rows at once and the
-- lesson, or one with twenty thousand comments would take longer than a statement may: it is called until it gives 0, which
-- it does once the lesson itself is gone. What refers to something goes before that, answers before what they answer.
create function app.purge_content(lesson uuid, at_most integer) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  organization uuid := app.org();
  part record;
  gone uuid[];
  touched integer;
  total integer := 0;
begin
  if at_most is null or at_most < 1 then
    raise exception 'at least one row must be removed at once' using errcode = 'invalid_parameter_value';
  end if;
  perform from app.content c where c.organization_id = organization and c.content_id = lesson;
  if not found then
    return 0;
  end if;
  perform from app.content c
  where c.organization_id = organization and c.content_id = lesson and c.deleted_at is not null;
  if not found then
    raise exception 'only a deleted lesson is removed for good' using errcode = 'object_not_in_prerequisite_state';
  end if;
  for part in
    select target, above, above_key, history_key, coalesce('order by ' || leaves_first, '') as leaves_first
    from (values
      -- The scores first, or each vote that goes would be taken off them.
      (1, 'comment_score', 'comment', 'comment_id', null, null),
      (2, 'comment_upvote', 'comment', 'comment_id', null, null),
      (3, 'comment_flag', 'comment', 'comment_id', null, null),
      (4, 'comment', null, null, 'comment_id', 't.path desc'),
      (5, 'helpful_vote', 'rating', 'rating_id', null, null),
      (6, 'rating', null, null, 'rating_id', null),
      (7, 'attachment', null, null, 'attachment_id', null),
      (8, 'completion', null, null, null, null),
      -- What is taken off the views is added to the tally.
      (9, 'content_view', null, null, null, null),
      (10, 'content_tally', null, null, null, null),
      (11, 'content_search', null, null, null, null),
      (12, 'publication', null, null, null, null),
      (13, 'publication_period', null, null, null, null),
      (14, 'review', null, null, 'review_id', null),
      (15, 'content_listing_tag', null, null, null, null),
      (16, 'content_listing', null, null, null, null),
      (17, 'content_version', null, null, null, null)
    ) p (place, target, above, above_key, history_key, leaves_first)
    order by place
  loop
    -- Which rows they are is asked before they are gone: history knows them by nothing else.
    if part.history_key is not null then
      execute format(
        'select array_agg(w.id) from (
           select t.%2$I as id from app.%1$I t where t.organization_id = $1 and t.content_id = $2 %3$s limit $3
         ) w', part.target, part.history_key, part.leaves_first)
        into gone using organization, lesson, at_most - total;
      execute format(
        'delete from app.%1$I t where t.organization_id = $1 and t.%2$I = any ($2)', part.target, part.history_key)
        using organization, gone;
      get diagnostics touched = row_count;
      delete from app.history h
      where h.organization_id = organization and h.table_name = part.target and h.row_id = any (gone);
    else
      execute format(
        'delete from app.%1$I where ctid = any (array(
           select t.ctid from app.%1$I t where t.organization_id = $1 and %2$s limit $3
         ))', part.target,
        case when part.above is null then 't.content_id = $2' else format(
          't.%2$I in (select a.%2$I from app.%1$I a where a.organization_id = $1 and a.content_id = $2)',
          part.above, part.above_key) end)
        using organization, lesson, at_most - total;
      get diagnostics touched = row_count;
    end if;
    total := total + touched;
    if total >= at_most then
      return total;
    end if;
  end loop;
  delete from app.content c where c.organization_id = organization and c.content_id = lesson;
  -- That it was written, changed and removed, when and by whom, is still told; the text is not.
  update app.history h set before = null, after = null
  where h.organization_id = organization and h.table_name = 'content' and h.row_id = lesson;
  return total + 1;
end
$$;
comment on function app.purge_content(uuid, integer) is
  'Removes, some rows at a time, a deleted lesson of the entered organization with all that hangs on it; gives how many it took.';
grant execute on function app.purge_content(uuid, integer) to satchel_request;
grant select, delete on app.content, app.content_version, app.publication, app.publication_period, app.review,
  app.content_listing, app.content_listing_tag, app.content_search, app.comment, app.comment_score, app.comment_upvote,
  app.comment_flag, app.rating, app.helpful_vote, app.attachment, app.completion, app.content_view, app.content_tally
  to satchel_eraser;
-- For the triggers that count votes.
grant update (upvotes) on app.comment_score to satchel_eraser;
grant update (helpful_count) on app.rating to satchel_eraser;
grant create on schema app to satchel_eraser;
alter function app.purge_content(uuid, integer) owner to satchel_eraser;
revoke create on schema app from satchel_eraser;
