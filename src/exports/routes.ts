import { Type } from "@sinclair/typebox";
import { t } from "elysia";
import { forbidden } from "../errors.ts";
import { endpoint } from "../http/endpoint.ts";
import { timestamp, uuid } from "../http/wire.ts";
import { exportUser, type Records, type UserExport } from "./exports.ts";

const records = (description: string) =>
  Type.Unsafe<Records>(
    Type.Record(Type.String(), Type.Array(Type.Record(Type.String(), Type.Unknown())), { description }),
  );

const userExport = Type.Object({
  organizationId: uuid(),
  userId: uuid(),
  exportedAt: timestamp(),
  about: records("The rows about the person, by table: the account, the profile, sessions, mail and so on."),
  changes: records("What those rows were before, by table, the latest change first."),
  made: records("What else they made or changed, by table: the ids, and titles where there are some."),
  cut: Type.Array(Type.String(), {
    description: "Parts that hold more than is here (`made.history`); what is here is the newest.",
  }),
});

export const exportsEndpoints = [
  endpoint({
    method: "POST",
    path: "/v1/users/:id/exports",
    tag: "exports",
    summary: "Export all that is kept about a person",
    description:
      "The person themselves, or an admin. One member for each table that knows them; never a password, a token or a " +
      "hash of one.",
    params: t.Object({ id: uuid() }),
    answers: { 200: userExport },
    refusals: [forbidden],
    handle: ({ deps, actor, params, client: { address, userAgent } }) =>
      exportUser(deps, actor, params.id, { address, userAgent, deviceToken: null }),
    present: (made: UserExport) => ({ ...made, cut: [...made.cut] }),
  }),
];
