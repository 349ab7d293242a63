/** Comments as a client writes and reads them. */
import type { Received, TestApp } from "../support/app.ts";

export interface Comment {
  readonly id: string;
  readonly contentId: string;
  readonly parentId: string | null;
  readonly state: string;
  readonly body: string | null;
  readonly html?: string | null;
  readonly authorId: string | null;
  readonly author?: {
    readonly id: string;
    readonly fullName: string;
    readonly avatarUrl: string | null;
  } | null;
  readonly upvoteCount: number;
  readonly upvotedByMe: boolean;
  readonly replyCount: number;
  readonly flagCount: number | null;
  readonly version: number;
  readonly createdAt: string;
  readonly editedAt: string | null;
  readonly replies?: readonly Comment[];
  /** Of a refusal. */
  readonly type?: string;
}

export interface Page<Item = Comment> {
  readonly items: readonly Item[];
  readonly nextCursor: string | null;
}

export function commenting({ request }: Pick<TestApp, "request">) {
  const any = { "if-match": "*" };
  const api = {
    write: (token: string, contentId: string, body: string, parentId?: string | null) =>
      request<Comment>("POST", `/v1/contents/${contentId}/comments`, {
        token,
        body: { body, ...(parentId === undefined ? {} : { parentId }) },
      }),
    /** Written, or the test fails. */
    written: async (token: string, contentId: string, body: string, parentId?: string): Promise<Comment> => {
      const answer = await api.write(token, contentId, body, parentId);
      if (answer.status !== 201) throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`);
      return answer.body;
    },
    read: (token: string, id: string, query = "") =>
      request<Comment>("GET", `/v1/comments/${id}${query}`, { token }),
    edit: (token: string, id: string, body: string, headers: Record<string, string> = any) =>
      request<Comment>("PATCH", `/v1/comments/${id}`, { token, headers, body: { body } }),
    remove: (token: string, id: string, headers: Record<string, string> = {}) =>
      request<Comment | null>("DELETE", `/v1/comments/${id}`, { token, headers }),
    /** `restore`, `approve`, `reject`. */
    act: (token: string, id: string, action: string, headers: Record<string, string> = any) =>
      request<Comment>("POST", `/v1/comments/${id}/${action}`, { token, headers }),
    flag: (token: string, id: string, reason = "abuse") =>
      request<Comment>("POST", `/v1/comments/${id}/flags`, { token, body: { reason } }),
    upvote: (token: string, id: string) => request<Comment>("PUT", `/v1/comments/${id}/upvote`, { token }),
    withdraw: (token: string, id: string) =>
      request<Comment>("DELETE", `/v1/comments/${id}/upvote`, { token }),
    of: (token: string, contentId: string, query = "") =>
      request<Page>("GET", `/v1/contents/${contentId}/comments${query}`, { token }),
    replies: (token: string, id: string, query = "") =>
      request<Page>("GET", `/v1/comments/${id}/replies${query}`, { token }),
    queue: (token: string, state: string, query = "") =>
      request<Page>("GET", `/v1/comments?state=${state}${query}`, { token }),
    /** Every item of a list, page by page. */
    all: async (token: string, path: string, limit: number): Promise<readonly Comment[]> => {
      const items: Comment[] = [];
      let cursor: string | null = null;
      do {
        const more: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
        const answer: Received<Page> = await request<Page>("GET", `${path}limit=${limit}${more}`, { token });
        if (answer.status !== 200) throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`);
        items.push(...answer.body.items);
        cursor = answer.body.nextCursor;
      } while (cursor !== null);
      return items;
    },
  };
  return api;
}

/** `[201, null]`, or the status and the slug of a refusal. */
export const outcome = ({ status, body }: Received<object | null>) =>
  status < 300 ? [status, null] : [status, problemOf(body)];
const problemOf = (body: object | null): string | null =>
  body !== null && "type" in body ? String(body.type).replace("urn:satchel:problem:", "") : null;

export const ids = (page: Received<Page>): readonly string[] => page.body.items.map(({ id }) => id);
