/**
 * Why the embedded PostgreSQL does not start, in a sentence for a person, and what that person can do about it.
 * `exitCode` is the one of sysexits.h that the process should end with.
 */
export class EmbeddedError extends Error {
  override readonly name = "EmbeddedError";
  readonly cure: string;
  /** 78: set-up to be changed first (EX_CONFIG). 75: try again later (EX_TEMPFAIL). */
  readonly exitCode: 75 | 78;

  constructor(message: string, cure: string, exitCode: 75 | 78 = 78) {
    super(message);
    this.cure = cure;
    this.exitCode = exitCode;
  }
}

/** The `code` of an error of the operating system (`ENOENT`, …), or undefined. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
