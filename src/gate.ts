/**
 * Lets only a few pieces of work with the same key run at once, the others wait in a short line. Without it ten
 * thousand guesses at one login would hold every database connection while they wait for one row.
 */
import { refusal } from "./errors.ts";

export const signInLineFull = refusal(
  "too_many",
  "sign_in_line_full",
  "Too many attempts at this login are under way at once",
);

export interface Gate {
  /** Refuses with `sign_in_line_full` when the line of this key is full. */
  run<T>(key: string, work: () => Promise<T>): Promise<T>;
}

/** Opens a gate. `perKey`: at once with one key; `line`: how many may wait for one key. */
export function openGate({ perKey, line }: { readonly perKey: number; readonly line: number }): Gate {
  const keys = new Map<string, { running: number; readonly waiting: (() => void)[] }>();
  return {
    run: async (key, work) => {
      const entry = keys.get(key) ?? { running: 0, waiting: [] };
      keys.set(key, entry);
      if (entry.running >= perKey) {
        if (entry.waiting.length >= line) throw signInLineFull({ retryAfter: 1 });
        await new Promise<void>((resolve) => entry.waiting.push(resolve));
      } else {
        entry.running += 1;
      }
      try {
        return await work();
      } finally {
        // The place is handed on: `running` stays.
        const next = entry.waiting.shift();
        if (next !== undefined) next();
        else if (--entry.running === 0) keys.delete(key);
      }
    },
  };
}
