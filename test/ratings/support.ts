/** Ratings as a client gives and reads them. */
import { newToken } from "../../src/tokens.ts";
import type { Domain } from "../support/domain.ts";

export interface Rating {
  readonly id: string;
  readonly contentId: string;
  readonly userId: string;
  readonly stars: number;
  readonly review: string | null;
  readonly hiddenAt: string | null;
  readonly helpfulCount: number;
  readonly foundHelpful?: boolean;
}

export interface Sums {
  readonly average: number | null;
  readonly count: number;
  readonly distribution: readonly number[];
}

export interface Statistics {
  readonly views: number;
  readonly viewers: number;
  readonly completions: number;
  readonly comments: number;
  readonly ratings: Sums;
}

export interface RatingPage {
  readonly items: readonly Rating[];
  readonly nextCursor: string | null;
}

/** What a page of problem+json is called. */
export interface Problem {
  readonly type: string;
}

export function ratingsOf({ request }: Pick<Domain, "request">) {
  return {
    rate: (token: string, contentId: string, stars: number, review?: string | null) =>
      request<Rating & Problem>("PUT", `/v1/contents/${contentId}/rating`, {
        token,
        body: review === undefined ? { stars } : { stars, review },
      }),
    own: (token: string, contentId: string) =>
      request<Rating>("GET", `/v1/contents/${contentId}/rating`, { token }),
    withdraw: (token: string, contentId: string) =>
      request<Problem | null>("DELETE", `/v1/contents/${contentId}/rating`, { token }),
    list: (token: string, contentId: string, query = "") =>
      request<RatingPage>("GET", `/v1/contents/${contentId}/ratings${query}`, { token }),
    read: (token: string, ratingId: string) => request<Rating>("GET", `/v1/ratings/${ratingId}`, { token }),
    helpful: (token: string, ratingId: string, method: "PUT" | "DELETE" = "PUT") =>
      request<Problem | null>(method, `/v1/ratings/${ratingId}/helpful`, { token }),
    hidden: (token: string, ratingId: string, method: "PUT" | "DELETE" = "PUT") =>
      request<Rating & Problem>(method, `/v1/ratings/${ratingId}/hidden`, { token }),
    statistics: async (token: string, contentId: string): Promise<Statistics> => {
      const answer = await request<Statistics>("GET", `/v1/contents/${contentId}/statistics`, { token });
      if (answer.status !== 200) throw new Error(`statistics: ${answer.status}`);
      return answer.body;
    },
  };
}

/** So many pupils at once, signed in for an hour: straight into the tables, since they are many. Gives their tokens. */
export async function crowd(
  { database: { admin }, deps: { keys } }: Pick<Domain, "database" | "deps">,
  organizationId: string,
  size: number,
): Promise<readonly { readonly id: string; readonly token: string }[]> {
  const people = Array.from({ length: size }, () => ({
    id: Bun.randomUUIDv7(),
    token: newToken("session", organizationId),
  }));
  await admin(
    `with made as (
       insert into app.user (organization_id, user_id, username, full_name)
       select $1, id, 'crowd-' || id, 'One of many' from unnest($2::uuid[]) id returning user_id
     )
     insert into app.session (organization_id, user_id, token_hash, expires_at)
     select $1, m.user_id, decode(g.hash, 'hex'), now() + interval '1 hour'
     from made m join unnest($2::uuid[], $3::text[]) g (id, hash) on g.id = m.user_id`,
    [
      organizationId,
      people.map(({ id }) => id),
      people.map(({ token }) => Buffer.from(keys.mac("token", token)).toString("hex")),
    ],
  );
  return people;
}
