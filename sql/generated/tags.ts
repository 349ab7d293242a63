// Written by `bun run sql`. Do not edit.
import { type Statement, type TenantTx, count, many } from "../tx.ts";

export interface ListTagsParams {
  readonly after: string | null;
  readonly prefix: string | null;
  readonly organizationId: string;
  readonly staff: boolean;
  readonly limit: number;
}

export interface ListTagsRow {
  readonly tag: string;
  readonly lessons: number;
  readonly published: number;
}

const listTagsStatement: Statement = {
  name: "tags/list_tags",
  text: `with /* tags/list_tags */ recursive name (tag, fits, found) as (
  select coalesce($1::text, ''), false, 0
  union all
  select next.tag, next.fits, name.found + next.fits::int
  from name
  cross join lateral (
    select word.tag,
      ($2::text is null or starts_with(app.fold(word.tag), app.fold($2)))
      and exists (
        select from app.content_listing_tag t
        join app.content_listing l
          on l.organization_id = t.organization_id and l.content_id = t.content_id and l.audience = t.audience and l.live
        where t.organization_id = $3 and t.tag = word.tag
          and t.audience = any (case when $4::boolean then array['staff', 'readers'] else array['readers'] end)
      ) as fits
    from (
      select least(
        (select t.tag from app.content_listing_tag t
         where t.organization_id = $3 and t.audience = 'readers' and t.tag > name.tag
         order by t.tag limit 1),
        (select t.tag from app.content_listing_tag t
         where $4::boolean and t.organization_id = $3 and t.audience = 'staff' and t.tag > name.tag
         order by t.tag limit 1)
      ) as tag
      offset 0
    ) word
    where word.tag is not null
    offset 0
  ) next
  where name.found < $5::int
)
select name.tag, counts.lessons, counts.published
from name
cross join lateral (
  select (count(*) filter (where t.audience = 'staff'))::int as lessons,
    (count(*) filter (where t.audience = 'readers'))::int as published
  from app.content_listing_tag t
  join app.content_listing l
    on l.organization_id = t.organization_id and l.content_id = t.content_id and l.audience = t.audience and l.live
  where t.organization_id = $3 and t.tag = name.tag
    and t.audience = any (case when $4::boolean then array['staff', 'readers'] else array['readers'] end)
) counts
where name.fits
order by name.tag`,
};

/**
 * Tags of live lessons, with how many carry each, and of how many readers see it. Goes from one tag to the next in an
 * index, instead of through all the lessons, and stops at the last of the page. `:staff`: also what readers do not see.
 */
export function listTags(tx: TenantTx, params: ListTagsParams): Promise<readonly ListTagsRow[]> {
  return many<ListTagsRow>(tx, listTagsStatement, [
    params.after,
    params.prefix,
    params.organizationId,
    params.staff,
    params.limit,
  ]);
}

export interface LockTaggedParams {
  readonly organizationId: string;
  readonly afterId: string | null;
  readonly fromWords: readonly string[];
  readonly limit: number;
}

export interface LockTaggedRow {
  readonly contentId: string;
  readonly published: boolean;
}

const lockTaggedStatement: Statement = {
  name: "tags/lock_tagged",
  text: `select /* tags/lock_tagged */ c.content_id, p.content_id is not null as published
from app.content c
left join app.publication p
  on p.organization_id = c.organization_id and p.content_id = c.content_id and p.deleted_at is null
where c.organization_id = $1 and c.deleted_at is null
  and ($2::uuid is null or c.content_id > $2)
  and (c.tags && $3::text[] or p.tags && $3::text[])
order by c.content_id
limit $4::int
for update of c`,
};

/**
 * Live lessons with one of some tags, in what staff write or in what readers see, in the order of their ids, held until
 * the transaction ends.
 */
export function lockTagged(tx: TenantTx, params: LockTaggedParams): Promise<readonly LockTaggedRow[]> {
  return many<LockTaggedRow>(tx, lockTaggedStatement, [
    params.organizationId,
    params.afterId,
    params.fromWords,
    params.limit,
  ]);
}

export interface UpdatePublishedTagsParams {
  readonly fromWords: readonly string[];
  readonly toWord: string;
  readonly organizationId: string;
  readonly contentIds: readonly string[];
}

const updatePublishedTagsStatement: Statement = {
  name: "tags/update_published_tags",
  text: `update /* tags/update_published_tags */ app.publication p
set tags = app.rename_words(p.tags, $1::text[], $2), version = c.version
from app.content c
where p.organization_id = $3 and p.content_id = any ($4::uuid[]) and p.deleted_at is null
  and p.tags && $1::text[]
  and c.organization_id = p.organization_id and c.content_id = p.content_id`,
};

/** Renames tags in what readers see of lessons that are held, where a draft stands beside it: elsewhere it has followed. */
export function updatePublishedTags(tx: TenantTx, params: UpdatePublishedTagsParams): Promise<number> {
  return count(tx, updatePublishedTagsStatement, [
    params.fromWords,
    params.toWord,
    params.organizationId,
    params.contentIds,
  ]);
}

export interface UpdateTagsParams {
  readonly fromWords: readonly string[];
  readonly toWord: string;
  readonly organizationId: string;
  readonly contentIds: readonly string[];
}

const updateTagsStatement: Statement = {
  name: "tags/update_tags",
  text: `update /* tags/update_tags */ app.content
set tags = app.rename_words(tags, $1::text[], $2)
where organization_id = $3 and content_id = any ($4::uuid[])`,
};

/**
 * Renames tags of lessons that are held. Where only readers see such a tag the lesson has another version all the same: it
 * is by that that readers know.
 */
export function updateTags(tx: TenantTx, params: UpdateTagsParams): Promise<number> {
  return count(tx, updateTagsStatement, [
    params.fromWords,
    params.toWord,
    params.organizationId,
    params.contentIds,
  ]);
}
