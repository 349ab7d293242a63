/** Every operation and every role: who gets in is what the table of permissions says. */
import { afterAll, describe, expect, test } from "bun:test";
import { ROLES, type Role } from "../../src/actor.ts";
import { type Access, permissions } from "../../src/permissions.ts";
import { domain } from "../support/domain.ts";

const app = await domain();
const { it, request } = app;
afterAll(app.close);

const table: readonly (readonly [string, Access])[] = Object.entries(permissions);

const school = await it.organization();
const tokens = new Map<Role, string>();
for (const role of ROLES) {
  tokens.set(role, (await it.member(school, role)).token);
}
const tokenOf = (role: Role) => tokens.get(role) ?? "";
// The teacher's own, and nobody who signs in here: what a door refuses later is not asked here.
const lesson = await it.content(tokenOf("teacher"));
const pupil = (await it.user(school)).id;

/** A real row for the id, so that a door that looked before it asked would show. */
const realPath = (path: string) =>
  path.replace(
    ":id",
    path.includes("/contents/") ? lesson.id : path.includes("/users/") ? pupil : Bun.randomUUIDv7(),
  );

describe.each(table)("%s", (route, access) => {
  const [method = "", path = ""] = route.split(" ");

  test("asks whoever comes without a session, or with one that is none, to sign in", async () => {
    for (const token of [null, "satchel_nonsense", `satchel_${"A".repeat(64)}`]) {
      const answer = await request<{ type: string }>(method, realPath(path), {
        token,
        headers: { "if-match": "*" },
      });
      if (access === "public") {
        expect([400, 415, 422]).toContain(answer.status);
        continue;
      }
      expect([answer.status, answer.body.type]).toEqual([401, "urn:satchel:problem:unauthenticated"]);
      expect(answer.headers.get("www-authenticate")).toBe('Bearer realm="satchel"');
    }
  });

  test.each([...ROLES])(
    "lets a %s in or not as the table says, before it looks at anything else",
    async (role) => {
      if (access === "public") return expect(path).toMatch(/^\/v1\/(organizations|sessions)$/);
      // Signing out is for a session of its own.
      const own =
        route === "DELETE /v1/sessions/current" ? (await it.member(school, role)).token : tokenOf(role);
      for (const target of [realPath(path), path.replace(":id", Bun.randomUUIDv7())]) {
        // Nothing that is needed comes along: whoever is let in is refused for that, or reads.
        const answer = await request<{ type?: string } | null>(method, target, { token: own });
        if (access.rights[role] !== "no") {
          expect([401, 403]).not.toContain(answer.status);
          expect(answer.status).toBeLessThan(500);
          if (route === "DELETE /v1/sessions/current") return;
        } else {
          expect([answer.status, answer.body?.type]).toEqual([403, "urn:satchel:problem:forbidden"]);
        }
      }
    },
  );
});
