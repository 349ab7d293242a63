/** Addresses that are good for a while: for an image in a page, which can send no token. */
import { afterAll, expect, test } from "bun:test";
import { attaching, noise, PNG, text, type Wire } from "./support.ts";

const app = await attaching();
const { it, request, attach, raw } = app;
const { admin } = app.database;
const { keys } = app.deps;
afterAll(app.close);

const school = await it.organization();
const other = await it.organization();
const teacher = await it.member(school, "teacher");
const pupil = await it.member(school, "student");

async function file(bytes: Uint8Array = PNG, name = "leaf.png") {
  const lesson = await it.published(teacher.token);
  const { body } = await attach(teacher.token, lesson.id, name, bytes);
  return { lesson, body };
}
const sign = async (token: string, id: string, seconds?: number) =>
  (
    await request<{ url: string; expiresAt: string }>("POST", `/v1/attachments/${id}/urls`, {
      token,
      body: seconds === undefined ? {} : { expiresInSeconds: seconds },
    })
  ).body;
const statusOf = async (url: string) => (await raw("GET", url, null)).status;
const payloadOf = (url: string) => keys.verify("file", url.slice("/v1/files/".length)) ?? "";
const addressOf = (payload: string) => `/v1/files/${keys.sign("file", payload)}`;

test("one of them is enough to read the bytes, in parts too, by anybody [row 62]", async () => {
  const { body } = await file();
  const { url, expiresAt } = await sign(pupil.token, body.id);
  expect(Date.parse(expiresAt) - Date.now()).toBeWithin(590_000, 601_000);
  const response = await raw("GET", url, null);
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("image/png");
  expect(response.headers.get("content-disposition")).toStartWith("inline;");
  expect(response.headers.get("cross-origin-resource-policy")).toBe("cross-origin");
  expect(Buffer.from(await response.bytes()).equals(PNG)).toBe(true);
  const part = await raw("GET", url, null, { range: "bytes=1-3" });
  expect([part.status, new TextDecoder().decode(await part.bytes())]).toEqual([206, "PNG"]);
  const head = await raw("HEAD", url, null);
  expect([head.status, head.headers.get("content-length")]).toEqual([200, String(PNG.byteLength)]);
});

test("one that was altered, has expired, or was signed for something else answers like one that was made up", async () => {
  const { body } = await file();
  const { url } = await sign(teacher.token, body.id);
  const [audience = "", organization = "", id = "", hash = "", expires = ""] = payloadOf(url).split(".");
  expect([audience, organization, id, hash]).toEqual(["staff", school.id, body.id, body.sha256]);
  const made = async (address: string) => {
    const response = await raw("GET", address, null);
    return [response.status, (await response.text()).replace(/urn:uuid:[0-9a-f-]+/, "")];
  };
  const nothing = await made("/v1/files/made-up");
  expect(nothing[0]).toBe(404);
  const past = String(Math.floor(Date.now() / 1000));
  const encoded = (payload: string) => Buffer.from(payload).toString("base64url");
  const [, mac = ""] = url.split(".");
  for (const address of [
    `${url}x`,
    url.slice(0, -1),
    `/v1/files/${encoded([audience, organization, id, hash, String(Number(expires) + 999)].join("."))}.${mac}`,
    addressOf([audience, organization, id, hash, past].join(".")),
    addressOf([audience, other.id, id, hash, expires].join(".")),
    addressOf([audience, organization, Bun.randomUUIDv7(), hash, expires].join(".")),
    addressOf([audience, organization, id, "0".repeat(64), expires].join(".")),
    addressOf(["nobody", organization, id, hash, expires].join(".")),
    addressOf("nothing"),
    `/v1/files/${keys.sign("cursor", payloadOf(url))}`,
  ]) {
    expect(await made(address)).toEqual(nothing);
  }
  expect(await statusOf(url)).toBe(200);
});

test("one ends with its time", async () => {
  const { body } = await file();
  const { url } = await sign(teacher.token, body.id, 1);
  expect(await statusOf(url)).toBe(200);
  const payload = payloadOf(url);
  const expires = Number(payload.split(".").at(-1)) * 1000;
  await Bun.sleep(Math.max(0, expires - Date.now()) + 5);
  expect(await statusOf(url)).toBe(404);
  for (const seconds of [0, -1, 86_401, 1.5]) {
    const { status } = await request("POST", `/v1/attachments/${body.id}/urls`, {
      token: teacher.token,
      body: { expiresInSeconds: seconds },
    });
    expect([seconds, status]).toEqual([seconds, 422]);
  }
});

test("one ends with what it leads to, and with its being there for readers when one of them made it", async () => {
  const { lesson, body } = await file();
  const [forStaff, forReaders] = [await sign(teacher.token, body.id), await sign(pupil.token, body.id)];
  const both = async () => [await statusOf(forStaff.url), await statusOf(forReaders.url)];
  expect(await both()).toEqual([200, 200]);
  await request("POST", `/v1/contents/${lesson.id}/unpublish`, { token: teacher.token });
  expect(await both()).toEqual([200, 404]);
  await request("DELETE", `/v1/attachments/${body.id}`, { token: teacher.token });
  expect(await both()).toEqual([404, 404]);
  await request("POST", `/v1/attachments/${body.id}/restore`, { token: teacher.token });
  expect(await both()).toEqual([200, 404]);
  await request("DELETE", `/v1/contents/${lesson.id}`, { token: teacher.token });
  expect(await both()).toEqual([404, 404]);
});

test("one ends with its organization being suspended", async () => {
  const gone = await it.organization();
  const { id } = await it.content(gone.token);
  const { body } = await attach(gone.token, id, "a.txt", text("a"));
  const { url } = await sign(gone.token, body.id);
  expect(await statusOf(url)).toBe(200);
  await admin("update app.organization set status = 'suspended' where organization_id = $1", [gone.id]);
  expect(await statusOf(url)).toBe(404);
});

test("bytes that are not where they should be are told of as missing for now, not as nothing", async () => {
  const { body } = await file(noise(500, 61), "noise.bin");
  const { url } = await sign(teacher.token, body.id);
  for await (const addresses of app.deps.storage.list(school.id)) {
    for (const address of addresses)
      if (address.sha256 === body.sha256) await app.deps.storage.remove(address);
  }
  const response = await raw("GET", url, null);
  expect([response.status, ((await response.json()) as Wire).type]).toEqual([
    503,
    "urn:satchel:problem:storage_unavailable",
  ]);
  expect(app.lines.some(({ event }) => event === "file_missing")).toBe(true);
});
