import { Type } from "@sinclair/typebox";
import { t } from "elysia";
import { endpoint } from "../http/endpoint.ts";
import { password } from "../http/people.ts";
import { uuid } from "../http/wire.ts";
import { passwordRefused, passwordsBusy } from "../passwords.ts";
import { setPassword } from "./user-passwords.ts";

export const userPasswordsEndpoints = [
  endpoint({
    method: "PUT",
    path: "/v1/users/:id/password",
    tag: "users",
    summary: "Give a person another password",
    description:
      "For pupils, who forget theirs and have no mailbox. Signs the person out everywhere, opens a login that guesses had " +
      "locked, and tells them by mail if they have an address. Teachers may do it for students. Your own password is " +
      "changed at `/v1/me/password`.",
    params: t.Object({ id: uuid() }),
    body: Type.Object({ password }),
    answers: { 204: null },
    refusals: [passwordRefused, passwordsBusy],
    handle: ({ deps, actor, params, body, client }) =>
      setPassword(deps, actor, params.id, body.password, {
        address: client.address,
        userAgent: client.userAgent,
        deviceToken: null,
      }),
    present: () => undefined,
  }),
];
