-- Flags a comment. Somebody who has done so before does so again only if the comment was edited after a moderator looked.
-- returns: maybe
-- scope: tenant
insert into app.comment_flag as f (organization_id, comment_id, user_id, reason)
values (:organization_id, :comment_id, :user_id, :reason)
on conflict (organization_id, comment_id, user_id) do update
set reason = excluded.reason, flagged_at = now(), resolved_at = null, resolved_by_id = null, resolution = null
where f.resolved_at < (
  select c.edited_at from app.comment c where c.organization_id = f.organization_id and c.comment_id = f.comment_id
)
returning user_id, reason, flagged_at, resolved_at, resolved_by_id, resolution
