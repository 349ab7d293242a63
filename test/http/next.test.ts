/** A refusal that is lifted by one more request says by which, and there is such an operation. */
import { expect, test } from "bun:test";
import { endpoints } from "../../src/endpoints.ts";
import { problemOf } from "../../src/http/problem.ts";
import { permissions, reauthenticationRequired, secondFactorRequired } from "../../src/permissions.ts";
import { ID } from "./support.ts";

test.each([
  [reauthenticationRequired, "POST /v1/sessions/current/reauthentication"],
  [secondFactorRequired, "POST /v1/me/second-factor"],
] as const)("%p names the operation that leads on, which whoever is refused may do", (refused, operation) => {
  const { detail } = problemOf(refused(), ID);
  expect(detail).toContain(operation);
  expect(endpoints.map(({ method, path }) => `${method} ${path}`)).toContain(operation);
  expect(permissions[operation].enrolling).toBe(true);
});
