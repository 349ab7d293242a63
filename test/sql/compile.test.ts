import { expect, test } from "bun:test";
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempFolder } from "../support/run.ts";
import { generateFrom } from "./fixture.ts";

const root = join(import.meta.dir, "../..");

const queries = {
  "books/list_by_author": `-- Lists an author's books.
-- It is read in a reader's order.
-- returns: many
-- scope: tenant
-- nullable: :title
select book_id, author_id, title, \`title\` as tick from (select *, title as "\`title\`" from book) b
where author_id = :author_id and (:title::text is null or title = :title)`
    .replace("`title` as tick", `"\`title\`" as tick`)
    .replaceAll('title as "`title`"', 'title as "`title`"'),
  "books/find_book":
    "-- Finds.\n-- returns: maybe\n-- scope: tenant\nselect title from book where book_id = :book_id",
  "books/count_all": "-- Counts.\n-- returns: one\n-- scope: system\nselect count(*) as books from book",
  "books/exists_book":
    "-- Asks.\n-- returns: one\n-- scope: tenant\nselect exists (select from book) as found",
  "books/delete_all": "-- Deletes.\n-- returns: count\n-- scope: system\ndelete from book",
  "books/lock_nothing": "-- Calls a function.\n-- returns: one\n-- scope: tenant\nselect nothing()",
  "books/insert_odd": `-- Says */ and \${this} and \`that\`.
-- returns: one
-- scope: tenant
insert into book (book_id, title) values (:book_id, E'\\\\ \`\${x}\` \\' ''' || :title) returning title`,
  "authors/list_kinds": "-- Lists.\n-- returns: many\n-- scope: tenant\nselect kind, doc, labels from author",
};

/** Compiles `use` beside generated modules, under the project's own settings. Answers the compiler's complaints. */
async function compile(use: string): Promise<string> {
  const { files, problems } = await generateFrom(queries);
  expect(problems).toEqual([]);
  const folder = tempFolder("compile");
  mkdirSync(join(folder, "generated"));
  for (const [path, text] of files) writeFileSync(join(folder, path), text);
  cpSync(join(root, "sql/tx.ts"), join(folder, "tx.ts"));
  writeFileSync(join(folder, "use.ts"), use);
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({ extends: join(root, "tsconfig.json"), include: ["generated", "use.ts"] }),
  );
  const child = Bun.spawn([join(root, "node_modules/.bin/tsc"), "-p", folder], { stdout: "pipe" });
  return await new Response(child.stdout).text();
}

const head = `
import { countAll, deleteAll, existsBook, findBook, insertOdd, listByAuthor, lockNothing } from "./generated/books.ts";
import { listKinds } from "./generated/authors.ts";
import { statements, type StatementName } from "./generated/statements.ts";
import type { Json, SystemTx, TenantTx, Tx } from "./tx.ts";
declare const tenant: TenantTx;
declare const system: SystemTx;
declare const id: string;
`;

test("generated modules compile under the project's settings and give what the files say", async () => {
  const use = `${head}
  const books = await listByAuthor(tenant, { authorId: id, title: null });
  for (const book of books) {
    book.title satisfies string;
    book.authorId satisfies string | null;
    book.tick satisfies string;
  }
  (await findBook(tenant, { bookId: id }))?.title satisfies string | undefined;
  (await countAll(system)) satisfies number;
  (await existsBook(tenant)) satisfies boolean;
  (await deleteAll(system)) satisfies number;
  (await lockNothing(tenant)) satisfies void;
  (await insertOdd(tenant, { bookId: id, title: "x" })).title satisfies string | null;
  const [author] = await listKinds(tenant);
  author?.kind satisfies "person" | "school's" | undefined;
  author?.doc satisfies Json | undefined;
  const name: StatementName = "books/find_book";
  export type Any = Tx;
  export default statements.includes(name);
  `;
  expect(await compile(use)).toBe("");
});

test("a wrong field, filter, value or scope does not compile [row 10]", async () => {
  const wrong = [
    "(await findBook(tenant, { bookId: id }))?.titel",
    "(await findBook(tenant, { bookId: id })).title",
    "(await listByAuthor(tenant, { authorId: id, title: null }))[0].title",
    "(await listByAuthor(tenant, { authorId: id, title: null }))[0]?.author_id",
    "((await listByAuthor(tenant, { authorId: id, title: null }))[0]?.authorId) satisfies string | undefined",
    "(await listByAuthor(tenant, { authorId: id, title: null })).push()",
    "await findBook(tenant, { book: id })",
    "await findBook(tenant, { bookId: id, title: id })",
    "await findBook(tenant, {})",
    "await findBook(tenant)",
    "await findBook(tenant, { bookId: 1 })",
    "await findBook(tenant, { bookId: null })",
    "await findBook(tenant, { bookId: undefined })",
    "await listByAuthor(tenant, { authorId: id })",
    "await findBook(system, { bookId: id })",
    "await countAll(tenant)",
    "await findBook({ send: async () => ({ rows: [], count: 0 }) }, { bookId: id })",
    "await findBook(tenant as Tx, { bookId: id })",
    `(await listKinds(tenant))[0]?.kind === "robot"`,
    `("books/none" satisfies StatementName)`,
  ];
  // The compiler says so where an expected error does not come.
  const use = wrong.map((line) => `// @ts-expect-error\n${line};`).join("\n");
  expect(await compile(`${head}\n${use}\nexport {};\n${unused}`)).toBe("");
});

const unused =
  "export const used = [deleteAll, existsBook, insertOdd, lockNothing, statements, null as Json];";
