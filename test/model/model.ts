/**
 * A school's lessons as plain values: what each action does to them and who is refused what, said once more and in
 * another way than the product says it. Nothing of src is used here.
 */

export const PEOPLE = ["ann", "bob", "admin", "sue", "sid", "stranger"] as const;
export type Person = (typeof PEOPLE)[number];

const STAFF: readonly Person[] = ["ann", "bob", "admin", "stranger"];
const STUDENTS: readonly Person[] = ["sue", "sid"];

export type Status = "draft" | "pending_review" | "approved" | "rejected" | "published" | "archived";

export interface Version {
  readonly title: string;
  readonly by: Person;
  readonly restoredFrom: number | null;
}

export interface Comment {
  readonly by: Person;
  /** Its place among the comments of the lesson; null: directly under it. */
  readonly parent: number | null;
  readonly depth: number;
  deletedBy: Person | null;
  readonly votes: Set<Person>;
}

export interface Rating {
  readonly stars: number;
  readonly review: boolean;
  readonly helpful: Set<Person>;
}

export interface Lesson {
  readonly author: Person;
  /** Of number 1 and on. */
  readonly versions: Version[];
  status: Status;
  live: number | null;
  deleted: boolean;
  /** Hours from now at which the job would act. */
  publishIn: number | null;
  unpublishIn: number | null;
  readonly ratings: Map<Person, Rating>;
  readonly comments: Comment[];
}

export interface School {
  readonly authorsMayApprove: boolean;
  readonly lessons: Lesson[];
}

export const newLesson = (author: Person, title: string): Lesson => ({
  author,
  versions: [{ title, by: author, restoredFrom: null }],
  status: "draft",
  live: null,
  deleted: false,
  publishIn: null,
  unpublishIn: null,
  ratings: new Map(),
  comments: [],
});

export type Action =
  | { readonly kind: "edit"; readonly title: string; readonly stale: boolean }
  | { readonly kind: "submit" }
  | { readonly kind: "withdraw" }
  | { readonly kind: "approve" }
  | { readonly kind: "reject" }
  | { readonly kind: "publish" }
  | { readonly kind: "unpublish" }
  | { readonly kind: "schedule"; readonly ends: boolean }
  | { readonly kind: "scheduleEnd" }
  | { readonly kind: "unschedule" }
  | { readonly kind: "archive" }
  | { readonly kind: "unarchive" }
  | { readonly kind: "delete" }
  | { readonly kind: "restore" }
  /** `version`: counted back from the latest. */
  | { readonly kind: "restoreVersion"; readonly back: number }
  | { readonly kind: "rate"; readonly stars: number; readonly review: boolean }
  | { readonly kind: "unrate" }
  | { readonly kind: "helpful"; readonly whose: Person; readonly yes: boolean }
  /** `under`: counted back from the newest comment; null: the lesson. */
  | { readonly kind: "comment"; readonly under: number | null }
  | { readonly kind: "deleteComment"; readonly back: number }
  | { readonly kind: "restoreComment"; readonly back: number }
  | { readonly kind: "upvote"; readonly back: number; readonly yes: boolean };

/** What an action does when nothing refuses it, and what refuses it: the slug of the problem. */
export type Outcome = { readonly refused: string } | { readonly refused: null; readonly apply: () => void };

const refuse = (refused: string): Outcome => ({ refused });
const allow = (apply: () => void): Outcome => ({ refused: null, apply });

const NOT_FOUND = refuse("not_found");
const FORBIDDEN = refuse("forbidden");
const ILLEGAL = refuse("illegal_status_transition");

const latest = (lesson: Lesson): number => lesson.versions.length;

/** The text of a version. */
export const titleOf = (lesson: Lesson, number: number): string => {
  const version = lesson.versions[number - 1];
  if (version === undefined) throw new Error(`the model has no version ${number}`);
  return version.title;
};

/** What somebody sees of a lesson, if anything. */
export function seenBy(lesson: Lesson, person: Person): string | null {
  if (person === "stranger" || lesson.deleted) return null;
  if (STAFF.includes(person)) return titleOf(lesson, latest(lesson));
  return lesson.live === null ? null : titleOf(lesson, lesson.live);
}

/** Comments that everybody sees who sees the lesson. */
export const shownComments = (lesson: Lesson): readonly Comment[] =>
  lesson.comments.filter(({ deletedBy }) => deletedBy === null);

/** Whether somebody may write what only staff write of a lesson; null: they may. */
function writing(lesson: Lesson, person: Person, deletedToo = false): Outcome | null {
  if (STUDENTS.includes(person)) return FORBIDDEN;
  if (person === "stranger" || (lesson.deleted && !deletedToo)) return NOT_FOUND;
  return owns(lesson, person) ? null : FORBIDDEN;
}

const owns = (lesson: Lesson, person: Person): boolean => person === "admin" || lesson.author === person;

const isOwnWork = (school: School, lesson: Lesson, person: Person): boolean =>
  !school.authorsMayApprove &&
  lesson.versions.some(({ by }, at) => at + 1 > (lesson.live ?? 0) && by === person);

/** A time that nothing waits for any more is none. */
function settle(lesson: Lesson): void {
  if (lesson.status !== "approved") lesson.publishIn = null;
  if (lesson.live === null && lesson.publishIn === null) lesson.unpublishIn = null;
}

const moving = (lesson: Lesson, status: Status, live: number | null): Outcome =>
  allow(() => {
    lesson.status = status;
    lesson.live = live;
    settle(lesson);
  });

const rewriting = (lesson: Lesson, version: Version): Outcome =>
  ["pending_review", "archived"].includes(lesson.status)
    ? ILLEGAL
    : allow(() => {
        if (version.title === titleOf(lesson, latest(lesson))) return;
        lesson.versions.push(version);
        lesson.status = "draft";
        settle(lesson);
      });

/** What happens when somebody does something to a lesson. */
export function outcomeOf(school: School, lesson: Lesson, person: Person, action: Action): Outcome {
  const { status } = lesson;
  switch (action.kind) {
    case "edit":
      return (
        writing(lesson, person) ??
        (action.stale
          ? refuse("stale")
          : rewriting(lesson, { title: action.title, by: person, restoredFrom: null }))
      );
    case "restoreVersion": {
      const number = Math.max(1, latest(lesson) - action.back);
      return (
        writing(lesson, person) ??
        rewriting(lesson, { title: titleOf(lesson, number), by: person, restoredFrom: number })
      );
    }
    case "submit":
      return (
        writing(lesson, person) ??
        (["draft", "rejected"].includes(status) ? moving(lesson, "pending_review", lesson.live) : ILLEGAL)
      );
    case "withdraw":
      return (
        writing(lesson, person) ??
        (status === "pending_review" ? moving(lesson, "draft", lesson.live) : ILLEGAL)
      );
    case "approve":
    case "reject":
      return reviewing(school, lesson, person, action.kind === "approve" ? "approved" : "rejected");
    case "publish":
      return writing(lesson, person) ?? publishing(school, lesson, person);
    case "unpublish":
      return (
        writing(lesson, person) ??
        (lesson.live === null || status === "archived"
          ? ILLEGAL
          : moving(lesson, status === "published" ? "draft" : status, null))
      );
    case "schedule":
      return writing(lesson, person) ?? scheduling(school, lesson, person, action.ends);
    case "scheduleEnd":
      return (
        writing(lesson, person) ??
        (lesson.live === null || status === "archived"
          ? ILLEGAL
          : allow(() => {
              lesson.publishIn = null;
              lesson.unpublishIn = 2;
            }))
      );
    case "unschedule":
      return (
        writing(lesson, person) ??
        (lesson.publishIn === null && lesson.unpublishIn === null
          ? ILLEGAL
          : allow(() => {
              lesson.publishIn = null;
              lesson.unpublishIn = null;
            }))
      );
    case "archive":
      return (
        writing(lesson, person) ??
        (["pending_review", "archived"].includes(status) ? ILLEGAL : moving(lesson, "archived", null))
      );
    case "unarchive":
      return writing(lesson, person) ?? (status === "archived" ? moving(lesson, "draft", null) : ILLEGAL);
    case "delete":
      return (
        writing(lesson, person) ??
        allow(() => {
          lesson.deleted = true;
        })
      );
    case "restore":
      return (
        writing(lesson, person, true) ??
        (lesson.deleted
          ? allow(() => {
              lesson.deleted = false;
            })
          : refuse("content_not_deleted"))
      );
    case "rate":
    case "unrate":
    case "helpful":
      return seenBy(lesson, person) === null ? NOT_FOUND : rating(lesson, person, action);
    default:
      return seenBy(lesson, person) === null ? NOT_FOUND : discussing(lesson, person, action);
  }
}

function publishing(school: School, lesson: Lesson, person: Person): Outcome {
  if (!["draft", "pending_review", "approved"].includes(lesson.status)) return ILLEGAL;
  if (lesson.status !== "approved" && isOwnWork(school, lesson, person)) return refuse("own_work");
  return moving(lesson, "published", latest(lesson));
}

function scheduling(school: School, lesson: Lesson, person: Person, ends: boolean): Outcome {
  if (!["draft", "pending_review", "approved"].includes(lesson.status)) return ILLEGAL;
  if (lesson.status !== "approved" && isOwnWork(school, lesson, person)) return refuse("own_work");
  return allow(() => {
    lesson.status = "approved";
    lesson.publishIn = 1;
    lesson.unpublishIn = ends ? 2 : null;
  });
}

function reviewing(school: School, lesson: Lesson, person: Person, to: "approved" | "rejected"): Outcome {
  if (STUDENTS.includes(person)) return FORBIDDEN;
  if (person === "stranger" || lesson.deleted) return NOT_FOUND;
  if (lesson.status !== "pending_review") return ILLEGAL;
  return isOwnWork(school, lesson, person) ? refuse("own_work") : moving(lesson, to, lesson.live);
}

/** The hours pass, and the job does what has come due. A deleted lesson waits until it is restored. */
export function passHours(lesson: Lesson, hours: number): void {
  if (lesson.publishIn !== null) lesson.publishIn -= hours;
  if (lesson.unpublishIn !== null) lesson.unpublishIn -= hours;
  if (lesson.deleted) return;
  const due = (at: number | null) => at !== null && at <= 0;
  if (due(lesson.unpublishIn)) {
    if (lesson.status === "published") lesson.status = "draft";
    lesson.live = null;
    lesson.publishIn = null;
  } else if (due(lesson.publishIn)) {
    lesson.status = "published";
    lesson.live = latest(lesson);
  }
  settle(lesson);
}

function rating(
  lesson: Lesson,
  person: Person,
  action: Extract<Action, { kind: "rate" | "unrate" | "helpful" }>,
): Outcome {
  const { ratings } = lesson;
  if (action.kind === "rate") {
    const { stars, review } = action;
    if (lesson.live === null) return refuse("content_not_published");
    if (lesson.author === person) return refuse("own_content");
    return allow(() => {
      ratings.set(person, { stars, review, helpful: ratings.get(person)?.helpful ?? new Set() });
    });
  }
  if (action.kind === "unrate") {
    return ratings.has(person) ? allow(() => ratings.delete(person)) : NOT_FOUND;
  }
  const theirs = ratings.get(action.whose);
  if (theirs === undefined) return NOT_FOUND;
  if (action.whose === person) return refuse("own_rating");
  if (!theirs.review) return NOT_FOUND;
  return allow(() => (action.yes ? theirs.helpful.add(person) : theirs.helpful.delete(person)));
}

/** The comment that an action is about. */
export const commentAt = (lesson: Lesson, back: number): number =>
  Math.max(0, lesson.comments.length - 1 - back);

function discussing(
  lesson: Lesson,
  person: Person,
  action: Extract<Action, { kind: "comment" | "deleteComment" | "restoreComment" | "upvote" }>,
): Outcome {
  const { comments } = lesson;
  if (action.kind === "comment") {
    const under = action.under === null || comments.length === 0 ? null : commentAt(lesson, action.under);
    const parent = under === null ? undefined : comments[under];
    if (parent?.deletedBy != null) return refuse("comment_parent_not_found");
    if (parent !== undefined && parent.depth >= 5) return refuse("comment_too_deep");
    return allow(() => {
      const depth = (parent?.depth ?? 0) + 1;
      comments.push({ by: person, parent: under, depth, deletedBy: null, votes: new Set() });
    });
  }
  const comment = comments[commentAt(lesson, action.back)];
  if (comment === undefined) return NOT_FOUND;
  const moderates = !STUDENTS.includes(person) && owns(lesson, person);
  if (action.kind === "restoreComment") {
    const insider = !STUDENTS.includes(person) || comment.by === person;
    if (comment.deletedBy !== null && !insider) return NOT_FOUND;
    if (!moderates && comment.by !== person) return FORBIDDEN;
    if (comment.deletedBy === null) return refuse("comment_not_deleted");
    if (!moderates && comment.deletedBy !== person) return FORBIDDEN;
    return allow(() => {
      comment.deletedBy = null;
    });
  }
  if (comment.deletedBy !== null) return NOT_FOUND;
  if (action.kind === "deleteComment") {
    if (!moderates && comment.by !== person) return FORBIDDEN;
    return allow(() => {
      comment.deletedBy = person;
    });
  }
  if (comment.by === person) return refuse("own_comment");
  return allow(() => (action.yes ? comment.votes.add(person) : comment.votes.delete(person)));
}
