/**
 * Operation × role × whose: each cell of the printed table, asked of the real app. The operations come from the OpenAPI
 * document and what is expected of them from the table, so that a new endpoint is in here by being there; it has to say
 * only how to make what its id stands for.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { ROLES, type Role } from "../../src/actor.ts";
import { endpoints } from "../../src/endpoints.ts";
import { type Access, permissions, type Rule, SCOPES } from "../../src/permissions.ts";
import { cast, type Person } from "../support/cast.ts";
import { domain } from "../support/domain.ts";
import { type Described, described } from "../support/operations.ts";

const app = await domain();
const { it, request } = app;
const { admin } = app.database;
afterAll(app.close);

const [school, foreign, strict] = [await it.organization(), await it.organization(), await it.organization()];
await admin(
  `update app.organization set settings = (
     select jsonb_object_agg(role || 'SecondFactorRequired', true) from unnest(array['student', 'teacher', 'admin', 'parent']) role
   ) where organization_id = $1`,
  [strict.id],
);

const { person, session, apiKey, thingOf } = cast(app);

/** Where nothing is set up that the operation is about: then 404 is what who may do it is told. */
const NOTHING_THERE: ReadonlySet<string> = new Set([
  "GET /v1/users/lookup",
  "GET /v1/contents/lookup",
  "DELETE /v1/me/second-factor",
  "POST /v1/me/second-factor/confirmation",
  "POST /v1/me/second-factor/recovery-codes",
  "GET /v1/contents/:id/rating",
  "DELETE /v1/contents/:id/rating",
]);

/** For others only: nobody does it to themselves. */
const NOT_ONESELF: ReadonlySet<string> = new Set(["PUT /v1/users/:id/password"]);

/** What is asked with of an operation that needs a fresh proof for staff alone, where the rest needs none. */
const ABOUT_STAFF: Readonly<Record<string, unknown>> = {
  "POST /v1/users": { fullName: "Ada Lovelace", username: "ada", role: "teacher" },
  "PATCH /v1/users/:id": { status: "suspended" },
};

const PERMISSION_SLUGS = [
  ...["unauthenticated", "forbidden", "api_key_not_allowed"],
  ...["reauthentication_required", "second_factor_enrolment_required"],
];

interface Outcome {
  readonly status: number;
  readonly slug: string | null;
  /** All that tells one answer from another. */
  readonly whole: unknown;
}

async function ask({ method, path, body, headers }: Described, token: string, id = ""): Promise<Outcome> {
  const answer = await request<{ type?: string; instance?: string } | null>(method, path.replace(":id", id), {
    token,
    headers,
    ...(body === undefined ? {} : { body }),
  });
  const { type = "", instance: _, ...rest } = answer.body ?? {};
  return {
    status: answer.status,
    slug: type === "" ? null : type.replace("urn:satchel:problem:", ""),
    whole: {
      type,
      rest,
      headers: [...answer.headers].filter(([name]) => !/^(x-request-id|ratelimit-)/.test(name)),
    },
  };
}

/** Let in: whatever else came of it, nobody said it was not for them, and the request was one that can be answered. */
function expectAllowed(given: Described, { status, slug }: Outcome): void {
  const refused = slug !== null && PERMISSION_SLUGS.includes(slug);
  const unfit = [400, 415, 422, 428].includes(status) || status >= 500;
  const absent = status === 404 && !NOTHING_THERE.has(given.operation);
  if (refused || unfit || absent) throw new Error(`${given.operation}: ${status} ${slug}, and not let in`);
}

function expectRefused({ status, slug }: Outcome, expected: "forbidden" | "not_found" | string): void {
  expect([status, slug]).toEqual([expected === "not_found" ? 404 : 403, expected]);
}

/** Who may do it with their own and meets another's: told that it is not for them only if they may see it. */
const strangersAnswer = ({ path }: Described, role: Role): "forbidden" | "not_found" => {
  const read = `GET ${path.replace(/(\/:id).*/, "$1")}`;
  const rule: Access | undefined = (permissions as Readonly<Record<string, Access>>)[read];
  return rule !== undefined && rule !== "public" && rule.rights[role] === "any" ? "forbidden" : "not_found";
};

const members = described.filter(
  (given): given is Described & { readonly access: Rule } => given.access !== "public",
);
const open = described.filter(({ access }) => access === "public");

test("the document, the table and the endpoints name the same operations", () => {
  const named = described.map(({ operation }) => operation).sort();
  expect(named).toEqual(Object.keys(permissions).sort());
  expect(named).toEqual(endpoints.map(({ method, path }) => `${method} ${path}`).sort());
  expect(members.length).toBeGreaterThan(25);
});

const fingerprint = async () =>
  admin(
    `select (select md5(string_agg(t::text, '' order by user_id)) from app.user t where organization_id = $1) as users,
       (select md5(string_agg(t::text, '' order by content_id)) from app.content t where organization_id = $1) as contents,
       (select md5(string_agg(t::text, '' order by session_id)) from app.session t where organization_id = $1) as sessions,
       (select md5(string_agg(t::text, '' order by api_key_id)) from app.api_key t where organization_id = $1) as api_keys,
       (select md5(t::text) from app.organization t where organization_id = $1) as organization,
       (select count(*) from app.history where organization_id = $1) as history`,
    [foreign.id],
  );

describe.each(members.map((given) => [given.operation, given] as const))("%s", (_, given) => {
  const thing = thingOf(given.path);
  /** What a person may do it with. */
  const target = async (actor: Person): Promise<string> => {
    if (thing === null) return "";
    const ofStudent = NOT_ONESELF.has(given.operation) || given.access.freshForStaff;
    return thing(ofStudent ? await person(actor.organizationId, "student") : actor);
  };

  test.each([...ROLES])("is to a %s what the table says [row 45] [row 105]", async (role) => {
    const right = given.access.rights[role];
    const actor = await person(school.id, role);
    const { token } = await session(actor);
    if (thing === null) {
      const outcome = await ask(given, token);
      return right === "no" ? expectRefused(outcome, "forbidden") : expectAllowed(given, outcome);
    }
    const stranger = await person(foreign.id, "student");
    const theirs = await thing(stranger);
    const before = await fingerprint();
    // Their own comes last: it may be themselves that they delete.
    const unknown = await ask(given, token, Bun.randomUUIDv7());
    const foreigners = await ask(given, token, theirs);
    const others = await ask(given, token, await thing(await person(school.id, "student")));
    const own = await ask(given, token, await thing(actor));
    expect(foreigners).toEqual(unknown);
    expect(await fingerprint()).toEqual(before);
    if (right === "no") {
      for (const outcome of [unknown, others, own]) expectRefused(outcome, "forbidden");
      return;
    }
    if (right === "any") {
      expectRefused(unknown, "not_found");
      expectAllowed(given, others);
    } else {
      // Not theirs, and so not for them, whether or not there is anything.
      if (unknown.slug !== "not_found") expectRefused(unknown, "forbidden");
      expectRefused(others, strangersAnswer(given, role));
    }
    if (NOT_ONESELF.has(given.operation)) expectRefused(own, "forbidden");
    else expectAllowed(given, own);
  });

  test("asks for a fresh proof exactly where the table says so", async () => {
    const allowed = ROLES.filter((role) => given.access.rights[role] !== "no");
    await Promise.all(
      allowed.map(async (role) => {
        const actor = await person(school.id, role);
        const [{ id, token }, its] = await Promise.all([session(actor), target(actor)]);
        await admin(
          "update app.session set authenticated_at = now() - interval '301 seconds' where session_id = $1",
          [id],
        );
        const outcome = await ask(given, token, its);
        if (given.access.fresh) expectRefused(outcome, "reauthentication_required");
        else expectAllowed(given, outcome);
      }),
    );
  });

  if (given.access.freshForStaff) {
    test("asks for a fresh proof where it is about staff, and lets no API key", async () => {
      const body = ABOUT_STAFF[given.operation] ?? given.body;
      for (const role of ["teacher", "admin"] as const) {
        const actor = await person(school.id, "admin");
        const [{ id, token }, key] = [await session(actor), await apiKey(actor, "admin", SCOPES)];
        const staff = async () => (thing === null ? "" : await thing(await person(school.id, role)));
        expectRefused(await ask({ ...given, body }, key.token, await staff()), "api_key_not_allowed");
        expectAllowed(given, await ask({ ...given, body }, token, await staff()));
        await admin(
          "update app.session set authenticated_at = now() - interval '301 seconds' where session_id = $1",
          [id],
        );
        expectRefused(await ask({ ...given, body }, token, await staff()), "reauthentication_required");
      }
    });
  }

  test("is for an API key with its scope alone, and within the role of whoever made it", async () => {
    const { scope, rights } = given.access;
    await Promise.all(
      ROLES.map(async (role) => {
        const actor = await person(school.id, role);
        const [id, without, withAll] = await Promise.all([
          target(actor),
          apiKey(
            actor,
            role,
            SCOPES.filter((other) => other !== scope),
          ),
          apiKey(actor, role, SCOPES),
        ]);
        const refusal = rights[role] === "no" ? "forbidden" : "api_key_not_allowed";
        expectRefused(await ask(given, without.token, id), refusal);
        const outcome = await ask(given, withAll.token, id);
        if (scope === null || rights[role] === "no") expectRefused(outcome, refusal);
        else expectAllowed(given, outcome);
      }),
    );
  });

  test("waits for a second factor where the role needs one, but for what leads to having it", async () => {
    const role = ROLES.find((candidate) => given.access.rights[candidate] !== "no") ?? "admin";
    const actor = await person(strict.id, role);
    // Not the actor's own where it need not be: what is made may be the very second factor.
    const owner = given.access.rights[role] === "any" ? await person(strict.id, "student") : actor;
    const outcome = await ask(given, (await session(actor)).token, await target(owner));
    if (given.access.enrolling) expectAllowed(given, outcome);
    else expectRefused(outcome, "second_factor_enrolment_required");
  });

  test("is nobody's who has not signed in, or shows a token that is none", async () => {
    const tokens = [null, "satchel_nonsense", `satchel_${"A".repeat(64)}`, `satchel_key_${"A".repeat(64)}`];
    for (const token of tokens) {
      const target = given.path.replace(":id", Bun.randomUUIDv7());
      const answer = await request<{ type: string }>(given.method, target, { token, headers: given.headers });
      expect([answer.status, answer.body.type]).toEqual([401, "urn:satchel:problem:unauthenticated"]);
      expect(answer.headers.get("www-authenticate")).toBe('Bearer realm="satchel"');
    }
  });
});

test.each(open.map((given) => [given.operation, given] as const))("%s is for everybody", async (_, given) => {
  const answer = await request<{ type?: string } | null>(given.method, given.path, { body: {} });
  expect(answer.body?.type ?? "").not.toMatch(/:(unauthenticated|forbidden)$/);
  expect(answer.status).toBeLessThan(500);
});
