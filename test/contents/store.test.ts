/** What the database itself refuses of a lesson, whoever writes it. */
import { afterAll, describe, expect, test } from "bun:test";
import { domain, refusedBy } from "../support/domain.ts";

const app = await domain();
const { it, as } = app;
const { admin } = app.database;
afterAll(app.close);

const [school, other] = [await it.organization(), await it.organization()];
const [lesson, theirs] = [await it.content(school.token), await it.content(other.token)];
const all = async () => admin("select c::text as row from app.content c order by content_id");

describe("values", () => {
  test.each([
    ["content_type", "'video'", "content_type"],
    ["content_type", "'Lesson'", "content_type"],
    ["difficulty_level", "'easy'", "content_difficulty_level"],
    ["status", "'gone'", "content_status"],
    ["title", "''", "content_title_length"],
    ["title", "repeat('x', 301)", "content_title_length"],
    ["slug", "'A'", "content_slug_form"],
    ["slug", "'a--b'", "content_slug_form"],
    ["slug", "'-a'", "content_slug_form"],
    ["slug", "E'a\\n'", "content_slug_form"],
    ["slug", "''", "content_slug_form"],
    ["slug", "repeat('a', 201)", "content_slug_form"],
    ["source_id", "''", "content_source_id_length"],
    ["source_id", "repeat('a', 201)", "content_source_id_length"],
    ["description", "repeat('x', 5001)", "content_description_length"],
    ["body", "repeat('é', 2097153)", "content_body_length"],
    ["language", "'English'", "content_language_form"],
    ["language", "'e'", "content_language_form"],
    ["language", "'es_MX'", "content_language_form"],
    ["tags", "array_fill('t'::text, array[101])", "content_tags_count"],
    ["prerequisites", "array_fill('t'::text, array[101])", "content_prerequisites_count"],
    ["learning_objectives", "array_fill('t'::text, array[101])", "content_learning_objectives_count"],
    ["metadata", "'[]'", "content_metadata_object"],
    ["metadata", "'null'", "content_metadata_object"],
    ["settings", "'\"x\"'", "content_settings_object"],
    ["estimated_duration_minutes", "0", "content_estimated_duration_range"],
    ["estimated_duration_minutes", "-1", "content_estimated_duration_range"],
    ["estimated_duration_minutes", "100001", "content_estimated_duration_range"],
    ["published_at", "now()", "content_live_time"],
    ["deleted_at", "now()", "deleted_whole"],
    ["deletion_id", "gen_random_uuid()", "deleted_whole"],
  ])("%s cannot become %s, nor start as it [row 23] [row 38]", async (column, value, constraint) => {
    const before = await all();
    const refused = { code: "23514", constraint };
    const update = `update app.content set ${column} = ${value} where content_id = $1`;
    expect(await refusedBy(as(school.id, update, [lesson.id]))).toEqual(refused);
    const columns = ["title", "slug"].filter((name) => name !== column);
    const insert = `insert into app.content (organization_id, ${[...columns, column].join(", ")})
      values ($1, ${columns.map((name) => `'${name}'`).join(", ")}, ${value})`;
    expect(await refusedBy(as(school.id, insert, [school.id]))).toEqual(refused);
    expect(await all()).toEqual(before);
  });

  test.each([
    "title",
    "slug",
    "description",
    "body",
    "content_type",
    "difficulty_level",
    "status",
    "language",
    "tags",
    "prerequisites",
    "learning_objectives",
    "metadata",
    "settings",
    "version",
    "created_at",
    "updated_at",
  ])("%s is never null [row 2] [row 23]", async (column) => {
    const insert = `insert into app.content (organization_id, title, slug, ${column}) values ($1, 't', 's', null)`;
    const text = ["title", "slug"].includes(column)
      ? `insert into app.content (organization_id, ${column}, ${column === "slug" ? "title" : "slug"}) values ($1, null, 's')`
      : insert;
    expect((await refusedBy(as(school.id, text, [school.id])))?.code).toBe("23502");
  });

  test("a version below one is refused, and every type, difficulty and status there is is taken [row 23] [row 38]", async () => {
    const insert = (column: string, value: string, more = "") =>
      as(
        school.id,
        `insert into app.content (organization_id, title, slug, ${column}${more === "" ? "" : ", published_at"})
         values ($1, 't', 's' || replace(app.uuidv7()::text, '-', ''), ${value}${more})`,
        [school.id],
      );
    for (const version of ["0", "-1"]) {
      expect((await refusedBy(insert("version", version)))?.constraint).toBe("version_positive");
    }
    for (const [column, values] of [
      ["content_type", ["lesson", "tutorial", "exercise", "quiz", "project", "reference"]],
      ["difficulty_level", ["beginner", "intermediate", "advanced", "expert"]],
      ["status", ["draft", "pending_review", "approved", "rejected", "published", "archived"]],
    ] as const) {
      for (const value of values) {
        const published = value === "published" ? ", now()" : "";
        expect(await refusedBy(insert(column, `'${value}'`, published))).toBeNull();
      }
    }
    const unpublished = "update app.content set status = 'published' where content_id = $1";
    expect((await refusedBy(as(school.id, unpublished, [lesson.id])))?.constraint).toBe(
      "content_live_status",
    );
  });
});

describe("neighbours", () => {
  test("slug and source id are one's own among live lessons of one organization [row 24]", async () => {
    const insert = (organizationId: string, slug: string, sourceId: string | null, deleted = false) =>
      as(
        organizationId,
        `insert into app.content (organization_id, title, slug, source_id, deleted_at, deletion_id)
         values ($1, 't', $2, $3, ${deleted ? "now(), app.uuidv7()" : "null, null"})`,
        [organizationId, slug, sourceId],
      );
    await insert(school.id, "the-slug", "the-id");
    expect(await refusedBy(insert(school.id, "the-slug", null))).toEqual({
      code: "23505",
      constraint: "content_slug_unique",
    });
    expect(await refusedBy(insert(school.id, "another", "the-id"))).toEqual({
      code: "23505",
      constraint: "content_source_unique",
    });
    expect(await refusedBy(insert(other.id, "the-slug", "the-id"))).toBeNull();
    for (let n = 0; n < 3; n++)
      expect(await refusedBy(insert(school.id, "the-slug", "the-id", true))).toBeNull();
    expect(await refusedBy(insert(school.id, "no-id", null))).toBeNull();
    expect(await refusedBy(insert(school.id, "no-id-either", null))).toBeNull();
  });

  test("another organization's lesson is neither read, written, taken over nor referred to [row 42] [row 45]", async () => {
    const before = await all();
    const none = [
      "select content_id from app.content where content_id = $1",
      "update app.content set title = 'x' where content_id = $1 returning content_id",
    ];
    for (const text of none) expect(await as(school.id, text, [theirs.id])).toEqual([]);
    for (const [text, values] of [
      ["update app.content set organization_id = $2 where content_id = $1", [lesson.id, other.id]],
      ["insert into app.content (organization_id, title, slug) values ($1, 't', 's')", [other.id]],
    ] as const) {
      expect((await refusedBy(as(school.id, text, values)))?.code).toBe("42501");
    }
    const reviewer = "update app.content set reviewed_by_id = $2 where content_id = $1";
    expect((await refusedBy(as(school.id, reviewer, [lesson.id, other.admin.id])))?.code).toBe("23503");
    expect((await refusedBy(as(school.id, "delete from app.content")))?.code).toBe("42501");
    expect((await refusedBy(as(school.id, "truncate app.content")))?.code).toBe("42501");
    expect(await all()).toEqual(before);
  });
});
