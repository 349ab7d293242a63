/** The commands by which the operator helps one person who has nobody else to ask. */
import type { Deps } from "../deps.ts";
import { unlockUserOf } from "../guard/guard.ts";
import { makeResetLink } from "../links/links.ts";
import { resetSecondFactorOf } from "../second-factors/second-factors.ts";
import { type Command, DATA_DIR, EXIT, Exit } from "./command.ts";
import { openAll, organizationNamed } from "./open.ts";
import { logOf, readSettingsOf } from "./settings.ts";

interface Help extends Pick<Command, "name" | "summary"> {
  readonly details: readonly string[];
  /** Why it could not be done for somebody. */
  readonly otherwise: string;
  /** Gives what to print, a line each; null when it could not be done. */
  act(deps: Deps, organizationId: string, login: string): Promise<readonly string[] | null>;
}

const command = ({ name, summary, details, otherwise, act }: Help): Command => ({
  name,
  summary,
  usage: "LOGIN --organization SLUG",
  details: [...details, "Make sure that it is the person who asks. It is in the audit."].join("\n"),
  options: {
    organization: { type: "string", value: "SLUG", meaning: "the person's organization" },
    ...DATA_DIR,
  },
  positionals: { min: 1, max: 1 },
  run: async (call) => {
    const [login = ""] = call.positionals;
    const slug = call.options.organization;
    if (typeof slug !== "string") throw new Exit(EXIT.usage, "--organization is missing");
    const config = readSettingsOf(call);
    const { deps, close } = await openAll(config, logOf(config), false);
    try {
      const { organizationId } = await organizationNamed(deps, slug);
      const lines = await act(deps, organizationId, login);
      if (lines === null) throw new Exit(EXIT.failed, `${login} is nobody in ${slug}, or ${otherwise}`);
      for (const line of lines) call.out(line);
      return EXIT.ok;
    } finally {
      await close();
    }
  },
});

export const resetPasswordCommand = command({
  name: "reset-password",
  summary: "print a link by which a person chooses another password",
  details: [
    "For the only admin of an organization who has no mailbox; everybody else is helped by an admin or by a mail.",
    "The link is good for half an hour, and once; whoever has it has the account. Using it ends every session, revokes the",
    "person's API keys, opens their login if it was locked, and leaves their second factor as it is.",
  ],
  otherwise: "is not active",
  act: async (deps, organizationId, login) => {
    const link = await makeResetLink(deps, organizationId, login);
    return link === null ? null : [link.url, `good until ${link.expiresAt.toISOString()}, once`];
  },
});

export const unlockCommand = command({
  name: "unlock",
  summary: "open a person's logins that wrong attempts have locked",
  details: [
    "At every door and on all devices, a hundred failures in a row included. Their password stays.",
    "For the only admin of an organization; everybody else is helped by an admin (POST /v1/users/{id}/unlock).",
  ],
  otherwise: "was deleted",
  act: async (deps, organizationId, login) =>
    (await unlockUserOf(deps, organizationId, login)) ? [`${login} may try to sign in again`] : null,
});

export const resetSecondFactorCommand = command({
  name: "reset-second-factor",
  summary: "remove the second factor of a person who has lost app and recovery codes",
  details: [
    "For the only admin of an organization; everybody else is helped by an admin (DELETE /v1/users/{id}/second-factor).",
    "They are told by mail.",
  ],
  otherwise: "has no second factor",
  act: async (deps, organizationId, login) =>
    (await resetSecondFactorOf(deps, organizationId, login))
      ? [`${login} has no second factor any more`]
      : null,
});
