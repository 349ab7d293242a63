/** Swagger UI, whole out of the executable: the plugin's own page loads it from a CDN. */

import css from "swagger-ui-dist/swagger-ui.css" with { type: "file" };
import bundle from "swagger-ui-dist/swagger-ui-bundle.js" with { type: "file" };

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Satchel API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
`;
/** Signing in through the page sets the cookie, which then goes along by itself; a token goes into Authorize. */
const START = `SwaggerUIBundle({ url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null });
`;
/** Styles inline: Swagger UI puts them on its elements. Nothing else comes from anywhere but here. */
const PAGE_CSP =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export interface DocsRoute {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: () => string | Blob;
}

/** The page and its files, all out of the executable. */
export function docsRoutes(): readonly DocsRoute[] {
  const file = (path: string, type: string, body: () => string | Blob): DocsRoute => ({
    path,
    headers: { "content-type": `${type}; charset=utf-8`, "cache-control": "public, max-age=3600" },
    body,
  });
  return [
    {
      path: "/docs",
      headers: { "content-type": "text/html; charset=utf-8", "content-security-policy": PAGE_CSP },
      body: () => PAGE,
    },
    file("/docs/start.js", "text/javascript", () => START),
    file("/docs/swagger-ui-bundle.js", "text/javascript", () => Bun.file(bundle)),
    file("/docs/swagger-ui.css", "text/css", () => Bun.file(css)),
  ];
}
