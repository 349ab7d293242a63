import { ROLES } from "../actor.ts";
import { type Access, permissions, SCOPES } from "../permissions.ts";
import { type Command, EXIT } from "./command.ts";

const COLUMNS = ["operation", ...ROLES, "API key", "marks"] as const;

/** The cells of an operation's row. */
function cells(operation: string, access: Access): readonly string[] {
  if (access === "public") return [operation, ...ROLES.map(() => "any"), "", "public"];
  const marks = [
    ...(access.fresh ? ["fresh"] : []),
    ...(access.freshForStaff ? ["fresh:staff"] : []),
    ...(access.enrolling ? ["enrolling"] : []),
  ];
  return [operation, ...ROLES.map((role) => access.rights[role]), access.scope ?? "no", marks.join(" ")];
}

const table: readonly (readonly [string, Access])[] = Object.entries(permissions);

const TEXT = `\`any\`: whatever of it the person may see. \`own\`: what is theirs: their account, what they have written.
\`no\`: nothing, and the answer is 403; whoever may do it with their own and asks for another's gets 403 when they may see
that, 404 when they may not. Another organization's never exists: 404, like an id nobody has.

API key: the scope with which an API key may do it, always within the role of whoever made the key; \`no\`: no key may.
\`public\`: without signing in. \`fresh\`: needs a password or a second factor given within the last five minutes; then POST
/v1/sessions/current/reauthentication gives a new token. \`fresh:staff\`: needs it when it adds, deletes or restores staff
(teachers and admins), or changes their status, username or external id. Changing anybody's e-mail address and ending anybody's
suspension need it too. Where it is needed no API key will do. \`enrolling\`: also for whose role needs a second factor and who
has none yet.`;

export const permissionsCommand: Command = {
  name: "permissions",
  summary: "print who may do what: operation by role",
  usage: "[--json | --markdown]",
  details: `Needs no database.\n\n${TEXT.replaceAll("`", "")}`,
  options: {
    json: { type: "boolean", meaning: "as one JSON document" },
    markdown: { type: "boolean", meaning: "as docs/permissions.md" },
  },
  positionals: { min: 0, max: 0 },
  run: async ({ options, out }) => {
    if (options.json === true) {
      const operations = table.map(([operation, access]) =>
        access === "public" ? { operation, public: true } : { operation, public: false, ...access },
      );
      out(JSON.stringify({ roles: ROLES, scopes: SCOPES, operations }, null, 2));
      return EXIT.ok;
    }
    const rows = table.map(([operation, access]) => cells(operation, access));
    if (options.markdown === true) {
      const line = (row: readonly string[]) => `| ${row.join(" | ")} |`;
      const code = ([operation = "", ...rest]: readonly string[]) => [`\`${operation}\``, ...rest];
      out("# Permissions\n");
      out(
        "What `satchel permissions --markdown` prints, from the one table that the program itself reads.\n",
      );
      out(`${TEXT}\n`);
      out([line(COLUMNS), line(COLUMNS.map(() => "---")), ...rows.map((row) => line(code(row)))].join("\n"));
      return EXIT.ok;
    }
    const widths = COLUMNS.map((name, at) =>
      Math.max(name.length, ...rows.map((row) => row[at]?.length ?? 0)),
    );
    const line = (row: readonly string[]) =>
      row
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join("  ")
        .trimEnd();
    out([COLUMNS, ...rows].map(line).join("\n"));
    return EXIT.ok;
  },
};
