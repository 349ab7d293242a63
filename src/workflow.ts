/**
 * What may be done to a lesson in which status, and where it leads: the one table that the doors, their refusals, the API's
 * description and docs/workflow.md are made of.
 */
import { type Refusal, refusal } from "./errors.ts";

export const CONTENT_STATUSES = [
  "draft",
  "pending_review",
  "approved",
  "rejected",
  "published",
  "archived",
] as const;
export type ContentStatus = (typeof CONTENT_STATUSES)[number];

interface Transition {
  /** From each status in which it is allowed to the one it leads to. */
  readonly statuses: Readonly<Partial<Record<ContentStatus, ContentStatus>>>;
  /** What else must be so, besides who may. */
  readonly when?: "something is live" | "something is scheduled";
  /** In the docs. */
  readonly meaning: string;
}

/** The status is that of the text that staff write. Readers go on seeing what was published while a draft is made beside it. */
export const TRANSITIONS = {
  edit: {
    statuses: { draft: "draft", approved: "draft", rejected: "draft", published: "draft" },
    meaning: "Another text is one that nobody has approved. What readers see stays.",
  },
  attach: {
    statuses: { draft: "draft", approved: "approved", rejected: "rejected", published: "published" },
    meaning:
      "Adds, changes, orders, deletes or restores attachments. They are no part of the text: readers of what is live see it at once.",
  },
  submit: {
    statuses: { draft: "pending_review", rejected: "pending_review" },
    meaning: "Asks for a review, of somebody in particular or of anybody.",
  },
  withdraw: {
    statuses: { pending_review: "draft" },
    meaning: "Takes the request back, so that the text can be changed.",
  },
  approve: {
    statuses: { pending_review: "approved" },
    meaning: "By somebody who has written none of it, unless the organization lets authors approve.",
  },
  reject: { statuses: { pending_review: "rejected" }, meaning: "Says why." },
  publish: {
    statuses: { draft: "published", pending_review: "published", approved: "published" },
    meaning: "Shows the text to readers. Before it is approved only by somebody who could approve it.",
  },
  unpublish: {
    statuses: {
      draft: "draft",
      pending_review: "pending_review",
      approved: "approved",
      rejected: "rejected",
      published: "draft",
    },
    when: "something is live",
    meaning: "Readers see nothing of it any more. A draft beside it stays what it is.",
  },
  schedule: {
    statuses: { draft: "approved", pending_review: "approved", approved: "approved" },
    meaning:
      "Names the time at which it is published. Before it is approved only by somebody who could approve it.",
  },
  unschedule: {
    statuses: {
      draft: "draft",
      pending_review: "pending_review",
      approved: "approved",
      rejected: "rejected",
      published: "published",
    },
    when: "something is scheduled",
    meaning: "Calls off the times at which it would be published and unpublished.",
  },
  archive: {
    statuses: { draft: "archived", approved: "archived", rejected: "archived", published: "archived" },
    meaning: "Puts it away: readers see nothing of it, and nobody changes it.",
  },
  unarchive: { statuses: { archived: "draft" }, meaning: "Takes it out again, as a draft." },
} as const satisfies Readonly<Record<string, Transition>>;

export type ContentAction = keyof typeof TRANSITIONS;
export const CONTENT_ACTIONS = Object.keys(TRANSITIONS) as readonly ContentAction[];

export const illegalTransition = refusal(
  "conflict",
  "illegal_status_transition",
  "The lesson's status does not allow this",
);

const table: Readonly<Record<ContentAction, Transition>> = TRANSITIONS;

/** What decides besides the status. */
export interface Standing {
  readonly status: ContentStatus;
  readonly liveNumber: number | null;
  readonly publishAt: Date | null;
  readonly unpublishAt: Date | null;
}

/** Which actions the lesson's standing allows, whoever asks. */
export const allowedActions = (standing: Standing): readonly ContentAction[] =>
  CONTENT_ACTIONS.filter((action) => leadsTo(action, standing) !== null);

/** The status an action leads to; null: the lesson's standing does not allow it. */
export function leadsTo(action: ContentAction, standing: Standing): ContentStatus | null {
  const { statuses, when } = table[action];
  if (when === "something is live" && standing.liveNumber === null) return null;
  if (when === "something is scheduled" && standing.publishAt === null && standing.unpublishAt === null) {
    return null;
  }
  return statuses[standing.status] ?? null;
}

/** `illegal_status_transition`, which names the status and what it allows; null: the action is allowed. */
export function refusalToTransition(action: ContentAction, standing: Standing): Refusal | null {
  if (leadsTo(action, standing) !== null) return null;
  const allowed = allowedActions(standing);
  const what = allowed.length === 0 ? "nothing" : allowed.join(", ");
  return illegalTransition({
    detail: `It is ${standing.status}, which does not allow to ${action}, but ${what}.`,
  });
}

/** As `refusalToTransition`, thrown. Gives the status it leads to. */
export function requireTransition(action: ContentAction, standing: Standing): ContentStatus {
  const refused = refusalToTransition(action, standing);
  if (refused !== null) throw refused;
  return leadsTo(action, standing) ?? standing.status;
}

/** One sentence for the API's description of an operation. */
export function transitionSentence(action: ContentAction): string {
  const { statuses, when } = table[action];
  const steps = Object.entries(statuses).map(
    ([from, to]) => `\`${from}\`${from === to ? "" : ` → \`${to}\``}`,
  );
  return `Allowed: ${steps.join(", ")}${when === undefined ? "" : `, while ${when}`}. Else \`${illegalTransition.slug}\`.`;
}

/** The table of docs/workflow.md. */
export function transitionsMarkdown(): string {
  const rows = CONTENT_ACTIONS.map((action) => {
    const { statuses, when, meaning } = table[action];
    const cells = CONTENT_STATUSES.map((status) => statuses[status] ?? "");
    return [action, ...cells, `${meaning}${when === undefined ? "" : ` Only while ${when}.`}`];
  });
  const head = ["action", ...CONTENT_STATUSES, ""];
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
