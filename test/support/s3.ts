/** A server that speaks S3, for a test file: with buckets in a folder, multipart uploads, ranges and lists. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import type { Config } from "../../src/config.ts";
import { endWithRun, tempFolder } from "./run.ts";

export interface TestBucket {
  /** What has the bucket used. */
  readonly config: Pick<
    Config,
    "s3Bucket" | "s3Endpoint" | "s3Region" | "s3AccessKeyId" | "s3SecretAccessKey"
  >;
  /** The same as variables of the environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly client: Bun.S3Client;
  /** Stops it in mid-word, as a store that hangs, and lets it go on. */
  pause(): void;
  resume(): void;
  close(): void;
}

export async function testBucket(bucket = "school-files"): Promise<TestBucket> {
  // On a machine of its own it would take nothing from the server that is looked at.
  const program = [process.execPath, join(import.meta.dir, "s3-server.ts"), tempFolder("bucket"), bucket];
  const child = spawn("nice", ["-n", "19", ...program], { stdio: ["ignore", "pipe", "inherit"] });
  if (child.pid === undefined) throw new Error("the S3 server cannot be started");
  endWithRun(child.pid, "KILL");
  const port = await new Promise<number>((resolve, reject) => {
    child.stdout.once("data", (line: Buffer) => resolve(Number(line.toString())));
    child.once("exit", (code) => reject(new Error(`the S3 server ended with ${code}`)));
  });
  const endpoint = `http://127.0.0.1:${port}`;
  // The key that it takes.
  const key = "S3RVER";
  return {
    config: {
      s3Bucket: bucket,
      s3Endpoint: endpoint,
      s3Region: "us-east-1",
      s3AccessKeyId: key,
      s3SecretAccessKey: key,
    },
    env: {
      SATCHEL_S3_BUCKET: bucket,
      SATCHEL_S3_ENDPOINT: endpoint,
      SATCHEL_S3_ACCESS_KEY_ID: key,
      SATCHEL_S3_SECRET_ACCESS_KEY: key,
    },
    client: new Bun.S3Client({
      bucket,
      endpoint,
      accessKeyId: key,
      secretAccessKey: key,
      region: "us-east-1",
    }),
    pause: () => void child.kill("SIGSTOP"),
    resume: () => void child.kill("SIGCONT"),
    close: () => void child.kill("SIGKILL"),
  };
}
