/** What the attacks are played on: the executable, schools in it, and the attacker's and everybody else's addresses. */
import { readFileSync } from "node:fs";
import type { Role } from "../../src/actor.ts";
import { type RunningSatchel, type StartOptions, startSatchel } from "../support/binary.ts";
import { type Client, client } from "../support/client.ts";
import { PASSWORD } from "../support/given.ts";
import { found } from "../support/http.ts";

export interface Line {
  readonly line: string;
  readonly goal: string;
  readonly figure: string;
  readonly ok: boolean;
}

export interface Options {
  /** Fewer of everything. */
  readonly quick: boolean;
}

/** Where people come from; the server is told by the header that a proxy would add. */
export const ATTACKER = "203.0.113.66";
export const CLASSROOM = "198.51.100.7";
export const from = (address: string) => ({ "x-forwarded-for": address });

export const SECRET = "a-secret-of-the-attacked-server-0123456789-abcdefghijk";
export const WRONG = "this is not the password of anybody";

/** How the attacked server is set up: behind one proxy, and otherwise as it comes. */
export const environment = {
  SATCHEL_SECRET: SECRET,
  SATCHEL_SIGN_UP: "open",
  SATCHEL_TRUSTED_PROXIES: "1",
  SATCHEL_LOG_LEVEL: "debug",
};

export interface Person {
  readonly id: string;
  readonly username: string;
  readonly password: string;
}

export interface School {
  readonly slug: string;
  /** The first admin's. */
  readonly token: string;
  readonly admin: { readonly username: string; readonly password: string };
  readonly people: (count: number, more?: Readonly<Record<string, unknown>>) => Promise<readonly Person[]>;
  readonly request: Client["request"];
}

export interface Stage {
  readonly server: RunningSatchel;
  readonly request: Client["request"];
  school(settings?: Readonly<Record<string, unknown>>): Promise<School>;
  /** Starts the server again on the same data, with another address. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

let schools = 0;
let people = 0;

/** Starts the executable on its embedded database, or with the environment given. */
export async function openStage(options: StartOptions = {}): Promise<Stage> {
  const env = { ...environment, ...options.env };
  let server = await startSatchel({ ...options, env });
  const { folder } = server;
  // Whoever waits in a line of ten thousand waits for long.
  let own = client(server.url, 120_000);
  const request: Client["request"] = (method, path, sent) => own.request(method, path, sent);
  return {
    get server() {
      return server;
    },
    request,
    school: (settings) => foundSchool(server.url, request, settings),
    restart: async () => {
      await server.stop();
      server = await startSatchel({ ...options, folder, env });
      own = client(server.url, 120_000);
    },
    close: async () => {
      await server.stop();
    },
  };
}

async function foundSchool(
  url: string,
  request: Client["request"],
  settings?: Readonly<Record<string, unknown>>,
): Promise<School> {
  const slug = `attacked-${process.pid.toString(36)}-${++schools}`;
  const { token, login } = await found(url, slug);
  if (settings !== undefined) {
    const sent = { token, headers: { "if-match": "*" }, body: { settings } };
    must(await request("PATCH", "/v1/organization", sent), 200);
  }
  const add = async (more: Readonly<Record<string, unknown>>): Promise<Person> => {
    const username = `person-${++people}`;
    const body = { fullName: `Person ${people}`, username, email: `${username}@school.example`, ...more };
    const { id } = must(await request<{ id: string }>("POST", "/v1/users", { token, body }), 201);
    return { id, username, password: PASSWORD };
  };
  return {
    slug,
    token,
    admin: { username: login.login, password: login.password },
    request,
    people: async (count, more = { password: PASSWORD }) => {
      const made: Person[] = [];
      for (let start = 0; start < count; start += 8) {
        const batch = Math.min(8, count - start);
        made.push(...(await Promise.all(Array.from({ length: batch }, () => add(more)))));
      }
      return made;
    },
  };
}

/** The body of an answer that must have this status. */
export function must<B>(answer: { readonly status: number; readonly body: B }, status: number): B {
  if (answer.status !== status) {
    throw new Error(`${answer.status} instead of ${status}: ${JSON.stringify(answer.body)}`);
  }
  return answer.body;
}

/** A request to sign in. */
export const signInOf = (
  { slug }: Pick<School, "slug">,
  { username, password }: Pick<Person, "username" | "password">,
  more: Readonly<Record<string, unknown>> = {},
  address = ATTACKER,
) => ({
  method: "POST",
  path: "/v1/sessions",
  headers: from(address),
  body: { organization: slug, login: username, password, ...more },
});

export interface SignedIn {
  readonly token: string;
  readonly deviceToken: string;
  readonly refreshToken?: string;
}

/** Signs in and gives the tokens. */
export async function signIn(
  school: School,
  person: Pick<Person, "username" | "password">,
  more: Readonly<Record<string, unknown>> = {},
  address = CLASSROOM,
): Promise<SignedIn> {
  const { method, path, ...sent } = signInOf(school, person, more, address);
  return must(await school.request<SignedIn>(method, path, sent), 201);
}

/** Attempts at a person that were counted and not forgiven, at all doors: no more were verified. */
export async function counted(school: School, { id }: Person): Promise<number> {
  const answer = await school.request<{ failedLoginCount: number }>("GET", `/v1/users/${id}/sign-in`, {
    token: school.token,
  });
  return must(answer, 200).failedLoginCount;
}

/** A person of their own school's, in a role, signed in. */
export const member = async (school: School, role: Role = "student") => {
  const [person] = await school.people(1, { password: PASSWORD, role });
  if (person === undefined) throw new Error("nobody was added");
  return { person, ...(await signIn(school, person)) };
};

/** How much memory a process has, in MiB. */
export const memoryOf = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
