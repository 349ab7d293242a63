/** Who is asking. Made from a live session or API key, never from anything else in a request. */
import type { TenantTx } from "../sql/tx.ts";
import type { Origin } from "./devices.ts";

export const ROLES = ["student", "teacher", "admin", "parent"] as const;
export type Role = (typeof ROLES)[number];

/** What a generation is kept for: one number per organization and topic, bumped last in the writing transaction. */
export const TOPICS = ["organization", "users", "contents"] as const;
export type Topic = (typeof TOPICS)[number];
export type Generations = Readonly<Record<Topic, number>>;

/** Wraps the transaction of one use case: it runs inside, before COMMIT. Idempotency uses it. */
export type Around = <T>(tx: TenantTx, run: () => Promise<T>) => Promise<T>;

export interface Actor {
  readonly organizationId: string;
  readonly userId: string;
  readonly role: Role;
  readonly credential: "session" | "api_key";
  /** Null for an API key. */
  readonly sessionId: string | null;
  /** Of an API key. */
  readonly apiKeyId?: string;
  /** What an API key is for; null: all that the role may. */
  readonly scopes: readonly string[] | null;
  /** Whether they have proved just now in this session who they are, by the clock of the database. No API key has. */
  readonly fresh: boolean;
  /** Until when that proof counts, or did; null for an API key. */
  readonly freshUntil: Date | null;
  /** Their role needs a second factor and they have none: they may set one up, and nothing else. */
  readonly mustEnrol: boolean;
  /** The quota of their organization, of all its people and programs together on each node; null when it has none. */
  readonly requestsPerMinute: number | null;
  /** Read in the same round trip that checked the session. */
  readonly generations: Generations;
  /** From where they ask. */
  readonly origin?: Origin;
  readonly around?: Around;
}
