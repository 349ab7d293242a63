/** Asks a running server as any client would: over its port, with nothing but its address. */
import type { Received, Sent } from "./app.ts";
import { client } from "./client.ts";

export const ask = <Body = Readonly<Record<string, unknown>>>(
  url: string,
  method: string,
  path: string,
  sent: Sent = {},
): Promise<Received<Body>> => client(url).request<Body>(method, path, sent);

export interface Founded {
  readonly slug: string;
  readonly token: string;
  readonly login: { readonly organization: string; readonly login: string; readonly password: string };
}

/** Founds an organization, in which authors may approve their own work, over HTTP and gives its admin's token. */
export async function found(url: string, slug: string, setupCode?: string | null): Promise<Founded> {
  const password = "seven quiet herons cross the weir";
  const { status, body } = await ask<{ session: { token: string } }>(url, "POST", "/v1/organizations", {
    body: {
      ...(setupCode === undefined || setupCode === null ? {} : { setupCode }),
      name: `School ${slug}`,
      slug,
      admin: { fullName: "An Admin", username: "admin", password },
    },
  });
  if (status !== 201) throw new Error(`the organization was not founded: ${status} ${JSON.stringify(body)}`);
  const { token } = body.session;
  const settled = await ask(url, "PATCH", "/v1/organization", {
    token,
    headers: { "if-match": "*" },
    body: { settings: { authorsMayApprove: true } },
  });
  if (settled.status !== 200) throw new Error(`nothing was settled: ${settled.status}`);
  return { slug, token, login: { organization: slug, login: "admin", password } };
}

/** Asks again until the answer fits, for what a job brings about. Throws when it never does. */
export async function until<T>(
  what: string,
  look: () => Promise<T>,
  fits: (value: T) => boolean,
  milliseconds = 20_000,
): Promise<T> {
  const deadline = performance.now() + milliseconds;
  for (;;) {
    const value = await look();
    if (fits(value)) return value;
    if (performance.now() > deadline) throw new Error(`${what} did not come about: ${JSON.stringify(value)}`);
    await Bun.sleep(20);
  }
}
