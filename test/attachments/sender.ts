/**
 * The other end of a transfer, as a process of its own, so that what it takes is not the server's:
 * `sender.ts up <url> <token> <bytes> <seed> <bytes a second>` or `sender.ts down <url> <token> <bytes a second>`. Writes what came of it as JSON.
 */
const [way = "", url = "", token = "", ...rest] = process.argv.slice(2);
const [size = 0, seed = 0, rate = Number.POSITIVE_INFINITY] = rest.map(Number);
const headers = { authorization: `Bearer ${token}` };
const BLOCK = 256 * 1024;
const hash = new Bun.CryptoHasher("sha256");

/** Blocks that differ, so that none could stand for another. */
function* blocks(): Generator<Uint8Array> {
  let state = seed;
  const block = new Uint8Array(BLOCK).map(() => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state >>> 24;
  });
  for (let at = 0, n = 0; at < size; at += BLOCK, n++) {
    new DataView(block.buffer).setUint32(0, n);
    yield block.slice(0, Math.min(BLOCK, size - at));
  }
}

if (way === "up") {
  const source = blocks();
  const began = performance.now();
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const { done, value } = source.next();
      if (done || value === undefined) return controller.close();
      const early = (sent / rate) * 1000 - (performance.now() - began);
      if (early > 0) await Bun.sleep(early);
      sent += value.byteLength;
      hash.update(value);
      controller.enqueue(value);
    },
  });
  const response = await fetch(url, { method: "POST", headers, body });
  const answer: unknown = await response.json();
  process.stdout.write(JSON.stringify({ status: response.status, sha256: hash.digest("hex"), answer }));
} else {
  const response = await fetch(url, { headers });
  const began = performance.now();
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    hash.update(chunk);
    bytes += chunk.byteLength;
    const early = (bytes / size) * 1000 - (performance.now() - began);
    if (early > 0) await Bun.sleep(early);
  }
  process.stdout.write(JSON.stringify({ status: response.status, sha256: hash.digest("hex"), bytes }));
}
