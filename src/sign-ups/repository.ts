/** Rows of codes to sign up with, of sign-ups and of attempts, in and out. */
import * as sql from "#sql/sign-ups";
import type { TenantTx } from "../../sql/tx.ts";

/** Whom a code may make: never an admin. */
export const CODE_ROLES = ["student", "teacher", "parent"] as const;
export type CodeRole = (typeof CODE_ROLES)[number];

/** A code as its admins see it: the code itself is shown once, when it is made. */
export interface SignUpCode {
  readonly id: string;
  readonly role: CodeRole;
  readonly usesAllowed: number;
  readonly uses: number;
  readonly expiresAt: Date;
  readonly revokedAt: Date | null;
  readonly createdById: string | null;
  readonly createdAt: Date;
}

type Row = Omit<SignUpCode, "id"> & { readonly signUpCodeId: string };

const toCode = ({ signUpCodeId: id, ...row }: Row): SignUpCode => ({ id, ...row });

export interface NewCode {
  readonly codeHash: Uint8Array;
  readonly role: CodeRole;
  readonly usesAllowed: number;
  readonly days: number;
}

export const insertCode = async (tx: TenantTx, organizationId: string, code: NewCode): Promise<SignUpCode> =>
  toCode(await sql.insertCode(tx, { organizationId, signUpCodeId: Bun.randomUUIDv7(), ...code }));

export const listCodes = async (
  tx: TenantTx,
  organizationId: string,
  beforeId: string | null,
  limit: number,
): Promise<readonly SignUpCode[]> =>
  (await sql.listCodes(tx, { organizationId, beforeId, limit })).map(toCode);

/** Whether there is such a code. */
export const revokeCode = async (
  tx: TenantTx,
  organizationId: string,
  signUpCodeId: string,
): Promise<boolean> => (await sql.updateCodeRevoked(tx, { organizationId, signUpCodeId })) !== null;

/** The role of a code that is good, or null. */
export const findGoodCode = (
  tx: TenantTx,
  organizationId: string,
  codeHashes: readonly Uint8Array[],
): Promise<{ readonly role: CodeRole } | null> => sql.findGoodCode(tx, { organizationId, codeHashes });

/** Uses a good code once; null when it is good no more. */
export const claimCode = (
  tx: TenantTx,
  organizationId: string,
  codeHashes: readonly Uint8Array[],
): Promise<{ readonly signUpCodeId: string; readonly role: CodeRole } | null> =>
  sql.claimCode(tx, { organizationId, codeHashes });

export const countAttempt = (tx: TenantTx, organizationId: string, network: Uint8Array) =>
  sql.upsertAttempt(tx, { organizationId, network });

export const pruneAttempts = (tx: TenantTx, organizationId: string, limit: number): Promise<number> =>
  sql.pruneAttempts(tx, { organizationId, limit });

export const insertSignUp = (tx: TenantTx, organizationId: string, userId: string): Promise<number> =>
  sql.insertSignUp(tx, { organizationId, userId });

/** The ids of the people whose accounts are gone, of the organization that was entered. */
export async function discardUnconfirmed(
  tx: TenantTx,
  minutes: number,
  limit: number,
): Promise<readonly string[]> {
  return (await sql.deleteUnconfirmed(tx, { minutes, limit })).map(({ userId }) => userId);
}

export const claimOutdated = (tx: TenantTx, organizationId: string, minutes: number, limit: number) =>
  sql.claimOutdated(tx, { organizationId, minutes, limit });
