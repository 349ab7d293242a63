import { expect, test } from "bun:test";
import { Refusal } from "../../src/errors.ts";
import { openGate } from "../../src/gate.ts";

/** Work that ends when it is told to. */
function work() {
  const started: string[] = [];
  const ends = new Map<string, () => void>();
  return {
    started,
    run: (name: string) => () => {
      started.push(name);
      return new Promise<string>((resolve) => ends.set(name, () => resolve(name)));
    },
    end: async (name: string) => {
      ends.get(name)?.();
      await Bun.sleep(0);
    },
  };
}

test("a few of one key run at once, the others in the order they came; another key does not wait", async () => {
  const gate = openGate({ perKey: 2, line: 10 });
  const { started, run, end } = work();
  const all = ["a1", "a2", "a3", "a4"].map((name) => gate.run("a", run(name)));
  const other = gate.run("b", run("b1"));
  expect(started).toEqual(["a1", "a2", "b1"]);
  await end("a2");
  expect(started).toEqual(["a1", "a2", "b1", "a3"]);
  await end("a1");
  for (const name of ["a3", "a4", "b1"]) await end(name);
  expect(await Promise.all([...all, other])).toEqual(["a1", "a2", "a3", "a4", "b1"]);
});

test("a full line refuses at once, with when to come again", async () => {
  const gate = openGate({ perKey: 1, line: 1 });
  const { run, end } = work();
  const both = [gate.run("a", run("1")), gate.run("a", run("2"))];
  const refused = await gate.run("a", run("3")).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(Refusal);
  expect((refused as Refusal).slug).toBe("sign_in_line_full");
  expect((refused as Refusal).details.retryAfter).toBe(1);
  await end("1");
  await end("2");
  expect(await Promise.all(both)).toEqual(["1", "2"]);
});

test("work that fails gives its place on, and the key is new afterwards", async () => {
  const gate = openGate({ perKey: 1, line: 5 });
  const outcomes = await Promise.allSettled(
    Array.from({ length: 4 }, (_, n) =>
      gate.run("a", async () => (n % 2 === 0 ? Promise.reject(new Error("no")) : n)),
    ),
  );
  expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "fulfilled", "rejected", "fulfilled"]);
  expect(await gate.run("a", async () => "again")).toBe("again");
});
