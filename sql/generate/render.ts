/** TypeScript, from described queries and from migrations. */
import { createHash } from "node:crypto";
import type { Described, Field } from "./describe.ts";
import type { Query } from "./query.ts";

const banner = "// Written by `bun run sql`. Do not edit.\n";

/** The module of one feature: for each query its row, its parameters and its function. */
export function renderFeature(queries: readonly Described[]): string {
  const fields = queries.flatMap((each) => [...each.params, ...each.columns]);
  const imports = [
    ...new Set(queries.map(({ query }) => query.returns)),
    ...(fields.some((field) => /\bJson\b/.test(field.type)) ? ["type Json"] : []),
    "type Statement",
    ...new Set(queries.map(({ query }) => `type ${txOf(query)}`)),
  ].sort((left, right) => (left.replace("type ", "") < right.replace("type ", "") ? -1 : 1));
  return `${banner}import { ${imports.join(", ")} } from "../tx.ts";\n\n${queries.map(renderQuery).join("\n")}`;
}

function txOf(query: Query): string {
  return query.scope === "tenant" ? "TenantTx" : "SystemTx";
}

function renderQuery({ query, params, columns }: Described): string {
  const name = query.functionName;
  const pascal = name.charAt(0).toUpperCase() + name.slice(1);
  const isScalar = query.verb === "count" || query.verb === "exists";
  const isVoid = query.returns !== "count" && columns.length === 0;
  const [scalar] = columns;

  const parts: string[] = [];
  if (params.length > 0) parts.push(renderInterface(`${pascal}Params`, params));
  if (columns.length > 0 && !isScalar) parts.push(renderInterface(`${pascal}Row`, columns));
  parts.push(
    `const ${name}Statement: Statement = {\n` +
      `  name: ${JSON.stringify(query.name)},\n` +
      `  text: ${template(query.text)},\n};\n`,
  );

  const answers = {
    count: "number",
    one: isVoid ? "void" : isScalar ? (scalar?.type ?? "never") : `${pascal}Row`,
    maybe: `${pascal}Row | null`,
    many: `readonly ${pascal}Row[]`,
  };
  const signature = [`tx: ${txOf(query)}`, ...(params.length > 0 ? [`params: ${pascal}Params`] : [])];
  const generic =
    query.returns === "count" || isVoid ? "" : `<${isScalar ? inline(columns) : `${pascal}Row`}>`;
  const then = isVoid ? ".then(() => undefined)" : isScalar ? `.then((row) => row.${scalar?.name})` : "";
  const answer = `Promise<${answers[query.returns]}> {`;
  parts.push(
    `${renderDoc(query.doc)}export function ${wrapped(`${name}(`, signature, `): ${answer}`, 16, "")}\n` +
      `  return ${wrapped(
        `${query.returns}${generic}(tx, ${name}Statement, [`,
        params.map((param) => `params.${param.name}`),
        `])${then};`,
        9,
        "  ",
      )}\n}\n`,
  );
  return parts.join("\n");
}

/** A list on one line, or with an item a line where that would be longer than 110 characters. */
function wrapped(
  before: string,
  items: readonly string[],
  after: string,
  column: number,
  indent: string,
): string {
  const line = before + items.join(", ") + after;
  if (column + line.length <= 110 || items.length === 0) return line;
  return `${before}\n${items.map((item) => `${indent}  ${item},\n`).join("")}${indent}${after}`;
}

function renderInterface(name: string, fields: readonly Field[]): string {
  return `export interface ${name} {\n${fields.map((field) => `  readonly ${field.name}: ${field.type};\n`).join("")}}\n`;
}

function inline(fields: readonly Field[]): string {
  return `{ ${fields.map((field) => `readonly ${field.name}: ${field.type}`).join("; ")} }`;
}

function renderDoc(doc: string): string {
  const lines = doc.replaceAll("*/", "*\\/").split("\n");
  return lines.length === 1
    ? `/** ${lines[0]} */\n`
    : `/**\n${lines.map((line) => ` * ${line}`.trimEnd()).join("\n")}\n */\n`;
}

/** A template literal that holds exactly `text`. */
function template(text: string): string {
  return `\`${text.replace(/[\\`]|\$(?=\{)/g, "\\$&").replaceAll("\r", "\\r")}\``;
}

/** A migration file as it is carried in the executable. */
export interface Migration {
  /** The file's name without its ending. */
  readonly name: string;
  readonly text: string;
}

/** With the SHA-256 of its text, in hexadecimal. */
export function checksummed(migrations: readonly Migration[]) {
  return migrations.map(({ name, text }) => ({
    name,
    checksum: createHash("sha256").update(text).digest("hex"),
    text,
  }));
}

export function renderMigrations(migrations: readonly Migration[]): string {
  const items = checksummed(migrations).map(
    ({ name, checksum, text }) =>
      `  {\n    name: ${JSON.stringify(name)},\n    checksum: "${checksum}",\n    text: ${template(text)},\n  },\n`,
  );
  return `${banner}
/** One file of sql/migrations. The checksum is the SHA-256 of the text, in hexadecimal. */
export interface Migration {
  readonly name: string;
  readonly checksum: string;
  readonly text: string;
}

/** In the order in which they are applied. */
export const migrations: readonly Migration[] = [
${items.join("")}];
`;
}

export function renderStatements(names: readonly string[]): string {
  return `${banner}
/** The name of every query file. */
export const statements = [
${names.map((name) => `  ${JSON.stringify(name)},\n`).join("")}] as const;

export type StatementName = (typeof statements)[number];
`;
}
