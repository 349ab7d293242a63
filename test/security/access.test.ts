/** Every endpoint and every role: who gets in is what the endpoint declares, and the declarations are these. */
import { afterAll, describe, expect, test } from "bun:test";
import { ROLES, type Role } from "../../src/actor.ts";
import { endpoints } from "../../src/endpoints.ts";
import { domain } from "../support/domain.ts";

const app = await domain();
const { it, request } = app;
afterAll(app.close);

const all: readonly Role[] = ["student", "teacher", "admin", "parent"];
const staff: readonly Role[] = ["teacher", "admin"];
/** Written out, so that whoever opens an endpoint does so here as well. */
const ACCESS: Readonly<Record<string, readonly Role[] | "public">> = {
  "POST /v1/organizations": "public",
  "GET /v1/organization": all,
  "PATCH /v1/organization": ["admin"],
  "POST /v1/sessions": "public",
  "GET /v1/sessions": all,
  "DELETE /v1/sessions": all,
  "GET /v1/sessions/current": all,
  "DELETE /v1/sessions/current": all,
  "DELETE /v1/sessions/:id": all,
  "PUT /v1/me/password": all,
  "GET /v1/me": all,
  "PATCH /v1/me": all,
  "GET /v1/users": staff,
  "POST /v1/users": ["admin"],
  "GET /v1/users/statistics": staff,
  "GET /v1/users/:id": all,
  "PATCH /v1/users/:id": ["admin"],
  "PUT /v1/users/:id/role": ["admin"],
  "DELETE /v1/users/:id": ["admin"],
  "POST /v1/users/:id/restore": ["admin"],
  "POST /v1/users/:id/unlock": ["admin"],
  "GET /v1/contents": all,
  "POST /v1/contents": staff,
  "GET /v1/contents/:id": all,
  "PATCH /v1/contents/:id": staff,
  "DELETE /v1/contents/:id": staff,
  "POST /v1/contents/:id/publish": staff,
  "POST /v1/contents/:id/unpublish": staff,
  "POST /v1/contents/:id/restore": staff,
  "GET /v1/contents/:id/history": staff,
  "GET /v1/search": all,
  "GET /v1/security/events": ["admin"],
};

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

test("every endpoint is listed with who may call it, and nothing is listed that is not there", () => {
  const declared = endpoints.map(({ method, path, access }) => [
    `${method} ${path}`,
    access === "public" ? access : [...(access.roles ?? all)].sort(),
  ]);
  const expected = Object.entries(ACCESS).map(([route, roles]) => [
    route,
    roles === "public" ? roles : [...roles].sort(),
  ]);
  expect(Object.fromEntries(declared)).toEqual(Object.fromEntries(expected));
});

describe.each(Object.entries(ACCESS))("%s", (route, access) => {
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

  test.each([...ROLES])("lets a %s in or not as declared, before it looks at anything else", async (role) => {
    if (access === "public") return expect(path).toMatch(/^\/v1\/(organizations|sessions)$/);
    // Signing out is for a session of its own.
    const own =
      route === "DELETE /v1/sessions/current" ? (await it.member(school, role)).token : tokenOf(role);
    for (const target of [realPath(path), path.replace(":id", Bun.randomUUIDv7())]) {
      // Nothing that is needed comes along: whoever is let in is refused for that, or reads.
      const answer = await request<{ type?: string } | null>(method, target, { token: own });
      if (access.includes(role)) {
        expect([401, 403]).not.toContain(answer.status);
        expect(answer.status).toBeLessThan(500);
        if (route === "DELETE /v1/sessions/current") return;
      } else {
        expect([answer.status, answer.body?.type]).toEqual([403, "urn:satchel:problem:forbidden"]);
      }
    }
  });
});
