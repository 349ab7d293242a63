/** What bytes are, told by the bytes themselves: neither a name nor a header makes an image of a program. */
import { fileTypeFromBlob } from "file-type";

/** How much of a file is looked at. */
const HEAD_BYTES = 1024 ** 2;
const TEXT_BYTES = 64 * 1024;
const PATTERN = /^[a-z0-9!#$&^_.+-]{1,127}\/[a-z0-9!#$&^_.+-]{1,127}$/;
const UNKNOWN = "application/octet-stream";

/** Endings of names whose kind is checked, and those that tell one text from another. */
const ENDINGS: Readonly<Record<string, string>> = {
  ...{ png: "image/png", jpg: "image/jpeg", jpeg: "image/jpeg", gif: "image/gif", webp: "image/webp" },
  ...{ avif: "image/avif", heic: "image/heic", bmp: "image/bmp", tif: "image/tiff", tiff: "image/tiff" },
  ...{ ico: "image/x-icon", svg: "image/svg+xml", mp4: "video/mp4", m4v: "video/mp4", webm: "video/webm" },
  ...{
    mov: "video/quicktime",
    mkv: "video/x-matroska",
    mp3: "audio/mpeg",
    m4a: "audio/mp4",
    ogg: "audio/ogg",
  },
  ...{ oga: "audio/ogg", ogv: "video/ogg", wav: "audio/wav", flac: "audio/flac", aac: "audio/aac" },
  ...{ pdf: "application/pdf", txt: "text/plain", md: "text/markdown", csv: "text/csv", html: "text/html" },
  ...{
    htm: "text/html",
    css: "text/css",
    js: "text/javascript",
    json: "application/json",
    xml: "application/xml",
  },
};

type Kind = "image" | "media" | "pdf" | "text";

/** The kinds that are told apart for certain; null: any other, about which a claim is not checked. */
function kindOf(mediaType: string): Kind | null {
  if (mediaType === "image/svg+xml") return "text";
  if (mediaType.startsWith("image/")) return "image";
  if (/^(?:audio|video)\/|^application\/ogg$/.test(mediaType)) return "media";
  if (mediaType === "application/pdf") return "pdf";
  if (/^text\/|^application\/(?:json|xml)$/.test(mediaType)) return "text";
  return null;
}

/**
 * The media type of a file that claims one, by what it was sent as and by its name. Null when it claims to be an image,
 * sound, a film, a PDF or text and is none.
 */
export async function mediaTypeOf(file: Blob, name: string, sentAs: string | null): Promise<string | null> {
  const head = file.slice(0, HEAD_BYTES);
  const sniffed = (await fileTypeFromBlob(head).catch(() => undefined))?.mime ?? null;
  const text = await textOf(head);
  const ending = endingOf(name);
  const given = sentAs !== null && sentAs !== UNKNOWN && PATTERN.test(sentAs) ? sentAs : null;
  const claims = [given, ending].filter((claim) => claim !== null);
  // A text may begin like something else: "BMI" like a picture, "MZ" like a program. As text it harms nobody.
  const isText = text !== null && (sniffed === null || claims.some((claim) => kindOf(claim) === "text"));
  const found = isText ? "text/plain" : sniffed !== null && PATTERN.test(sniffed) ? sniffed : UNKNOWN;
  const kind = kindOf(found);
  if (claims.some((claim) => kindOf(claim) !== null && kindOf(claim) !== kind)) return null;
  if (!isText) return found;
  // Which kind of text it is only the claim tells.
  const told = claims.find((claim) => kindOf(claim) === "text") ?? found;
  return told === "image/svg+xml" && !/<svg[\s>]/i.test(text) ? null : told;
}

/** Whether a file of this media type may have this name: one that ends as an image is none of a program. */
export function isNameOf(name: string, mediaType: string): boolean {
  const ending = endingOf(name);
  return ending === null || kindOf(ending) === kindOf(mediaType);
}

/** The media type that a name claims by its ending, or null. */
const endingOf = (name: string): string | null => ENDINGS[name.toLowerCase().split(".").at(-1) ?? ""] ?? null;

/** The beginning as text, or null when it is none: not UTF-8, or with what no text has. */
async function textOf(head: Blob): Promise<string | null> {
  try {
    const bytes = await head.slice(0, TEXT_BYTES).bytes();
    // As a stream: the last character may be cut.
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is about them
    return /[\u0000-\u0008\u000e-\u001a\u001c-\u001f]/.test(text) ? null : text;
  } catch {
    return null;
  }
}

/** Shown by a browser without being run: everything else is only saved. */
const SHOWN: ReadonlySet<string> = new Set([
  ...["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp"],
  ...[
    "audio/mpeg",
    "audio/mp4",
    "audio/x-m4a",
    "audio/ogg",
    "audio/wav",
    "audio/flac",
    "audio/x-flac",
    "audio/aac",
  ],
  ...["video/mp4", "video/webm", "video/ogg", "video/quicktime", "application/ogg", "audio/webm"],
  ...["application/pdf", "text/plain"],
]);

export const isShown = (mediaType: string): boolean => SHOWN.has(mediaType);
