import { afterAll, expect, test } from "bun:test";
import { testApp } from "./app.ts";
import { given } from "./given.ts";

const app = await testApp();
const it = given(app);
afterAll(app.close);

test("what tests start from comes about through the API", async () => {
  const school = await it.organization();
  const { user, token } = await it.member(school, "teacher");
  const lesson = await it.published(token, { title: "Rivers" });
  const answer = await app.request<{ title: string; status: string; createdById: string }>(
    "GET",
    `/v1/contents/${lesson.id}`,
    { token },
  );
  expect(answer.status).toBe(200);
  expect(answer.body).toMatchObject({ title: "Rivers", status: "published" });
  expect(user.role).toBe("teacher");
});
