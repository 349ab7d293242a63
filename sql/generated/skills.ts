// Written by `bun run sql`. Do not edit.
import { type Statement, type TenantTx, count, many } from "../tx.ts";

export interface ListSkillsParams {
  readonly organizationId: string;
  readonly prefix: string | null;
  readonly after: string | null;
  readonly limit: number;
}

export interface ListSkillsRow {
  readonly skill: string;
  readonly people: number;
}

const listSkillsStatement: Statement = {
  name: "skills/list_skills",
  text: `select /* skills/list_skills */ w.skill, count(*)::int as people
from app.profile p
join app.user u on u.organization_id = p.organization_id and u.user_id = p.user_id and u.deleted_at is null
cross join lateral (select distinct s.skill collate "C" as skill from unnest(p.skills) s (skill)) w
where p.organization_id = $1
  and ($2::text is null or starts_with(app.fold(w.skill), app.fold($2)))
  and ($3::text is null or w.skill > $3)
group by w.skill
order by w.skill
limit $4::int`,
};

/** Skills of the people who are not deleted, with how many have each, in the order of their characters. */
export function listSkills(tx: TenantTx, params: ListSkillsParams): Promise<readonly ListSkillsRow[]> {
  return many<ListSkillsRow>(tx, listSkillsStatement, [
    params.organizationId,
    params.prefix,
    params.after,
    params.limit,
  ]);
}

export interface LockSkilledParams {
  readonly organizationId: string;
  readonly afterId: string | null;
  readonly fromWords: readonly string[];
  readonly limit: number;
}

export interface LockSkilledRow {
  readonly userId: string;
}

const lockSkilledStatement: Statement = {
  name: "skills/lock_skilled",
  text: `select /* skills/lock_skilled */ u.user_id
from app.user u
join app.profile p on p.organization_id = u.organization_id and p.user_id = u.user_id
where u.organization_id = $1 and u.deleted_at is null
  and ($2::uuid is null or u.user_id > $2)
  and p.skills && $3::text[]
order by u.user_id
limit $4::int
for no key update of u`,
};

/** People who are not deleted and have one of some skills, in the order of their ids, held until the transaction ends. */
export function lockSkilled(tx: TenantTx, params: LockSkilledParams): Promise<readonly LockSkilledRow[]> {
  return many<LockSkilledRow>(tx, lockSkilledStatement, [
    params.organizationId,
    params.afterId,
    params.fromWords,
    params.limit,
  ]);
}

export interface UpdateSkillsParams {
  readonly fromWords: readonly string[];
  readonly toWord: string;
  readonly organizationId: string;
  readonly userIds: readonly string[];
}

const updateSkillsStatement: Statement = {
  name: "skills/update_skills",
  text: `with /* skills/update_skills */ renamed as (
  update app.profile
  set skills = app.rename_words(skills, $1::text[], $2)
  where organization_id = $3 and user_id = any ($4::uuid[])
  returning user_id
)
update app.user u
set full_name = u.full_name
from renamed
where u.organization_id = $3 and u.user_id = renamed.user_id`,
};

/** Renames skills of people who are held; each has another version by that, as when they change their profile themselves. */
export function updateSkills(tx: TenantTx, params: UpdateSkillsParams): Promise<number> {
  return count(tx, updateSkillsStatement, [
    params.fromWords,
    params.toWord,
    params.organizationId,
    params.userIds,
  ]);
}
