import { deliverMail } from "../src/mail/mail.ts";
import type { Handler } from "./runner.ts";

/** Hands one mail to the SMTP server. */
export const sendMail: Handler<"send-mail"> = (deps, { id, payload, lastAttempt, signal }) =>
  deliverMail(deps, { jobId: id, ...payload, lastAttempt, signal });
