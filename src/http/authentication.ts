/** Who a token stands for, whichever kind it is: the one question that the shell asks. */
import type { Actor } from "../actor.ts";
import { authenticateApiKey } from "../api-keys/api-keys.ts";
import type { Deps } from "../deps.ts";
import { authenticate as authenticateSession } from "../sessions/sessions.ts";

/** The live session or API key behind a token, or null. `address` is where it comes from. */
export async function authenticate(deps: Deps, token: string, address: string): Promise<Actor | null> {
  // Each kind is told by its form, so that only one of them asks the database.
  return (
    (await authenticateApiKey(deps, token, address)) ?? (await authenticateSession(deps, token, address))
  );
}
