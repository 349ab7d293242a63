/** A Redis of the test's own, which can be made to hang, to die and to come back. */
import type { ChildProcess } from "node:child_process";
import { createServer } from "node:net";
import { createClient } from "redis";
import { program } from "./debian.ts";
import { startLogged } from "./logged.ts";
import { endWithRun, tempFolder } from "./run.ts";

export interface TestRedis {
  readonly url: string;
  /** Runs one command, such as `send("SET", "key", "value")`, on a connection of its own. */
  send(...command: readonly string[]): Promise<unknown>;
  /** Stops the process where it stands (SIGSTOP): connections stay open and nobody answers. */
  pause(): void;
  resume(): void;
  /** kill -9, and waits until it is gone. */
  kill(): Promise<void>;
  /** Starts it again, empty, on the same port. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** Starts a Redis that keeps nothing on disk. `settings` are lines of redis.conf, such as `maxmemory 2mb`. */
export async function startRedis(settings: readonly string[] = []): Promise<TestRedis> {
  const { path, env } = await program("redis-server");
  const folder = tempFolder("redis");
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  let server = await start();

  async function start(): Promise<ChildProcess> {
    const lines = ["bind 127.0.0.1", `port ${port}`, "save ''", "appendonly no", ...settings];
    const { child, ready } = startLogged(
      path,
      lines.flatMap((line) => {
        const [name = "", ...values] = line.split(" ");
        return [`--${name}`, ...values.map((value) => (value === "''" ? "" : value))];
      }),
      "Ready to accept connections",
      { env, cwd: folder },
    );
    if (child.pid !== undefined) endWithRun(child.pid, "KILL");
    await ready;
    return child;
  }

  const kill = async () => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const gone = new Promise((resolve) => server.once("exit", resolve));
    server.kill("SIGKILL");
    await gone;
  };

  return {
    url,
    send: async (...command) => {
      const client = createClient({ url, socket: { reconnectStrategy: false } });
      client.on("error", () => {});
      await client.connect();
      try {
        return await client.sendCommand([...command]);
      } finally {
        client.destroy();
      }
    },
    pause: () => void server.kill("SIGSTOP"),
    resume: () => void server.kill("SIGCONT"),
    kill,
    restart: async () => {
      await kill();
      server = await start();
    },
    close: kill,
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() =>
        typeof address === "object" && address !== null
          ? resolve(address.port)
          : reject(new Error("no port")),
      );
    });
  });
}
