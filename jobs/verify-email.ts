import { sendVerification } from "../src/links/links.ts";
import type { Handler } from "./runner.ts";

/** Mails a person a link to confirm the address that somebody else has set for them. */
export const verifyEmailJob: Handler<"verify-email"> = (deps, { id, payload }) =>
  sendVerification(deps, { jobId: id, ...payload });
