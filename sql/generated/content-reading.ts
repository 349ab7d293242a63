// Written by `bun run sql`. Do not edit.
import { type Statement, type TenantTx, many, maybe, one } from "../tx.ts";

export interface CountListedParams {
  readonly organizationId: string;
  readonly audience: string;
  readonly lives: readonly boolean[];
  readonly statuses: readonly string[] | null;
  readonly contentTypes: readonly string[] | null;
  readonly difficultyLevels: readonly string[] | null;
  readonly languages: readonly string[] | null;
  readonly allTags: readonly string[] | null;
  readonly anyTags: readonly string[] | null;
  readonly authorIds: readonly string[] | null;
  readonly hasAuthor: boolean | null;
  readonly sourceId: string | null;
  readonly hasSourceId: boolean | null;
  readonly slug: string | null;
  readonly createdFrom: Date | null;
  readonly createdBefore: Date | null;
  readonly updatedFrom: Date | null;
  readonly updatedBefore: Date | null;
  readonly publishedFrom: Date | null;
  readonly publishedBefore: Date | null;
}

const countListedStatement: Statement = {
  name: "content-reading/count_listed",
  text: `select /* content-reading/count_listed */ count(*)::int as count
from app.content_listing
where organization_id = $1 and audience = $2
  and live = any($3::boolean[])
  and ($4::text[] is null or status = any($4::text[]))
  and ($5::text[] is null or content_type = any($5::text[]))
  and ($6::text[] is null or difficulty_level = any($6::text[]))
  and ($7::text[] is null or language = any($7::text[]))
  and ($8::text[] is null or tags @> $8::text[])
  and ($9::text[] is null or tags && $9::text[])
  and ($10::uuid[] is null or author_id = any($10::uuid[]))
  and ($11::boolean is null or (author_id is not null) = $11)
  and ($12::text is null or source_id = $12)
  and ($13::boolean is null or (source_id is not null) = $13)
  and ($14::text is null or slug = $14)
  and ($15::timestamptz is null or created_at >= $15)
  and ($16::timestamptz is null or created_at < $16)
  and ($17::timestamptz is null or changed_at >= $17)
  and ($18::timestamptz is null or changed_at < $18)
  and ($19::timestamptz is null or published_at >= $19)
  and ($20::timestamptz is null or published_at < $20)
  and ($20::timestamptz is null or published_at > 'epoch')`,
};

/** How many lessons match. */
export function countListed(tx: TenantTx, params: CountListedParams): Promise<number> {
  return one<{ readonly count: number }>(tx, countListedStatement, [
    params.organizationId,
    params.audience,
    params.lives,
    params.statuses,
    params.contentTypes,
    params.difficultyLevels,
    params.languages,
    params.allTags,
    params.anyTags,
    params.authorIds,
    params.hasAuthor,
    params.sourceId,
    params.hasSourceId,
    params.slug,
    params.createdFrom,
    params.createdBefore,
    params.updatedFrom,
    params.updatedBefore,
    params.publishedFrom,
    params.publishedBefore,
  ]).then((row) => row.count);
}

export interface FindFewParams {
  readonly organizationId: string;
  readonly audience: string;
  readonly sourceId: string | null;
  readonly most: number;
  readonly hasSourceId: boolean | null;
  readonly slug: string | null;
  readonly hasAuthor: boolean | null;
  readonly authorIds: readonly string[] | null;
  readonly anyTags: readonly string[] | null;
  readonly allTags: readonly string[] | null;
  readonly lives: readonly boolean[];
  readonly createdFrom: Date | null;
  readonly createdBefore: Date | null;
  readonly updatedFrom: Date | null;
  readonly updatedBefore: Date | null;
  readonly publishedFrom: Date | null;
  readonly publishedBefore: Date | null;
  readonly eachStatus: readonly string[];
  readonly eachContentType: readonly string[];
  readonly eachDifficultyLevel: readonly string[];
  readonly statuses: readonly string[] | null;
  readonly contentTypes: readonly string[] | null;
  readonly difficultyLevels: readonly string[] | null;
  readonly languages: readonly string[] | null;
}

export interface FindFewRow {
  readonly contentIds: readonly string[];
}

const findFewStatement: Statement = {
  name: "content-reading/find_few",
  text: `with /* content-reading/find_few */ found as materialized (
  select array(
    select l.content_id from app.content_listing l
    where l.organization_id = $1 and l.audience = $2 and l.source_id = $3
    order by l.content_id
    limit $4::int + 1
  ) as content_ids
  where $3::text is not null
  union all
  select array(
    select l.content_id from app.content_listing l
    where l.organization_id = $1 and l.audience = $2 and l.source_id is null
    order by l.source_id, l.content_id
    limit $4::int + 1
  ) as content_ids
  where not $5::boolean
  union all
  select array(
    select l.content_id from app.content_listing l
    where l.organization_id = $1 and l.audience = $2 and l.slug = $6
    order by l.content_id
    limit $4::int + 1
  ) as content_ids
  where $6::text is not null
  union all
  select array(
    select l.content_id from app.content_listing l
    where l.organization_id = $1 and l.audience = $2 and l.author_id is null
    order by l.author_id, l.content_id
    limit $4::int + 1
  ) as content_ids
  where not $7::boolean
  union all
  select array(
    select each.content_id from unnest($8::uuid[]) author (id)
    cross join lateral (
      select l.content_id from app.content_listing l
      where l.organization_id = $1 and l.audience = $2 and l.author_id = author.id
      order by l.content_id
      limit $4::int + 1
    ) each
    limit $4::int + 1
  ) as content_ids
  where $8::uuid[] is not null
  union all
  select array(
    select each.content_id from unnest($9::text[]) wanted (tag)
    cross join lateral (
      select t.content_id from app.content_listing_tag t
      where t.organization_id = $1 and t.audience = $2 and t.tag = wanted.tag
      order by t.content_id
      limit $4::int + 1
    ) each
    limit $4::int + 1
  ) as content_ids
  where $9::text[] is not null
  union all
  select array(
    select t.content_id from app.content_listing_tag t
    where t.organization_id = $1 and t.audience = $2 and t.tag = wanted.tag
    order by t.content_id
    limit $4::int + 1
  )
  from unnest($10::text[]) wanted (tag)
  union all
  select array(
    select each.content_id from unnest($11::boolean[]) wanted (live)
    cross join lateral (
      select l.content_id from app.content_listing l
      where l.organization_id = $1 and l.audience = $2 and l.live = wanted.live
        and l.created_at >= case when $12::timestamptz is null then '-infinity' else $12::timestamptz end
        and l.created_at < case when $13::timestamptz is null then 'infinity' else $13::timestamptz end
      order by l.created_at, l.content_id
      limit $4::int + 1
    ) each
    limit $4::int + 1
  ) as content_ids
  where coalesce($12::timestamptz, $13::timestamptz) is not null
  union all
  select array(
    select each.content_id from unnest($11::boolean[]) wanted (live)
    cross join lateral (
      select l.content_id from app.content_listing l
      where l.organization_id = $1 and l.audience = $2 and l.live = wanted.live
        and l.changed_at >= case when $14::timestamptz is null then '-infinity' else $14::timestamptz end
        and l.changed_at < case when $15::timestamptz is null then 'infinity' else $15::timestamptz end
      order by l.changed_at, l.content_id
      limit $4::int + 1
    ) each
    limit $4::int + 1
  ) as content_ids
  where coalesce($14::timestamptz, $15::timestamptz) is not null
  union all
  select array(
    select each.content_id from unnest($11::boolean[]) wanted (live)
    cross join lateral (
      select l.content_id from app.content_listing l
      where l.organization_id = $1 and l.audience = $2 and l.live = wanted.live
        and l.published_at >= case when $16::timestamptz is null then '-infinity' else $16::timestamptz end
        and l.published_at < case when $17::timestamptz is null then 'infinity' else $17::timestamptz end
        and l.published_at > 'epoch'
      order by l.published_at, l.content_id
      limit $4::int + 1
    ) each
    limit $4::int + 1
  ) as content_ids
  where coalesce($16::timestamptz, $17::timestamptz) is not null
  union all
  select array(
    select each.content_id from unnest($11::boolean[]) wanted (live)
    cross join unnest($18::text[]) s (status)
    cross join unnest($19::text[]) k (content_type)
    cross join unnest($20::text[]) d (difficulty_level)
    cross join lateral (
      select l.content_id from app.content_listing l
      where l.organization_id = $1 and l.audience = $2 and l.live = wanted.live and l.status = s.status
        and l.content_type = k.content_type and l.difficulty_level = d.difficulty_level
      order by l.language, l.content_id
      limit $4::int + 1
    ) each
    limit $4::int + 1
  ) as content_ids
  where coalesce($21::text[], $22::text[], $23::text[]) is not null
    and $24::text[] is null
  union all
  select array(
    select each.content_id from unnest($11::boolean[]) wanted (live)
    cross join unnest($18::text[]) s (status)
    cross join unnest($19::text[]) k (content_type)
    cross join unnest($20::text[]) d (difficulty_level)
    cross join unnest($24::text[]) g (language)
    cross join lateral (
      select l.content_id from app.content_listing l
      where l.organization_id = $1 and l.audience = $2 and l.live = wanted.live and l.status = s.status
        and l.content_type = k.content_type and l.difficulty_level = d.difficulty_level and l.language = g.language
      order by l.content_id
      limit $4::int + 1
    ) each
    limit $4::int + 1
  ) as content_ids
  where $24::text[] is not null
)
select content_ids
from found
where cardinality(content_ids) <= $4::int
order by cardinality(content_ids)
limit 1`,
};

/**
 * The lessons that the rarest of the given filters leaves, when they are no more than :most; no row when each leaves more,
 * or none was given. Each filter is looked up in an index of its own, and no further than it takes to know that.
 * Looked up lateral: a join the planner would turn round, and read every lesson to find out that few match.
 */
export function findFew(tx: TenantTx, params: FindFewParams): Promise<FindFewRow | null> {
  return maybe<FindFewRow>(tx, findFewStatement, [
    params.organizationId,
    params.audience,
    params.sourceId,
    params.most,
    params.hasSourceId,
    params.slug,
    params.hasAuthor,
    params.authorIds,
    params.anyTags,
    params.allTags,
    params.lives,
    params.createdFrom,
    params.createdBefore,
    params.updatedFrom,
    params.updatedBefore,
    params.publishedFrom,
    params.publishedBefore,
    params.eachStatus,
    params.eachContentType,
    params.eachDifficultyLevel,
    params.statuses,
    params.contentTypes,
    params.difficultyLevels,
    params.languages,
  ]);
}

export interface ListByChangedParams {
  readonly organizationId: string;
  readonly audience: string;
  readonly statuses: readonly string[] | null;
  readonly contentTypes: readonly string[] | null;
  readonly difficultyLevels: readonly string[] | null;
  readonly languages: readonly string[] | null;
  readonly allTags: readonly string[] | null;
  readonly anyTags: readonly string[] | null;
  readonly authorIds: readonly string[] | null;
  readonly hasAuthor: boolean | null;
  readonly sourceId: string | null;
  readonly hasSourceId: boolean | null;
  readonly slug: string | null;
  readonly createdFrom: Date | null;
  readonly createdBefore: Date | null;
  readonly publishedFrom: Date | null;
  readonly publishedBefore: Date | null;
  readonly lives: readonly boolean[];
  readonly descending: boolean;
  readonly key: string | null;
  readonly updatedFrom: Date | null;
  readonly keyId: string | null;
  readonly updatedBefore: Date | null;
  readonly limit: number;
}

export interface ListByChangedRow {
  readonly contentId: string;
  readonly authorId: string | null;
  readonly key: string;
}

const listByChangedStatement: Statement = {
  name: "content-reading/list_by_changed",
  text: `with /* content-reading/list_by_changed */ matching as not materialized (
  select content_id, author_id, live, changed_at
  from app.content_listing
  where organization_id = $1 and audience = $2
    and ($3::text[] is null or status = any($3::text[]))
    and ($4::text[] is null or content_type = any($4::text[]))
    and ($5::text[] is null or difficulty_level = any($5::text[]))
    and ($6::text[] is null or language = any($6::text[]))
    and ($7::text[] is null or tags @> $7::text[])
    and ($8::text[] is null or tags && $8::text[])
    and ($9::uuid[] is null or author_id = any($9::uuid[]))
    and ($10::boolean is null or (author_id is not null) = $10)
    and ($11::text is null or source_id = $11)
    and ($12::boolean is null or (source_id is not null) = $12)
    and ($13::text is null or slug = $13)
    and ($14::timestamptz is null or created_at >= $14)
    and ($15::timestamptz is null or created_at < $15)
    and ($16::timestamptz is null or published_at >= $16)
    and ($17::timestamptz is null or published_at < $17)
    and ($17::timestamptz is null or published_at > 'epoch')
)
select page.content_id, page.author_id, page.changed_at::text as key
from unnest($18::boolean[]) wanted (live)
cross join lateral (
  (
    select * from matching m
    where not $19::boolean and m.live = wanted.live
      and (m.changed_at, m.content_id) > (
        case
          when $20::text is not null then $20::text::timestamptz
          when $21::timestamptz is not null then $21::timestamptz
          else '-infinity'::timestamptz
        end,
        case when $22::uuid is null then '00000000-0000-0000-0000-000000000000'::uuid else $22::uuid end
      )
      and m.changed_at < case when $23::timestamptz is null then 'infinity' else $23::timestamptz end
    order by m.changed_at, m.content_id
    limit $24::int
  )
  union all
  (
    select * from matching m
    where $19::boolean and m.live = wanted.live
      and (m.changed_at, m.content_id) < (
        case
          when $20::text is not null then $20::text::timestamptz
          when $23::timestamptz is not null then $23::timestamptz
          else 'infinity'::timestamptz
        end,
        case when $22::uuid is null then '00000000-0000-0000-0000-000000000000'::uuid else $22::uuid end
      )
      and m.changed_at >= case when $21::timestamptz is null then '-infinity' else $21::timestamptz end
    order by m.changed_at desc, m.content_id desc
    limit $24::int
  )
) page
order by
  case when $19::boolean then page.changed_at end desc,
  case when $19::boolean then page.content_id end desc,
  page.changed_at, page.content_id
limit $24::int`,
};

/**
 * Lessons by when they were last changed.
 * Upward or downward, from a place in the order: backward through a list is its other direction. Live and deleted
 * lessons are each read in their order; only what may come on the page is put together. One bound on each side: of two
 * the scan might start at the wider one.
 */
export function listByChanged(
  tx: TenantTx,
  params: ListByChangedParams,
): Promise<readonly ListByChangedRow[]> {
  return many<ListByChangedRow>(tx, listByChangedStatement, [
    params.organizationId,
    params.audience,
    params.statuses,
    params.contentTypes,
    params.difficultyLevels,
    params.languages,
    params.allTags,
    params.anyTags,
    params.authorIds,
    params.hasAuthor,
    params.sourceId,
    params.hasSourceId,
    params.slug,
    params.createdFrom,
    params.createdBefore,
    params.publishedFrom,
    params.publishedBefore,
    params.lives,
    params.descending,
    params.key,
    params.updatedFrom,
    params.keyId,
    params.updatedBefore,
    params.limit,
  ]);
}

export interface ListByCreatedParams {
  readonly organizationId: string;
  readonly audience: string;
  readonly statuses: readonly string[] | null;
  readonly contentTypes: readonly string[] | null;
  readonly difficultyLevels: readonly string[] | null;
  readonly languages: readonly string[] | null;
  readonly allTags: readonly string[] | null;
  readonly anyTags: readonly string[] | null;
  readonly authorIds: readonly string[] | null;
  readonly hasAuthor: boolean | null;
  readonly sourceId: string | null;
  readonly hasSourceId: boolean | null;
  readonly slug: string | null;
  readonly updatedFrom: Date | null;
  readonly updatedBefore: Date | null;
  readonly publishedFrom: Date | null;
  readonly publishedBefore: Date | null;
  readonly lives: readonly boolean[];
  readonly descending: boolean;
  readonly key: string | null;
  readonly createdFrom: Date | null;
  readonly keyId: string | null;
  readonly createdBefore: Date | null;
  readonly limit: number;
}

export interface ListByCreatedRow {
  readonly contentId: string;
  readonly authorId: string | null;
  readonly key: string;
}

const listByCreatedStatement: Statement = {
  name: "content-reading/list_by_created",
  text: `with /* content-reading/list_by_created */ matching as not materialized (
  select content_id, author_id, live, created_at
  from app.content_listing
  where organization_id = $1 and audience = $2
    and ($3::text[] is null or status = any($3::text[]))
    and ($4::text[] is null or content_type = any($4::text[]))
    and ($5::text[] is null or difficulty_level = any($5::text[]))
    and ($6::text[] is null or language = any($6::text[]))
    and ($7::text[] is null or tags @> $7::text[])
    and ($8::text[] is null or tags && $8::text[])
    and ($9::uuid[] is null or author_id = any($9::uuid[]))
    and ($10::boolean is null or (author_id is not null) = $10)
    and ($11::text is null or source_id = $11)
    and ($12::boolean is null or (source_id is not null) = $12)
    and ($13::text is null or slug = $13)
    and ($14::timestamptz is null or changed_at >= $14)
    and ($15::timestamptz is null or changed_at < $15)
    and ($16::timestamptz is null or published_at >= $16)
    and ($17::timestamptz is null or published_at < $17)
    and ($17::timestamptz is null or published_at > 'epoch')
)
select page.content_id, page.author_id, page.created_at::text as key
from unnest($18::boolean[]) wanted (live)
cross join lateral (
  (
    select * from matching m
    where not $19::boolean and m.live = wanted.live
      and (m.created_at, m.content_id) > (
        case
          when $20::text is not null then $20::text::timestamptz
          when $21::timestamptz is not null then $21::timestamptz
          else '-infinity'::timestamptz
        end,
        case when $22::uuid is null then '00000000-0000-0000-0000-000000000000'::uuid else $22::uuid end
      )
      and m.created_at < case when $23::timestamptz is null then 'infinity' else $23::timestamptz end
    order by m.created_at, m.content_id
    limit $24::int
  )
  union all
  (
    select * from matching m
    where $19::boolean and m.live = wanted.live
      and (m.created_at, m.content_id) < (
        case
          when $20::text is not null then $20::text::timestamptz
          when $23::timestamptz is not null then $23::timestamptz
          else 'infinity'::timestamptz
        end,
        case when $22::uuid is null then '00000000-0000-0000-0000-000000000000'::uuid else $22::uuid end
      )
      and m.created_at >= case when $21::timestamptz is null then '-infinity' else $21::timestamptz end
    order by m.created_at desc, m.content_id desc
    limit $24::int
  )
) page
order by
  case when $19::boolean then page.created_at end desc,
  case when $19::boolean then page.content_id end desc,
  page.created_at, page.content_id
limit $24::int`,
};

/**
 * Lessons by when they were first written.
 * Upward or downward, from a place in the order: backward through a list is its other direction. Live and deleted
 * lessons are each read in their order; only what may come on the page is put together. One bound on each side: of two
 * the scan might start at the wider one.
 */
export function listByCreated(
  tx: TenantTx,
  params: ListByCreatedParams,
): Promise<readonly ListByCreatedRow[]> {
  return many<ListByCreatedRow>(tx, listByCreatedStatement, [
    params.organizationId,
    params.audience,
    params.statuses,
    params.contentTypes,
    params.difficultyLevels,
    params.languages,
    params.allTags,
    params.anyTags,
    params.authorIds,
    params.hasAuthor,
    params.sourceId,
    params.hasSourceId,
    params.slug,
    params.updatedFrom,
    params.updatedBefore,
    params.publishedFrom,
    params.publishedBefore,
    params.lives,
    params.descending,
    params.key,
    params.createdFrom,
    params.keyId,
    params.createdBefore,
    params.limit,
  ]);
}

export interface ListByPublishedParams {
  readonly organizationId: string;
  readonly audience: string;
  readonly statuses: readonly string[] | null;
  readonly contentTypes: readonly string[] | null;
  readonly difficultyLevels: readonly string[] | null;
  readonly languages: readonly string[] | null;
  readonly allTags: readonly string[] | null;
  readonly anyTags: readonly string[] | null;
  readonly authorIds: readonly string[] | null;
  readonly hasAuthor: boolean | null;
  readonly sourceId: string | null;
  readonly hasSourceId: boolean | null;
  readonly slug: string | null;
  readonly createdFrom: Date | null;
  readonly createdBefore: Date | null;
  readonly updatedFrom: Date | null;
  readonly updatedBefore: Date | null;
  readonly publishedBefore: Date | null;
  readonly lives: readonly boolean[];
  readonly descending: boolean;
  readonly key: string | null;
  readonly publishedFrom: Date | null;
  readonly keyId: string | null;
  readonly limit: number;
}

export interface ListByPublishedRow {
  readonly contentId: string;
  readonly authorId: string | null;
  readonly key: string;
}

const listByPublishedStatement: Statement = {
  name: "content-reading/list_by_published",
  text: `with /* content-reading/list_by_published */ matching as not materialized (
  select content_id, author_id, live, published_at
  from app.content_listing
  where organization_id = $1 and audience = $2
    and ($3::text[] is null or status = any($3::text[]))
    and ($4::text[] is null or content_type = any($4::text[]))
    and ($5::text[] is null or difficulty_level = any($5::text[]))
    and ($6::text[] is null or language = any($6::text[]))
    and ($7::text[] is null or tags @> $7::text[])
    and ($8::text[] is null or tags && $8::text[])
    and ($9::uuid[] is null or author_id = any($9::uuid[]))
    and ($10::boolean is null or (author_id is not null) = $10)
    and ($11::text is null or source_id = $11)
    and ($12::boolean is null or (source_id is not null) = $12)
    and ($13::text is null or slug = $13)
    and ($14::timestamptz is null or created_at >= $14)
    and ($15::timestamptz is null or created_at < $15)
    and ($16::timestamptz is null or changed_at >= $16)
    and ($17::timestamptz is null or changed_at < $17)
    and ($18::timestamptz is null or published_at > 'epoch')
)
select page.content_id, page.author_id, page.published_at::text as key
from unnest($19::boolean[]) wanted (live)
cross join lateral (
  (
    select * from matching m
    where not $20::boolean and m.live = wanted.live
      and (m.published_at, m.content_id) > (
        case
          when $21::text is not null then $21::text::timestamptz
          when $22::timestamptz is not null then $22::timestamptz
          when $18::timestamptz is not null then '1970-01-01 00:00:00.000001Z'::timestamptz
          else '-infinity'::timestamptz
        end,
        case when $23::uuid is null then '00000000-0000-0000-0000-000000000000'::uuid else $23::uuid end
      )
      and m.published_at < case when $18::timestamptz is null then 'infinity' else $18::timestamptz end
    order by m.published_at, m.content_id
    limit $24::int
  )
  union all
  (
    select * from matching m
    where $20::boolean and m.live = wanted.live
      and (m.published_at, m.content_id) < (
        case
          when $21::text is not null then $21::text::timestamptz
          when $18::timestamptz is not null then $18::timestamptz
          else 'infinity'::timestamptz
        end,
        case when $23::uuid is null then '00000000-0000-0000-0000-000000000000'::uuid else $23::uuid end
      )
      and m.published_at >= case when $22::timestamptz is null then '-infinity' else $22::timestamptz end
    order by m.published_at desc, m.content_id desc
    limit $24::int
  )
) page
order by
  case when $20::boolean then page.published_at end desc,
  case when $20::boolean then page.content_id end desc,
  page.published_at, page.content_id
limit $24::int`,
};

/**
 * Lessons by since when readers have seen something of them; what was never published comes first.
 * Upward or downward, from a place in the order: backward through a list is its other direction. Live and deleted
 * lessons are each read in their order; only what may come on the page is put together. One bound on each side: of two
 * the scan might start at the wider one.
 */
export function listByPublished(
  tx: TenantTx,
  params: ListByPublishedParams,
): Promise<readonly ListByPublishedRow[]> {
  return many<ListByPublishedRow>(tx, listByPublishedStatement, [
    params.organizationId,
    params.audience,
    params.statuses,
    params.contentTypes,
    params.difficultyLevels,
    params.languages,
    params.allTags,
    params.anyTags,
    params.authorIds,
    params.hasAuthor,
    params.sourceId,
    params.hasSourceId,
    params.slug,
    params.createdFrom,
    params.createdBefore,
    params.updatedFrom,
    params.updatedBefore,
    params.publishedBefore,
    params.lives,
    params.descending,
    params.key,
    params.publishedFrom,
    params.keyId,
    params.limit,
  ]);
}

export interface ListByTitleParams {
  readonly organizationId: string;
  readonly audience: string;
  readonly statuses: readonly string[] | null;
  readonly contentTypes: readonly string[] | null;
  readonly difficultyLevels: readonly string[] | null;
  readonly languages: readonly string[] | null;
  readonly allTags: readonly string[] | null;
  readonly anyTags: readonly string[] | null;
  readonly authorIds: readonly string[] | null;
  readonly hasAuthor: boolean | null;
  readonly sourceId: string | null;
  readonly hasSourceId: boolean | null;
  readonly slug: string | null;
  readonly createdFrom: Date | null;
  readonly createdBefore: Date | null;
  readonly updatedFrom: Date | null;
  readonly updatedBefore: Date | null;
  readonly publishedFrom: Date | null;
  readonly publishedBefore: Date | null;
  readonly lives: readonly boolean[];
  readonly descending: boolean;
  readonly key: string | null;
  readonly keyId: string | null;
  readonly limit: number;
}

export interface ListByTitleRow {
  readonly contentId: string;
  readonly authorId: string | null;
  readonly key: string;
}

const listByTitleStatement: Statement = {
  name: "content-reading/list_by_title",
  text: `with /* content-reading/list_by_title */ matching as not materialized (
  select content_id, author_id, live, title_key
  from app.content_listing
  where organization_id = $1 and audience = $2
    and ($3::text[] is null or status = any($3::text[]))
    and ($4::text[] is null or content_type = any($4::text[]))
    and ($5::text[] is null or difficulty_level = any($5::text[]))
    and ($6::text[] is null or language = any($6::text[]))
    and ($7::text[] is null or tags @> $7::text[])
    and ($8::text[] is null or tags && $8::text[])
    and ($9::uuid[] is null or author_id = any($9::uuid[]))
    and ($10::boolean is null or (author_id is not null) = $10)
    and ($11::text is null or source_id = $11)
    and ($12::boolean is null or (source_id is not null) = $12)
    and ($13::text is null or slug = $13)
    and ($14::timestamptz is null or created_at >= $14)
    and ($15::timestamptz is null or created_at < $15)
    and ($16::timestamptz is null or changed_at >= $16)
    and ($17::timestamptz is null or changed_at < $17)
    and ($18::timestamptz is null or published_at >= $18)
    and ($19::timestamptz is null or published_at < $19)
    and ($19::timestamptz is null or published_at > 'epoch')
)
select page.content_id, page.author_id, page.title_key::text as key
from unnest($20::boolean[]) wanted (live)
cross join lateral (
  (
    select * from matching m
    where not $21::boolean and m.live = wanted.live
      and (m.title_key, m.content_id)
        > (case when $22::text is null then '' else $22::text end, case when $23::uuid is null then '00000000-0000-0000-0000-000000000000' else $23::uuid end)
    order by m.title_key, m.content_id
    limit $24::int
  )
  union all
  (
    select * from matching m
    where $21::boolean and m.live = wanted.live
      and (m.title_key, m.content_id)
        < (case when $22::text is null then repeat(chr(1114111), 101) else $22::text end, case when $23::uuid is null then 'ffffffff-ffff-ffff-ffff-ffffffffffff' else $23::uuid end)
    order by m.title_key desc, m.content_id desc
    limit $24::int
  )
) page
order by
  case when $21::boolean then page.title_key end desc,
  case when $21::boolean then page.content_id end desc,
  page.title_key, page.content_id
limit $24::int`,
};

/**
 * Lessons by their titles, whatever the case and the accents.
 * Upward or downward, from a place in the order: backward through a list is its other direction. Live and deleted
 * lessons are each read in their order; only what may come on the page is put together.
 */
export function listByTitle(tx: TenantTx, params: ListByTitleParams): Promise<readonly ListByTitleRow[]> {
  return many<ListByTitleRow>(tx, listByTitleStatement, [
    params.organizationId,
    params.audience,
    params.statuses,
    params.contentTypes,
    params.difficultyLevels,
    params.languages,
    params.allTags,
    params.anyTags,
    params.authorIds,
    params.hasAuthor,
    params.sourceId,
    params.hasSourceId,
    params.slug,
    params.createdFrom,
    params.createdBefore,
    params.updatedFrom,
    params.updatedBefore,
    params.publishedFrom,
    params.publishedBefore,
    params.lives,
    params.descending,
    params.key,
    params.keyId,
    params.limit,
  ]);
}

export interface ListFewParams {
  readonly sortKey: string;
  readonly contentIds: readonly string[];
  readonly organizationId: string;
  readonly audience: string;
  readonly lives: readonly boolean[];
  readonly statuses: readonly string[] | null;
  readonly contentTypes: readonly string[] | null;
  readonly difficultyLevels: readonly string[] | null;
  readonly languages: readonly string[] | null;
  readonly allTags: readonly string[] | null;
  readonly anyTags: readonly string[] | null;
  readonly authorIds: readonly string[] | null;
  readonly hasAuthor: boolean | null;
  readonly sourceId: string | null;
  readonly hasSourceId: boolean | null;
  readonly slug: string | null;
  readonly createdFrom: Date | null;
  readonly createdBefore: Date | null;
  readonly updatedFrom: Date | null;
  readonly updatedBefore: Date | null;
  readonly publishedFrom: Date | null;
  readonly publishedBefore: Date | null;
  readonly keyId: string | null;
  readonly descending: boolean;
  readonly key: string | null;
  readonly limit: number;
}

export interface ListFewRow {
  readonly contentId: string;
  readonly authorId: string | null;
  readonly key: string;
}

const listFewStatement: Statement = {
  name: "content-reading/list_few",
  text: `select /* content-reading/list_few */ l.content_id, l.author_id, case when $1::text = 'title' then l.title_key else at.key::text end as key
from unnest($2::uuid[]) wanted (id)
cross join lateral (
  select * from app.content_listing
  where organization_id = $3 and audience = $4 and content_id = wanted.id
  offset 0
) l
cross join lateral (
  select
    case $1::text when 'created' then l.created_at when 'changed' then l.changed_at when 'published' then l.published_at end
      as key,
    case when $1::text = 'title' then l.title_key end as word
) at
where l.live = any($5::boolean[])
  and ($6::text[] is null or status = any($6::text[]))
  and ($7::text[] is null or content_type = any($7::text[]))
  and ($8::text[] is null or difficulty_level = any($8::text[]))
  and ($9::text[] is null or language = any($9::text[]))
  and ($10::text[] is null or tags @> $10::text[])
  and ($11::text[] is null or tags && $11::text[])
  and ($12::uuid[] is null or author_id = any($12::uuid[]))
  and ($13::boolean is null or (author_id is not null) = $13)
  and ($14::text is null or source_id = $14)
  and ($15::boolean is null or (source_id is not null) = $15)
  and ($16::text is null or slug = $16)
  and ($17::timestamptz is null or created_at >= $17)
  and ($18::timestamptz is null or created_at < $18)
  and ($19::timestamptz is null or changed_at >= $19)
  and ($20::timestamptz is null or changed_at < $20)
  and ($21::timestamptz is null or published_at >= $21)
  and ($22::timestamptz is null or published_at < $22)
  and ($22::timestamptz is null or published_at > 'epoch')
  and (
    $23::uuid is null
    or case
      when $1::text = 'title' and $24::boolean then (at.word, l.content_id) < ($25::text, $23::uuid)
      when $1::text = 'title' then (at.word, l.content_id) > ($25::text, $23::uuid)
      when $24::boolean then (at.key, l.content_id) < ($25::text::timestamptz, $23::uuid)
      else (at.key, l.content_id) > ($25::text::timestamptz, $23::uuid)
    end
  )
order by
  case when $24::boolean then at.key end desc,
  case when $24::boolean then at.word end desc,
  case when $24::boolean then l.content_id end desc,
  at.key, at.word, l.content_id
limit $26::int`,
};

/** Of a few lessons, known beforehand, those that match, in any of the orders: they are read one by one and sorted. */
export function listFew(tx: TenantTx, params: ListFewParams): Promise<readonly ListFewRow[]> {
  return many<ListFewRow>(tx, listFewStatement, [
    params.sortKey,
    params.contentIds,
    params.organizationId,
    params.audience,
    params.lives,
    params.statuses,
    params.contentTypes,
    params.difficultyLevels,
    params.languages,
    params.allTags,
    params.anyTags,
    params.authorIds,
    params.hasAuthor,
    params.sourceId,
    params.hasSourceId,
    params.slug,
    params.createdFrom,
    params.createdBefore,
    params.updatedFrom,
    params.updatedBefore,
    params.publishedFrom,
    params.publishedBefore,
    params.keyId,
    params.descending,
    params.key,
    params.limit,
  ]);
}

export interface ListPublishedSummariesParams {
  readonly withDescription: boolean;
  readonly organizationId: string;
  readonly contentIds: readonly string[];
}

export interface ListPublishedSummariesRow {
  readonly contentId: string;
  readonly sourceId: string | null;
  readonly title: string;
  readonly slug: string;
  readonly description: string;
  readonly contentType: "lesson" | "tutorial" | "exercise" | "quiz" | "project" | "reference";
  readonly difficultyLevel: "beginner" | "intermediate" | "advanced" | "expert";
  readonly language: string;
  readonly tags: readonly string[];
  readonly estimatedDurationMinutes: number | null;
  readonly publishedAt: Date;
  readonly number: number;
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly createdById: string | null;
}

const listPublishedSummariesStatement: Statement = {
  name: "content-reading/list_published_summaries",
  text: `select /* content-reading/list_published_summaries */ content_id, source_id, title, slug, case when $1::boolean then description else '' end as description,
  content_type, difficulty_level, language, tags, estimated_duration_minutes, published_at, number, version, created_at,
  updated_at, created_by_id
from app.publication
where organization_id = $2 and content_id = any($3::uuid[]) and deleted_at is null`,
};

/** What a list shows of these lessons to readers, in no order; without the description unless it is asked for. */
export function listPublishedSummaries(
  tx: TenantTx,
  params: ListPublishedSummariesParams,
): Promise<readonly ListPublishedSummariesRow[]> {
  return many<ListPublishedSummariesRow>(tx, listPublishedSummariesStatement, [
    params.withDescription,
    params.organizationId,
    params.contentIds,
  ]);
}

export interface ListSummariesParams {
  readonly withDescription: boolean;
  readonly organizationId: string;
  readonly contentIds: readonly string[];
}

export interface ListSummariesRow {
  readonly contentId: string;
  readonly sourceId: string | null;
  readonly title: string;
  readonly slug: string;
  readonly description: string;
  readonly contentType: "lesson" | "tutorial" | "exercise" | "quiz" | "project" | "reference";
  readonly difficultyLevel: "beginner" | "intermediate" | "advanced" | "expert";
  readonly status: "draft" | "pending_review" | "approved" | "rejected" | "published" | "archived";
  readonly language: string;
  readonly tags: readonly string[];
  readonly estimatedDurationMinutes: number | null;
  readonly publishedAt: Date | null;
  readonly latestNumber: number;
  readonly liveNumber: number | null;
  readonly publishAt: Date | null;
  readonly unpublishAt: Date | null;
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly createdById: string | null;
  readonly deletedAt: Date | null;
}

const listSummariesStatement: Statement = {
  name: "content-reading/list_summaries",
  text: `select /* content-reading/list_summaries */ content_id, source_id, title, slug, case when $1::boolean then description else '' end as description,
  content_type, difficulty_level, status, language, tags, estimated_duration_minutes, published_at, latest_number, live_number,
  publish_at, unpublish_at, version, created_at, updated_at, created_by_id, deleted_at
from app.content
where organization_id = $2 and content_id = any($3::uuid[])`,
};

/** What a list shows of these lessons to staff, in no order; without the description unless it is asked for. */
export function listSummaries(
  tx: TenantTx,
  params: ListSummariesParams,
): Promise<readonly ListSummariesRow[]> {
  return many<ListSummariesRow>(tx, listSummariesStatement, [
    params.withDescription,
    params.organizationId,
    params.contentIds,
  ]);
}
