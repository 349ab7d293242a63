/** How serve ends: nobody's request is broken, nobody waits long, and a second signal is obeyed at once. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { type RunningSatchel, satchel, startCommand, startSatchel } from "../support/binary.ts";
import { client } from "../support/client.ts";
import { given } from "../support/given.ts";
import { tempFolder } from "../support/run.ts";

setDefaultTimeout(60_000);

const CLIENTS = 32;

/** Started again and again in one folder, since only the first start there unpacks PostgreSQL. */
const folder = tempFolder("school");
const start = (logLevel = "info"): Promise<RunningSatchel> =>
  startSatchel({ folder, env: { SATCHEL_SIGN_UP: "open", SATCHEL_LOG_LEVEL: logLevel } });

const portOf = (node: RunningSatchel): number => Number(new URL(node.url).port);

function open(port: number): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(socket));
    socket.once("error", () => resolve(null));
  });
}

/**
 * Sends a request and reads the whole answer. Null when the connection ended before. No HTTP client would do: they try
 * again on another connection, and hide what is to be counted here.
 */
function exchange(socket: Socket, request: string): Promise<{ status: number; closing: boolean } | null> {
  return new Promise((resolve) => {
    let received = "";
    const settle = (answer: { status: number; closing: boolean } | null) => {
      socket.off("data", read).off("close", gone);
      resolve(answer);
    };
    const gone = () => settle(null);
    const read = (part: Buffer) => {
      received += part.toString("latin1");
      const head = received.indexOf("\r\n\r\n");
      if (head === -1) return;
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(received)?.[1] ?? 0);
      if (received.length < head + 4 + length) return;
      settle({
        status: Number(received.slice(9, 12)),
        closing: /\r\nconnection: close/i.test(received.slice(0, head)),
      });
    };
    socket.on("data", read).once("close", gone);
    socket.write(request);
  });
}

/** Works until the port is closed. Counts answers by status, and requests that were sent and never answered. */
async function work(port: number, request: () => string, answers: Map<number, number>): Promise<number> {
  let broken = 0;
  for (;;) {
    const socket = await open(port);
    if (socket === null) return broken;
    socket.on("error", () => {});
    for (let ends = false; !ends; ) {
      const answer = await exchange(socket, request());
      if (answer === null) broken++;
      else answers.set(answer.status, (answers.get(answer.status) ?? 0) + 1);
      ends = answer === null || answer.closing;
    }
    socket.destroy();
  }
}

const isAlive = (pid: number): boolean => {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
};

const postmasterOf = (node: RunningSatchel): number =>
  Number(readFileSync(join(node.dataDir, "postgres/postmaster.pid"), "utf8").split("\n")[0]);

describe("SIGTERM", () => {
  test("under load breaks no request, and ends within ten seconds [row 117]", async () => {
    const node = await start("error");
    const { token } = await given(client(node.url)).organization();
    let written = 0;
    const head = `host: 127.0.0.1\r\nauthorization: Bearer ${token}\r\n`;
    const read = () => `GET /v1/me HTTP/1.1\r\n${head}\r\n`;
    const write = () => {
      const body = JSON.stringify({ title: `Lesson ${++written}` });
      return `POST /v1/contents HTTP/1.1\r\n${head}content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    };
    const answers = new Map<number, number>();
    const clients = Promise.all(
      Array.from({ length: CLIENTS }, (_, at) => work(portOf(node), at % 2 === 0 ? read : write, answers)),
    );
    const total = () => [...answers.values()].reduce((sum, count) => sum + count, 0);
    while (total() < 500) await Bun.sleep(5);
    const began = performance.now();
    const code = await node.stop("SIGTERM");
    const took = performance.now() - began;
    const broken = (await clients).reduce((sum, count) => sum + count, 0);
    console.info(
      `SIGTERM under load: ${total()} answers, ${broken} broken, ended after ${took.toFixed(0)} ms`,
    );
    expect(broken).toBe(0);
    expect([...answers.keys()].sort()).toEqual([200, 201]);
    expect(code).toBe(0);
    expect(took).toBeLessThan(10_000);
  });

  test("writes how many refusals were passed over before it ends [row 113]", async () => {
    const node = await start();
    const { request } = client(node.url);
    const it = given({ request });
    const school = await it.organization();
    const { user, token } = await it.member(school);
    for (let n = 0; n < 30; n++) expect((await request("GET", "/v1/users", { token })).status).toBe(403);
    expect(await node.stop()).toBe(0);
    const { code, out } = await satchel(["audit", "export", "--organization", school.slug], { folder });
    const events = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { action?: string; actorId?: string; details?: { count?: number } });
    const of = (action: string) =>
      events.filter((event) => event.action === action && event.actorId === user.id);
    const passed = of("refusals.passed_over").reduce((sum, { details }) => sum + (details?.count ?? 0), 0);
    expect([code, passed > 0, of("access.refused").length + passed]).toEqual([0, true, 30]);
  });

  test("lets a request finish whose body is still arriving", async () => {
    const node = await start();
    const { token } = await given(client(node.url)).organization();
    const body = JSON.stringify({ title: "A slow writer" });
    const socket = await open(portOf(node));
    if (socket === null) throw new Error("nobody listens");
    socket.write(
      `POST /v1/contents HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${token}\r\n` +
        `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body.slice(0, 5)}`,
    );
    // The server has it when it says that a request is under way.
    while (!(await (await fetch(`${node.url}/metrics`)).text()).match(/^satchel_\S*under_way\S* [1-9]/m)) {
      await Bun.sleep(5);
    }
    const stopped = node.stop("SIGTERM");
    while (!node.log().includes('"stopping"')) await Bun.sleep(5);
    const answer = await exchange(socket, body.slice(5));
    expect(answer?.status).toBe(201);
    expect(await stopped).toBe(0);
  });

  test("waits no longer than ten seconds for one that never ends", async () => {
    const node = await start();
    const { token } = await given(client(node.url)).organization();
    const socket = await open(portOf(node));
    if (socket === null) throw new Error("nobody listens");
    socket.on("error", () => {});
    socket.write(
      `POST /v1/contents HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${token}\r\n` +
        'content-type: application/json\r\ncontent-length: 100\r\n\r\n{"title":',
    );
    await Bun.sleep(50);
    const began = performance.now();
    const postmaster = postmasterOf(node);
    expect(await node.stop("SIGTERM")).toBe(0);
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(isAlive(postmaster)).toBe(false);
    socket.destroy();
  });

  test("a second time ends it at once, and PostgreSQL with it", async () => {
    const node = await start();
    const { token } = await given(client(node.url)).organization();
    const socket = await open(portOf(node));
    if (socket === null) throw new Error("nobody listens");
    socket.on("error", () => {});
    socket.write(
      `POST /v1/contents HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${token}\r\n` +
        'content-type: application/json\r\ncontent-length: 100\r\n\r\n{"title":',
    );
    const postmaster = postmasterOf(node);
    node.signal("SIGTERM");
    while (!node.log().includes('"stopping"')) await Bun.sleep(5);
    const began = performance.now();
    expect(await node.stop("SIGINT")).toBe(130);
    expect(performance.now() - began).toBeLessThan(1000);
    while (isAlive(postmaster)) {
      if (performance.now() - began > 5000) throw new Error("PostgreSQL was left behind");
      await Bun.sleep(10);
    }
    socket.destroy();
    const again = await start();
    expect(await again.stop()).toBe(0);
  });

  test("while it starts is not lost: it never becomes ready, and leaves nothing behind", async () => {
    for (const wait of ["", "embedded_unpacked", "embedded_ready"]) {
      const command = await startCommand(["serve", "--port", "0"]);
      while (!command.err().includes(wait)) await Bun.sleep(1);
      const began = performance.now();
      command.kill("SIGTERM");
      const { code } = await command.ended;
      expect(code === 0 || code === null).toBe(true);
      expect(performance.now() - began).toBeLessThan(10_000);
    }
  });
});
