import { describe, expect, test } from "bun:test";
import { Refusal } from "../../src/errors.ts";
import { openKeys } from "../../src/keys.ts";
import { checkPassword, openPasswords, PASSWORD_MINIMUM } from "../../src/passwords.ts";

const OLD = "the old secret, of sufficient length 01";
const NEW = "the new secret, of sufficient length 02";
const keys = openKeys([OLD]);
const passwords = openPasswords(keys);

describe("what is accepted", () => {
  const refusalFor = (
    password: string,
    names: readonly (string | null)[] = [],
    minimum = PASSWORD_MINIMUM,
  ) => {
    try {
      checkPassword(password, { minimum, names, pointer: "#/password" });
      return null;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      expect(error.slug).toBe("password_refused");
      expect(error.details.errors?.[0]?.pointer).toBe("#/password");
      if (password.length > 10) expect(error.message).not.toContain(password);
      return error.details.detail ?? "";
    }
  };

  test("15 characters of anything, spaces and other alphabets too, without rules of composition [row 80]", () => {
    for (const good of [
      "quiet herons at dawn",
      "пятнадцать букв тут",
      "漢字かな交じり文章の合言葉です",
      "🎓🌊🐙🔭🎻🧭🪁🥁🧩🛶🪐🌋🐝🦉🍋",
    ]) {
      expect(refusalFor(good)).toBeNull();
    }
    expect(refusalFor("fourteen chars")).toContain("at least 15");
  });

  test("length is counted in code points after NFKC", () => {
    // 14 emoji are 28 UTF-16 units, and a letter with a combining accent is one letter.
    expect(refusalFor("🎓🌊🐙🔭🎻🧭🪁🥁🧩🛶🪐🌋🐝🦉")).toContain("at least 15");
    const decomposed = "éàüñçôîêâùïöäë";
    expect([...decomposed.normalize("NFD")].length).toBe(28);
    expect(refusalFor(decomposed.normalize("NFD"))).toContain("at least 15");
    expect(refusalFor(`${decomposed}x`.normalize("NFD"))).toBeNull();
  });

  test("128 characters are taken, 129 are not, and one sign that unfolds into many counts as many", () => {
    const long = "quiet herons at dawn ".repeat(7).slice(0, 128);
    expect(refusalFor(long)).toBeNull();
    expect(refusalFor(`${long}x`)).toContain("at most 128");
    expect(refusalFor("\ufdfa".repeat(20))).toContain("at most 128");
  });

  test("what attackers try first is refused in any case, and so is the same over and over", () => {
    for (const common of ["password", "PASSWORD", "12345678", "iloveyou", "princess"]) {
      expect(refusalFor(common, [], 8)).toContain("attackers try first");
    }
    expect(refusalFor("ａａａａａａａａａａａａａａａａ")).toContain("too few different");
    expect(refusalFor("abababababababab")).toContain("too few different");
  });

  test("names that anybody knows do not make a password, with much else around them they may occur", () => {
    const names = ["ada.lovelace", "Ada Lovelace", "ada@school.example", null, "springfield"];
    expect(refusalFor("AdaLovelaceSpringfield", names)).toContain("names");
    expect(refusalFor("lovelace-springfield1", names)).toContain("names");
    expect(refusalFor("lovelace counts nine engines", names)).toBeNull();
    expect(refusalFor("AdaLovelaceSpringfield", [])).toBeNull();
  });

  test("a pupil's shorter one passes where the organization allows it, and only there", () => {
    expect(refusalFor("blue-kite", [], 8)).toBeNull();
    expect(refusalFor("blue-kite")).toContain("at least 15");
  });
});

describe("hashing", () => {
  test("a hash is Argon2id with the parameters of OWASP, salted, and matches its password alone [row 80]", async () => {
    const [one, two] = await Promise.all([passwords.hash("quiet herons"), passwords.hash("quiet herons")]);
    expect(one.hash).toStartWith("$argon2id$v=19$m=19456,t=2,p=1$");
    expect(one.hash).not.toBe(two.hash);
    expect(one.pepperKeyId).toBe(keys.id);
    expect(await passwords.verify("quiet herons", one.hash, one.pepperKeyId)).toEqual({
      matches: true,
      outdated: false,
    });
    expect(await passwords.verify("quiet heron", one.hash, one.pepperKeyId)).toEqual({
      matches: false,
      outdated: false,
    });
    expect((await passwords.verify("Quiet herons", one.hash, one.pepperKeyId)).matches).toBe(false);
  });

  test("the same password typed in another normal form matches", async () => {
    const { hash, pepperKeyId } = await passwords.hash("mañana ﬁne ２");
    expect((await passwords.verify("mañana ﬁne ２".normalize("NFD"), hash, pepperKeyId)).matches).toBe(true);
    expect((await passwords.verify("mañana fine 2", hash, pepperKeyId)).matches).toBe(true);
  });

  test("without a hash nothing matches, the dummy's own password neither, and the work is the same", async () => {
    expect(await passwords.verify("nobody has this password", null, null)).toEqual({
      matches: false,
      outdated: false,
    });
    const { hash, pepperKeyId } = await passwords.hash("quiet herons");
    const time = async (work: () => Promise<unknown>) => {
      const started = performance.now();
      await work();
      return performance.now() - started;
    };
    const middle = (times: number[]) => times.sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
    const times = { wrong: [] as number[], unknown: [] as number[] };
    // In turns: what else the machine does meets both alike.
    for (let round = 0; round < 11; round++) {
      times.wrong.push(await time(() => passwords.verify("wrong", hash, pepperKeyId)));
      times.unknown.push(await time(() => passwords.verify("wrong", null, null)));
    }
    const wrong = middle(times.wrong);
    const unknown = middle(times.unknown);
    expect(unknown / wrong).toBeGreaterThan(0.4);
    expect(unknown / wrong).toBeLessThan(2.5);
  });

  test("a pepper that rotates out: verified and called outdated while the old secret is there, nothing after [row 80]", async () => {
    const { hash, pepperKeyId } = await passwords.hash("quiet herons");
    const during = openPasswords(openKeys([NEW, OLD]));
    expect(await during.verify("quiet herons", hash, pepperKeyId)).toEqual({ matches: true, outdated: true });
    const again = await during.hash("quiet herons");
    expect(again.pepperKeyId).not.toBe(pepperKeyId);
    expect(await during.verify("quiet herons", again.hash, again.pepperKeyId)).toEqual({
      matches: true,
      outdated: false,
    });
    const after = openPasswords(openKeys([NEW]));
    expect(await after.verify("quiet herons", hash, pepperKeyId)).toEqual({
      matches: false,
      outdated: false,
    });
    // The hash without the pepper is worth nothing.
    expect(await Bun.password.verify("quiet herons", hash)).toBe(false);
  });

  test("a hash of older parameters matches and is called outdated", async () => {
    const mac = Buffer.from(keys.mac("pepper", "quiet herons")).toString("base64");
    const weak = await Bun.password.hash(mac, { algorithm: "argon2id", memoryCost: 8192, timeCost: 1 });
    expect(await passwords.verify("quiet herons", weak, keys.id)).toEqual({ matches: true, outdated: true });
  });

  test("only so many are hashed at once, the others wait, and a line of more than two seconds is refused", async () => {
    const narrow = openPasswords(keys, 1);
    await narrow.hash("warm up");
    let ended = 0;
    const all = Array.from({ length: 400 }, () =>
      narrow.verify("x", null, null).then(
        () => {
          ended += 1;
          return "verified";
        },
        (error: unknown) => {
          expect(error).toBeInstanceOf(Refusal);
          // Refused at once, not after waiting.
          expect(ended).toBeLessThan(3);
          return (error as Refusal).slug;
        },
      ),
    );
    const outcomes = Map.groupBy(await Promise.all(all), (outcome) => outcome);
    expect([...outcomes.keys()].sort()).toEqual(["passwords_busy", "verified"]);
    const verified = outcomes.get("verified")?.length ?? 0;
    expect(verified).toBeGreaterThan(10);
    expect(verified).toBeLessThan(400);
    // The line is empty again.
    expect((await narrow.verify("x", null, null)).matches).toBe(false);
  });

  test("a failure in the line lets the next one go on", async () => {
    const narrow = openPasswords(keys, 1);
    const broken = narrow.verify("x", "$argon2id$broken", keys.id).catch(() => "broken");
    expect(await broken).toBe("broken");
    expect((await narrow.verify("x", null, null)).matches).toBe(false);
  });

  test("a refusal ends soon after a multiple of fifty milliseconds, whether a password was looked at or not", async () => {
    const own = openPasswords(keys, 1);
    const settled = async (elapsed: number, looked: boolean) => {
      const started = performance.now();
      await own.settle(elapsed, looked);
      return elapsed + performance.now() - started;
    };
    const least = async (elapsed: number, looked: boolean) =>
      Math.min(
        await settled(elapsed, looked),
        await settled(elapsed, looked),
        await settled(elapsed, looked),
      );
    // Nothing was refused yet: as long as a hash.
    expect(await least(1, false)).toBeWithin(49, 95);
    for (const elapsed of [3, 30, 44]) expect(await least(elapsed, true)).toBeWithin(49, 95);
    expect(await least(49, true)).toBeWithin(99, 145);
    // Those of long ago are forgotten.
    for (let round = 0; round < 5; round++)
      await Promise.all(Array.from({ length: 40 }, () => own.settle(101, true)));
    expect(await least(1, false)).toBeWithin(149, 195);
    expect(await least(155, false)).toBeWithin(199, 245);
  });

  test("who sends many guesses waits behind their own, and their neighbours do not", async () => {
    const own = openPasswords(keys, 1);
    const { hash, pepperKeyId } = await own.hash("quiet herons");
    const order: string[] = [];
    const guess = (network: string, preferred = false) =>
      own.verify("x", hash, pepperKeyId, preferred, network).then(() => order.push(network));
    const storm = Array.from({ length: 40 }, () => guess("storm").catch(() => {}));
    const others = [guess("a"), guess("b"), guess("a"), guess("known", true)];
    await Promise.all(others);
    // The one under way, the known device, and then each line in its turn.
    expect(order).toEqual(["storm", "known", "storm", "a", "b", "storm", "a"]);
    await Promise.all(storm);
  });

  test("a line that is too long refuses, and others' are not longer for it", async () => {
    const own = openPasswords(keys, 1);
    const { hash, pepperKeyId } = await own.hash("quiet herons");
    const refused = await Promise.allSettled(
      Array.from({ length: 500 }, () => own.verify("x", hash, pepperKeyId, false, "storm")),
    ).then((all) => all.filter(({ status }) => status === "rejected").length);
    expect(refused).toBeGreaterThan(300);
    const storm = Array.from({ length: 500 }, () => own.verify("x", hash, pepperKeyId, false, "storm"));
    for (const one of storm) one.catch(() => {});
    await storm.at(-1)?.catch(() => {});
    // Who would be sent away is told before anything else is done for them.
    expect(() => own.requireRoom("storm")).toThrow(Refusal);
    own.requireRoom("neighbour");
    expect((await own.verify("quiet herons", hash, pepperKeyId, false, "neighbour")).matches).toBe(true);
    await Promise.allSettled(storm);
  });
});
