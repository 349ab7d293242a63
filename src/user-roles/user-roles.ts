/** Another role for a person, and the way in that they are left with. */
import type { Actor, Role } from "../actor.ts";
import { withTenant } from "../db.ts";
import type { Deps } from "../deps.ts";
import type { Origin } from "../devices.ts";
import { sendInvitationIn } from "../links/links.ts";
import { isStaff } from "../permissions.ts";
import { changeRoleIn, getUserIn, type User } from "../users/users.ts";
import type { ExpectedVersion } from "../versions.ts";

export { lastAdmin } from "../users/users.ts";

/**
 * Gives a person another role, which signs them out everywhere. Whoever becomes a teacher or an admin loses a password
 * that somebody else gave them (`app.void_given_password`): whoever knows a pupil's must not have staff by it. They are
 * mailed an invitation to choose one, if they have an address and the organization invites; else an admin gives them one,
 * or the operator a link. Refuses with `not_found`, `stale`, `last_admin`.
 */
export async function changeRole(
  deps: Deps,
  actor: Actor,
  userId: string,
  expected: ExpectedVersion,
  role: Role,
  origin: Origin,
): Promise<User> {
  const { organizationId } = actor;
  return withTenant(deps.db, actor, async (tx) => {
    const before = await changeRoleIn(tx, organizationId, userId, expected, role);
    if (before !== role && isStaff(role)) await sendInvitationIn(deps, tx, organizationId, userId, origin);
    return getUserIn(tx, organizationId, userId);
  });
}
