/**
 * What a test starts from, made through the API as a client would make it, so that nothing is arranged that could not
 * come about. Every name is new: tests share an app without meeting.
 */
import type { Role } from "../../src/actor.ts";
import type { TestApp } from "./app.ts";

/** Long enough, and made of nobody's name. */
export const PASSWORD = "seven quiet herons cross the weir";

export interface GivenUser {
  readonly id: string;
  readonly username: string;
  readonly email: string;
  readonly password: string;
  readonly role: Role;
}

export interface GivenOrganization {
  readonly id: string;
  readonly slug: string;
  readonly admin: GivenUser;
  /** The admin's. */
  readonly token: string;
}

export interface GivenContent {
  readonly id: string;
  readonly slug: string;
  readonly version: number;
}

export interface Given {
  /** An organization as it is founded, and its first admin, signed in. */
  founded(): Promise<GivenOrganization>;
  /** The same, where authors may approve their own work. */
  organization(): Promise<GivenOrganization>;
  /** A person with a password, added by the admin. `more` goes into the request. */
  user(
    organization: GivenOrganization,
    role?: Role,
    more?: Readonly<Record<string, unknown>>,
  ): Promise<GivenUser>;
  /** Signs the person in. Gives the token. */
  session(organization: Pick<GivenOrganization, "slug">, user: GivenUser): Promise<string>;
  /** A person signed in. */
  member(
    organization: GivenOrganization,
    role?: Role,
  ): Promise<{ readonly user: GivenUser; readonly token: string }>;
  /** A draft lesson. `more` goes into the request. */
  content(token: string, more?: Readonly<Record<string, unknown>>): Promise<GivenContent>;
  /** Publishes a lesson as it is now. */
  publish(token: string, contentId: string): Promise<GivenContent>;
  /** A lesson that is published. */
  published(token: string, more?: Readonly<Record<string, unknown>>): Promise<GivenContent>;
}

let made = 0;
/** `school-1f0c-3`: new in this process, and not the same in each run. */
const fresh = (word: string) => `${word}-${process.pid.toString(36)}-${(++made).toString(36)}`;

export function given({ request }: Pick<TestApp, "request">): Given {
  /** Sends, and fails the test with the whole answer when it is not the expected one. */
  async function expecting<Body>(
    status: number,
    method: string,
    path: string,
    sent: Parameters<TestApp["request"]>[2],
  ): Promise<Body> {
    const answer = await request<Body>(method, path, sent);
    if (answer.status !== status) {
      throw new Error(
        `${method} ${path}: ${answer.status} instead of ${status}: ${JSON.stringify(answer.body)}`,
      );
    }
    return answer.body;
  }

  const person = (role: Role) => {
    const username = fresh(role);
    return { fullName: `A ${role}`, username, email: `${username}@school.example`, password: PASSWORD };
  };

  const it: Given = {
    founded: async () => {
      const slug = fresh("school");
      const admin = person("admin");
      const answer = await expecting<{
        organization: { id: string };
        user: { id: string };
        session: { token: string };
      }>(201, "POST", "/v1/organizations", { body: { name: `School ${slug}`, slug, admin } });
      return {
        id: answer.organization.id,
        slug,
        admin: { ...admin, id: answer.user.id, role: "admin" },
        token: answer.session.token,
      };
    },
    organization: async () => {
      const organization = await it.founded();
      // Most tests want a lesson that is published, and not two people for each.
      await expecting(200, "PATCH", "/v1/organization", {
        token: organization.token,
        headers: { "if-match": "*" },
        body: { settings: { authorsMayApprove: true } },
      });
      return organization;
    },
    user: async ({ token }, role = "student", more = {}) => {
      const body = { ...person(role), role, ...more };
      const { id } = await expecting<{ id: string }>(201, "POST", "/v1/users", { token, body });
      return { ...body, id };
    },
    session: async ({ slug }, { username, password }) => {
      const body = { organization: slug, login: username, password };
      return (await expecting<{ token: string }>(201, "POST", "/v1/sessions", { body })).token;
    },
    member: async (organization, role = "student") => {
      const user = await it.user(organization, role);
      return { user, token: await it.session(organization, user) };
    },
    content: (token, more = {}) => {
      const slug = fresh("lesson");
      const body = {
        title: `Lesson ${slug}`,
        slug,
        body: "What is to be learnt.",
        contentType: "lesson",
        ...more,
      };
      return expecting<GivenContent>(201, "POST", "/v1/contents", { token, body });
    },
    publish: (token, contentId) =>
      expecting<GivenContent>(200, "POST", `/v1/contents/${contentId}/publish`, {
        token,
        headers: { "if-match": "*" },
      }),
    published: async (token, more = {}) => {
      const { id, version } = await it.content(token, more);
      return expecting<GivenContent>(200, "POST", `/v1/contents/${id}/publish`, {
        token,
        headers: { "if-match": `"${version}"` },
      });
    },
  };
  return it;
}
