/**
 * The form in which PostgreSQL travels inside the executable: one zstd file that begins with a skippable frame
 * (RFC 8878 §3.1.2) holding a JSON header, followed by a frame holding a tar. Any zstd tool still unpacks it, and
 * what is inside is known without unpacking it.
 */

/** Path below the root, size in bytes, and permission bits. */
export type ArchivedFile = readonly [path: string, size: number, mode: number];

export interface ArchiveHeader {
  /** PostgreSQL's own version, such as `18.4`. */
  readonly version: string;
  /** The npm package and version that the files came from. */
  readonly source: string;
  /** A hash of how they were packed. */
  readonly recipe: string;
  /** `process.platform` and `process.arch` of the machines it runs on, such as `linux-x64`. */
  readonly platform: string;
  /** The first half of the SHA-256 of the tar, in hexadecimal: names the folder it is unpacked to. */
  readonly id: string;
  readonly files: readonly ArchivedFile[];
}

const SKIPPABLE_FRAME = 0x184d2a50;
const PREAMBLE = 8;

/** Puts the header before the compressed tar. */
export function joinArchive(header: ArchiveHeader, zstd: Uint8Array): Blob {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const preamble = new DataView(new ArrayBuffer(PREAMBLE));
  preamble.setUint32(0, SKIPPABLE_FRAME, true);
  preamble.setUint32(4, json.byteLength, true);
  return new Blob([preamble.buffer, json, zstd]);
}

/** Reads the header alone, and where the compressed tar begins. Throws when it is not such a file. */
export async function readArchiveHeader(file: Blob): Promise<{ header: ArchiveHeader; start: number }> {
  const preamble = new DataView(await file.slice(0, PREAMBLE).arrayBuffer());
  if (preamble.byteLength < PREAMBLE || preamble.getUint32(0, true) !== SKIPPABLE_FRAME) {
    throw new Error("The packed PostgreSQL has no header");
  }
  const start = PREAMBLE + preamble.getUint32(4, true);
  const header: ArchiveHeader = JSON.parse(await file.slice(PREAMBLE, start).text());
  return { header, start };
}
