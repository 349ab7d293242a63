/** Lessons as HTML: beside the text, never instead of it, and for nobody who may not read them. */
import { afterAll, expect, test } from "bun:test";
import { domain } from "../support/domain.ts";

const app = await domain();
const { it, request } = app;
afterAll(app.close);

const [school, other] = [await it.organization(), await it.organization()];
const [teacher, pupil, stranger] = [
  await it.member(school, "teacher"),
  await it.member(school, "student"),
  await it.member(other, "admin"),
];

interface Content {
  readonly id: string;
  readonly body: string;
  readonly html?: string;
  readonly version: number;
  readonly type?: string;
}
const read = (id: string, query = "", token = teacher.token, headers: Record<string, string> = {}) =>
  request<Content>("GET", `/v1/contents/${id}${query}`, { token, headers });
const written = async (body: string) =>
  (await request<Content>("POST", "/v1/contents", { token: teacher.token, body: { title: "Loops", body } }))
    .body;

test("the text is kept as it was written, and its HTML comes beside it only when asked for", async () => {
  const body = "# Loops\r\n\r\n<script>alert(1)</script> [x](javascript:alert(1)) \u00a0 *a*\n\n";
  const { id } = await written(body);
  const plain = (await read(id)).body;
  expect(plain.body).toBe(body);
  expect("html" in plain).toBe(false);
  const rendered = (await read(id, "?render=html")).body;
  expect(rendered.body).toBe(body);
  expect(rendered.html).toBe(
    "<h1>Loops</h1>\n<p>&lt;script&gt;alert(1)&lt;/script&gt; [x](javascript:alert(1)) \u00a0 <em>a</em></p>\n",
  );
});

test("the HTML follows the text", async () => {
  const { id } = await written("*one*");
  expect((await read(id, "?render=html")).body.html).toBe("<p><em>one</em></p>\n");
  await request("PATCH", `/v1/contents/${id}`, {
    token: teacher.token,
    headers: { "if-match": "*" },
    body: { body: "**two**" },
  });
  const { body, headers } = await read(id, "?render=html");
  expect(body.html).toBe("<p><strong>two</strong></p>\n");
  const again = await read(id, "?render=html", teacher.token, { "if-none-match": headers.get("etag") ?? "" });
  expect(again.status).toBe(304);
});

test("who may not read a lesson gets no HTML of it either", async () => {
  const { id } = await written("secret");
  for (const token of [pupil.token, stranger.token]) {
    const answer = await read(id, "?render=html", token);
    expect({ status: answer.status, type: answer.body.type }).toEqual({
      status: 404,
      type: "urn:satchel:problem:not_found",
    });
  }
});

test("no other rendering is known", async () => {
  const { id } = await written("x");
  for (const query of ["?render=pdf", "?render=", "?html=true"])
    expect((await read(id, query)).status).toBe(422);
});
