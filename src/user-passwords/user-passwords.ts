/** A password that staff give to somebody else: the way back for pupils, who forget theirs and have no mailbox. */
import type { Actor } from "../actor.ts";
import { auditIn } from "../audit/audit.ts";
import { readTenant, withTenant } from "../db.ts";
import type { Deps } from "../deps.ts";
import type { Origin } from "../devices.ts";
import { forbidden } from "../errors.ts";
import { reopenLoginIn } from "../guard/guard.ts";
import { sendMailIn } from "../mail/mail.ts";
import { checkPassword } from "../passwords.ts";
import { endSessionsIn } from "../sessions/sessions.ts";
import { passwordMinimum } from "../settings.ts";
import { getUserIn, lockUserIn, passwordRulesIn, setPasswordIn, type User } from "../users/users.ts";

/**
 * Gives a person another password, whether or not they had one: signs them out everywhere, opens their login again if
 * guesses had locked it, and tells them by mail if they have an address. Whoever sets it knows it, so the audit says who
 * did (OWASP ASVS 5.0 V6.4.6), and it ends when they become staff; a person with a mailbox is better sent a link. Teachers do it for students alone. Nobody
 * does it for themselves: for that they must know the one they have. Refuses with `not_found`, `forbidden`,
 * `password_refused`, `passwords_busy`.
 */
export async function setPassword(
  deps: Deps,
  actor: Actor,
  userId: string,
  password: string,
  origin: Origin,
): Promise<void> {
  const { organizationId } = actor;
  const [person, rules] = await readTenant(deps.db, actor, (tx) =>
    Promise.all([getUserIn(tx, organizationId, userId), passwordRulesIn(tx, organizationId)]),
  );
  const check = ({
    id,
    role,
    username,
    fullName,
    email,
  }: Pick<User, "id" | "role" | "username" | "fullName" | "email">) => {
    requireMaySet(actor, { id, role });
    const names = [username, fullName, email, ...rules.names];
    checkPassword(password, { minimum: passwordMinimum(rules, role), names, pointer: "#/password" });
  };
  check(person);
  const credential = await deps.passwords.hash(password);
  await withTenant(deps.db, actor, async (tx) => {
    // Hashing took a while: they may have become somebody whose password is not the actor's to set, or must be longer.
    check({ id: userId, ...(await lockUserIn(tx, organizationId, userId)) });
    await setPasswordIn(tx, organizationId, userId, credential);
    await endSessionsIn(tx, organizationId, userId, "password_changed", { origin });
    await reopenLoginIn(tx, organizationId, userId);
    await sendMailIn(deps, tx, organizationId, { userId, template: "password_changed" });
    await auditIn(tx, organizationId, {
      action: "password.set",
      outcome: "success",
      subjectId: userId,
      origin,
    });
  });
}

function requireMaySet(actor: Actor, person: { readonly id: string; readonly role: string }): void {
  const theirs = actor.role === "admin" || person.role === "student";
  if (!theirs || person.id === actor.userId) throw forbidden();
}
