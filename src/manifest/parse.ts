import { isDigest, type Digest } from "../core/digest.ts";
import { decodeName } from "./name.ts";

/** A `DIST` line. Without a BLAKE2B digest there is nothing to know its bytes by: it can only pass through. */
export interface DistLine {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly digest: Digest | undefined;
}

/** A line that could not be read. */
export interface DamagedLine {
  /** Counted from 1; 0 when it is the whole file that could not be read. */
  readonly line: number;
  readonly reason: string;
  /** The line itself; only its beginning if it is long. */
  readonly text: string;
}

/** What a Manifest says. */
export interface ParsedManifest {
  readonly dist: readonly DistLine[];
  /** At most {@link MAX_DAMAGED_LINES} of them, in order. */
  readonly damaged: readonly DamagedLine[];
}

/** So many damaged lines of one Manifest are told; a file that is no Manifest at all would have thousands. */
const MAX_DAMAGED_LINES = 10;

const MAX_TEXT_LENGTH = 200;

/** The other tags of GLEP 74 and of Manifest2 before it: known, and of no use here. */
const OTHER_TAGS = new Set(["MANIFEST", "DATA", "IGNORE", "TIMESTAMP", "EBUILD", "MISC", "AUX", "OPTIONAL"]);

const SIGNED_BEGIN = "-----BEGIN PGP SIGNED MESSAGE-----";
const SIGNATURE_BEGIN = "-----BEGIN PGP SIGNATURE-----";
const SIGNATURE_END = "-----END PGP SIGNATURE-----";

/**
 * Reads a Manifest (GLEP 74), thin or full, clearsigned or not; the signature is not checked. A damaged line is
 * reported and skipped, the others count.
 */
export function parseManifest(text: string): ParsedManifest {
  const dist: DistLine[] = [];
  const damaged: DamagedLine[] = [];
  for (const [line, content] of signedLines(text)) {
    const parsed = parseLine(content);
    if (parsed === undefined) continue;
    if ("name" in parsed) dist.push(parsed);
    else if (damaged.length < MAX_DAMAGED_LINES) {
      damaged.push({ line, reason: shorten(parsed.reason), text: shorten(content) });
    }
  }
  return { dist, damaged };
}

/** The lines with their numbers, without an OpenPGP cleartext envelope (RFC 9580, section 7) and its dash escapes. */
function* signedLines(text: string): Generator<[number: number, content: string]> {
  let part: "message" | "headers" | "signature" = "message";
  let enveloped = false;
  let number = 0;
  for (const raw of text.split("\n")) {
    number += 1;
    const content = raw.trim();
    if (content === SIGNED_BEGIN) {
      part = "headers";
      enveloped = true;
    } else if (content === SIGNATURE_BEGIN) part = "signature";
    else if (content === SIGNATURE_END || (part === "headers" && content === "")) part = "message";
    else if (part === "message") yield [number, enveloped && content.startsWith("- ") ? content.slice(2) : content];
  }
}

function shorten(text: string): string {
  return text.length > MAX_TEXT_LENGTH ? `${text.slice(0, MAX_TEXT_LENGTH)}…` : text;
}

function parseLine(content: string): DistLine | { reason: string } | undefined {
  const [tag = "", ...fields] = content.split(/[ \t]+/);
  if (tag === "DIST") return parseDist(fields);
  if (tag === "" || OTHER_TAGS.has(tag)) return undefined;
  return { reason: `unknown tag ${JSON.stringify(tag)}` };
}

function parseDist([nameField, sizeField, ...hashes]: string[]): DistLine | { reason: string } {
  if (nameField === undefined || sizeField === undefined) return { reason: "a DIST line needs a name and a size" };
  const decoded = decodeName(nameField);
  if ("reason" in decoded) return decoded;
  const size = /^\d+$/.test(sizeField) ? Number(sizeField) : Number.NaN;
  if (!Number.isSafeInteger(size)) return { reason: `the size is not a number of bytes: ${sizeField}` };
  if (hashes.length % 2 !== 0) return { reason: `no value for ${hashes.at(-1)}` };
  const at = hashes.findLastIndex((field, index) => index % 2 === 0 && field === "BLAKE2B");
  if (at < 0) return { name: decoded.name, size, digest: undefined };
  const digest = hashes[at + 1]!.toLowerCase();
  return isDigest(digest) ? { name: decoded.name, size, digest } : { reason: "BLAKE2B is not 128 hex characters" };
}
