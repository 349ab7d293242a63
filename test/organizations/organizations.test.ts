/** Founding an organization, and its own settings. */
import { afterAll, describe, expect, test } from "bun:test";
import type { SignUp } from "../../src/config.ts";
import { allOrganizations, anyOrganization, createSetupCode } from "../../src/organizations/organizations.ts";
import { DEFAULT_SETTINGS, SETTINGS, type Setting } from "../../src/settings.ts";
import { domain } from "../support/domain.ts";
import { PASSWORD } from "../support/given.ts";

const app = await domain();
const { it, request } = app;
const { admin } = app.database;
afterAll(app.close);

const closing: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const close of closing) await close();
});
/** An app of its own: who may found one is said once, and first codes are about an empty database. */
async function fresh(signUp: SignUp) {
  const own = await domain({ config: { signUp } });
  closing.push(own.close);
  return own;
}

let n = 0;
const founding = (
  more: Readonly<Record<string, unknown>> = {},
  person: Readonly<Record<string, unknown>> = {},
) => {
  const slug = `house-${++n}`;
  return {
    name: "House",
    slug,
    admin: {
      fullName: "First Admin",
      username: "first",
      email: "first@house.example",
      password: PASSWORD,
      ...person,
    },
    ...more,
  };
};
interface Founded {
  readonly organization: { readonly id: string; readonly [key: string]: unknown };
  readonly user: { readonly id: string; readonly [key: string]: unknown };
  readonly session: { readonly token: string; readonly deviceToken: string; readonly expiresAt: string };
  readonly type?: string;
}
const found = (own: Pick<typeof app, "request">, body: unknown, headers: Record<string, string> = {}) =>
  own.request<Founded>("POST", "/v1/organizations", { body, headers });
const outcome = ({ status, body }: { status: number; body: { type?: string } }) =>
  status === 201 ? 201 : [status, body.type?.replace("urn:satchel:problem:", "")];

describe("founding", () => {
  test("makes organization, admin and session in one go, and the session is good [row 71]", async () => {
    const body = founding({ type: "university" }, { timeZone: "Europe/Madrid", language: "es" });
    const answer = await found(app, body);
    expect(answer.status).toBe(201);
    const { organization, user, session } = answer.body;
    expect(organization).toMatchObject({
      name: "House",
      slug: body.slug,
      type: "university",
      status: "active",
      settings: DEFAULT_SETTINGS,
      version: 1,
    });
    expect(user).toMatchObject({
      username: "first",
      role: "admin",
      status: "active",
      timeZone: "Europe/Madrid",
      language: "es",
    });
    expect((await request("GET", "/v1/me", { token: session.token })).body).toMatchObject({ id: user.id });
    expect((await request("GET", "/v1/organization", { token: session.token })).body).toEqual(organization);
    expect(answer.headers.getSetCookie().map((line) => line.split("=")[0])).toEqual([
      "satchel-session",
      "satchel-device",
    ]);
    expect(JSON.stringify(answer.body)).not.toMatch(/argon2|seven quiet/);
  });

  test("under a slug that is taken is refused by name, and leaves nothing behind [row 41] [row 66]", async () => {
    const { slug } = await it.founded();
    const before = await admin(
      "select (select count(*) from app.organization) as o, (select count(*) from app.user) as u",
    );
    const answer = await found(app, founding({ slug }));
    expect(outcome(answer)).toEqual([409, "organization_slug_taken"]);
    expect(answer.body).toMatchObject({ errors: [{ pointer: "#/slug", detail: "is already in use" }] });
    expect(
      await admin(
        "select (select count(*) from app.organization) as o, (select count(*) from app.user) as u",
      ),
    ).toEqual(before);
  });

  test.each([
    ["#/slug", { slug: "A" }, {}],
    ["#/slug", { slug: "a--b" }, {}],
    ["#/name", { name: "  " }, {}],
    ["#/type", { type: "prison" }, {}],
    ["#/admin/password", {}, { password: "short" }],
    ["#/admin/email", {}, { email: "a@b" }],
    ["#/admin/timeZone", {}, { timeZone: "Mars/Olympus" }],
    ["#/admin/role", {}, { role: "student" }],
    ["#/status", { status: "active" }, {}],
    ["#/id", { id: crypto.randomUUID() }, {}],
    ["#/settings", { settings: { lockoutAttempts: 20 } }, {}],
  ])("is refused at %s, with its place [row 60]", async (pointer, more, person) => {
    const answer = await request<{ errors?: readonly { pointer: string }[] }>("POST", "/v1/organizations", {
      body: founding(more, person),
    });
    expect(answer.status).toBe(422);
    expect(answer.body.errors?.map((error) => error.pointer)).toContain(pointer);
  });

  test("the admin's password is not made of the organization's name", async () => {
    const name = "Lighthouse Academy";
    expect(outcome(await found(app, founding({ name }, { password: "LighthouseAcademy" })))).toEqual([
      422,
      "password_refused",
    ]);
  });

  test("repeated with its Idempotency-Key it is one organization and one answer, token and all; another body is refused [row 108]", async () => {
    const headers = { "idempotency-key": crypto.randomUUID() };
    const body = founding();
    const [first, second] = [await found(app, body, headers), await found(app, body, headers)];
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(second.body).toEqual(first.body);
    expect(second.headers.get("idempotency-replayed")).toBe("true");
    expect(await admin("select from app.organization where slug = $1", [body.slug])).toHaveLength(1);
    expect(
      await admin("select from app.session where organization_id = $1", [first.body.organization.id]),
    ).toHaveLength(1);
    const other = { ...body, slug: `${body.slug}-b` };
    expect(outcome(await found(app, other, headers))).toEqual([422, "idempotency_key_reused"]);
    expect(await admin("select from app.organization where slug = $1", [other.slug])).toEqual([]);
  });

  test("ten times at once with one key it is one, too [row 108]", async () => {
    const headers = { "idempotency-key": crypto.randomUUID() };
    const body = founding();
    const answers = await Promise.all(Array.from({ length: 10 }, () => found(app, body, headers)));
    const made = answers.filter(({ status }) => status === 201);
    expect(made.length).toBeGreaterThan(0);
    expect(new Set(made.map((answer) => answer.body.session.token)).size).toBe(1);
    expect(answers.filter(({ status }) => status !== 201 && status !== 409)).toEqual([]);
    expect(await admin("select from app.organization where slug = $1", [body.slug])).toHaveLength(1);
  });
});

describe("who may found one", () => {
  test("nobody where it is closed, whatever code they bring", async () => {
    const own = await fresh("closed");
    const setupCode = await createSetupCode(own.deps, false);
    expect(outcome(await found(own, founding()))).toEqual([403, "sign_up_closed"]);
    expect(outcome(await found(own, founding({ setupCode })))).toEqual([403, "sign_up_closed"]);
    expect(await anyOrganization(own.deps)).toBe(false);
  });

  test("who has a code, once; a wrong one leaves it good, and so does a slug that is taken", async () => {
    const own = await fresh("code");
    const setupCode = await createSetupCode(own.deps, true);
    expect(setupCode).toMatch(/^([0-9A-HJKMNP-TV-Z]{5}-){3}[0-9A-HJKMNP-TV-Z]{5}$/);
    const wrong = setupCode.replace(/^./, setupCode.startsWith("0") ? "1" : "0");
    for (const body of [
      founding(),
      founding({ setupCode: wrong }),
      founding({ setupCode: "" }),
      founding({ setupCode: "?" }),
    ]) {
      expect(outcome(await found(own, body))).toEqual([403, "setup_code_refused"]);
    }
    expect(await anyOrganization(own.deps)).toBe(false);
    const first = founding({ setupCode });
    expect(outcome(await found(own, first))).toBe(201);
    expect(outcome(await found(own, founding({ setupCode })))).toEqual([403, "setup_code_refused"]);
    const second = await createSetupCode(own.deps, false);
    expect(outcome(await found(own, founding({ setupCode: second, slug: first.slug })))).toEqual([
      409,
      "organization_slug_taken",
    ]);
    expect(outcome(await found(own, founding({ setupCode: second })))).toBe(201);
    expect(await anyOrganization(own.deps)).toBe(true);
  });

  test("a code is read as people type it", async () => {
    const own = await fresh("code");
    const code = await createSetupCode(own.deps, false);
    const typed = ` ${code.toLowerCase().replaceAll("-", " ").replaceAll("0", "o").replaceAll("1", "l")} `;
    expect(outcome(await found(own, founding({ setupCode: typed })))).toBe(201);
  });

  test("a code that two use at the same moment is good for one of them", async () => {
    const own = await fresh("code");
    for (let round = 0; round < 3; round++) {
      const setupCode = await createSetupCode(own.deps, round === 0);
      const answers = await Promise.all(Array.from({ length: 4 }, () => found(own, founding({ setupCode }))));
      expect(answers.map(({ status }) => status).sort()).toEqual([201, 403, 403, 403]);
    }
    expect(await own.database.admin("select from app.organization")).toHaveLength(3);
  });

  test("first codes end with the first organization, however it came about; later ones do not", async () => {
    const own = await fresh("code");
    const [first, spare, later] = [
      await createSetupCode(own.deps, true),
      await createSetupCode(own.deps, true),
      await createSetupCode(own.deps, false),
    ];
    expect(outcome(await found(own, founding({ setupCode: first })))).toBe(201);
    expect(outcome(await found(own, founding({ setupCode: spare })))).toEqual([403, "setup_code_refused"]);
    expect(outcome(await found(own, founding({ setupCode: later })))).toBe(201);
  });

  test("anybody where it is open, which ends first codes as well", async () => {
    const own = await fresh("open");
    await createSetupCode(own.deps, true);
    expect(outcome(await found(own, founding()))).toBe(201);
    expect(await own.database.admin("select from app.setup_code where consumed_at is null")).toEqual([]);
  });

  test("the database keeps a keyed hash of a code and nothing else, and the request role cannot make one", async () => {
    const own = await fresh("code");
    const code = await createSetupCode(own.deps, true);
    const [row] = await own.database.admin<{ row: string }>("select s::text as row from app.setup_code s");
    expect(row?.row).not.toContain(code.slice(0, 5));
    expect(row?.row).not.toContain(
      new Bun.CryptoHasher("sha256").update(code.replaceAll("-", "")).digest("hex"),
    );
    const forge = own.as(
      crypto.randomUUID(),
      "insert into app.setup_code (code_hash, first) values (sha256('a'), false)",
    );
    await expect(forge).rejects.toThrow("permission denied");
  });

  test("first codes that nobody used within a day are swept away when another is made", async () => {
    const own = await fresh("code");
    await createSetupCode(own.deps, true);
    await createSetupCode(own.deps, false);
    await own.database.admin("update app.setup_code set created_at = now() - interval '25 hours'");
    await createSetupCode(own.deps, true);
    expect(await own.database.admin("select first from app.setup_code order by created_at")).toEqual([
      { first: false },
      { first: true },
    ]);
  });
});

/** A value in range that is not the default, and contradicts nothing when every setting gets one. */
function anotherValue(setting: Setting): unknown {
  if ("choices" in setting) return setting.choices.find((choice) => choice !== setting.initial);
  if (!("minimum" in setting)) return !setting.initial;
  const near = (setting.initial ?? setting.minimum) + 1;
  return near <= setting.maximum ? near : near - 2;
}

describe("one's own organization", () => {
  const patch = (token: string, body: unknown, ifMatch = "*") =>
    request<Record<string, unknown> & { version: number }>("PATCH", "/v1/organization", {
      token,
      headers: { "if-match": ifMatch },
      body,
    });

  test("is read by everybody in it, and changed by its admins field by field [row 60]", async () => {
    const house = await it.founded();
    const { token: pupil } = await it.member(house);
    const read = await request<Record<string, unknown>>("GET", "/v1/organization", { token: pupil });
    expect(read.status).toBe(200);
    expect(read.body).toMatchObject({ id: house.id, slug: house.slug, version: 1 });
    const answer = await patch(house.token, { name: "Renamed" }, '"1"');
    expect(answer.body).toEqual({
      ...read.body,
      settings: DEFAULT_SETTINGS,
      name: "Renamed",
      version: 2,
      updatedAt: answer.body.updatedAt,
    });
    expect((await patch(house.token, { name: "Again" }, '"1"')).status).toBe(412);
    expect(
      (await request("PATCH", "/v1/organization", { token: house.token, body: { name: "X" } })).status,
    ).toBe(428);
  });

  test("a change is seen at once by everybody in it, though reads are cached, and by nobody else [row 84]", async () => {
    const [house, other] = [await it.founded(), await it.founded()];
    const { token: pupil } = await it.member(house);
    const nameFor = async (token: string) => (await request("GET", "/v1/organization", { token })).body.name;
    const before = await nameFor(other.token);
    for (let round = 0; round < 20; round++) {
      await nameFor(pupil);
      await patch(house.token, { name: `Name ${round}` });
      expect([await nameFor(pupil), await nameFor(house.token)]).toEqual([`Name ${round}`, `Name ${round}`]);
    }
    expect(await nameFor(other.token)).toBe(before);
  });

  test("settings are merged over the defaults, and what is out of range or unknown is refused whole", async () => {
    const [house, other] = [await it.founded(), await it.founded()];
    await patch(house.token, { settings: { lockoutAttempts: 7 } });
    const changed = { ...DEFAULT_SETTINGS, lockoutAttempts: 7, lockoutMinutes: 60 };
    expect((await patch(house.token, { settings: { lockoutMinutes: 60 } })).body.settings).toEqual(changed);
    for (const settings of [
      { lockoutAttempts: 2.5 },
      { studentPasswordMinimum: 7 },
      { teacherSessionMinutes: 1441 },
      { teacherIdleMinutes: null },
      { adminSecondFactorRequired: "yes" },
      { signUp: "anybody" },
      { lockoutMode: true },
      { anything: 1 },
      { lockoutAttempts: null },
      { lockoutAttempts: 8, sessionsPerUser: 0 },
      [],
    ]) {
      expect((await patch(house.token, { settings })).status).toBe(422);
    }
    expect((await patch(house.token, {})).body.settings).toEqual(changed);
    expect((await patch(other.token, {})).body.settings).toEqual(DEFAULT_SETTINGS);
  });

  test("every setting can be set to something else and back, whether authors may approve their own work too [row 31]", async () => {
    const house = await it.founded();
    const others = Object.entries(SETTINGS).filter(([name]) => name !== "adminSecondFactorRequired");
    const settings = Object.fromEntries(others.map(([name, setting]) => [name, anotherValue(setting)]));
    expect((await patch(house.token, { settings })).body.settings).toEqual({
      ...DEFAULT_SETTINGS,
      ...settings,
    });
    expect((await patch(house.token, { settings: DEFAULT_SETTINGS })).body.settings).toEqual(
      DEFAULT_SETTINGS,
    );
    // This one shuts out, until they have a second factor, whoever sets it.
    const second = { adminSecondFactorRequired: true };
    expect((await patch(house.token, { settings: second })).body.settings).toMatchObject(second);
    expect((await patch(house.token, { settings: DEFAULT_SETTINGS })).status).toBe(403);
  });

  test("only what was set is kept: who never chose follows the defaults", async () => {
    const house = await it.founded();
    await patch(house.token, { settings: { signUp: "code" } });
    expect(
      await admin("select settings from app.organization where organization_id = $1", [house.id]),
    ).toEqual([{ settings: { signUp: "code" } }]);
  });

  test("settings that contradict each other are refused by name, with their place", async () => {
    const house = await it.founded();
    const refused = async (settings: unknown) => {
      const { status, body } = await request<{ type: string; errors: readonly { pointer: string }[] }>(
        "PATCH",
        "/v1/organization",
        { token: house.token, headers: { "if-match": "*" }, body: { settings } },
      );
      expect([status, body.type]).toEqual([422, "urn:satchel:problem:settings_contradictory"]);
      return body.errors.map(({ pointer }) => pointer);
    };
    for (const role of ["teacher", "admin", "parent"] as const) {
      expect(await refused({ [`${role}PasswordMinimum`]: 14 })).toEqual([
        `#/settings/${role}PasswordMinimum`,
      ]);
    }
    expect(await refused({ studentSessionMinutes: 60, studentIdleMinutes: 61 })).toEqual([
      "#/settings/studentIdleMinutes",
    ]);
    const weaker = { teacherPasswordMinimum: 8, teacherSecondFactorRequired: true };
    expect((await patch(house.token, { settings: weaker })).body.settings).toMatchObject(weaker);
    // What the other half was set to earlier counts as well.
    expect(await refused({ teacherSecondFactorRequired: false })).toEqual([
      "#/settings/teacherPasswordMinimum",
    ]);
    expect((await patch(house.token, { settings: { studentPasswordMinimum: 8 } })).status).toBe(200);
  });

  test("settings are for admins; others learn no more than what the organization is called", async () => {
    const house = await it.founded();
    for (const role of ["student", "teacher", "parent"] as const) {
      const { token } = await it.member(house, role);
      const read = await request<Record<string, unknown>>("GET", "/v1/organization", { token });
      expect(Object.keys(read.body)).not.toContain("settings");
      expect((await patch(token, { settings: { signUp: "open" } })).status).toBe(403);
    }
    const read = await request<Record<string, unknown>>("GET", "/v1/organization", { token: house.token });
    expect(read.body.settings).toEqual(DEFAULT_SETTINGS);
  });

  test("a slug may be changed to a free one; people then sign in under the new one only [row 66]", async () => {
    const [house, other] = [await it.founded(), await it.founded()];
    expect(outcome((await patch(house.token, { slug: other.slug })) as never)).toEqual([
      409,
      "organization_slug_taken",
    ]);
    const slug = `${house.slug}-new`;
    expect((await patch(house.token, { slug })).status).toBe(200);
    expect(await it.session({ slug }, house.admin)).toStartWith("satchel_");
    const old = await request("POST", "/v1/sessions", {
      body: { organization: house.slug, login: house.admin.username, password: PASSWORD },
    });
    expect(old.status).toBe(401);
  });

  test("ten changes of the same version at once: one goes through", async () => {
    const house = await it.founded();
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, round) => patch(house.token, { name: `N${round}` }, '"1"')),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 412)).toHaveLength(9);
  });
});

test("housekeeping walks through every organization once, in pages", async () => {
  const own = await fresh("open");
  await own.database.admin(
    "insert into app.organization (name, slug) select 'N', 'walk-' || i from generate_series(1, 1203) i",
  );
  const ids: string[] = [];
  for await (const id of allOrganizations(own.deps)) ids.push(id);
  expect(ids).toHaveLength(1203);
  expect(new Set(ids).size).toBe(1203);
  expect(ids).toEqual([...ids].sort());
});
