import { DIGEST_HEX_LENGTH, isDigest, type Digest } from "../core/digest.ts";
import { DistswarmError } from "../core/errors.ts";

/** What a path of the mirror door asks for. */
type MirrorPath =
  | { readonly kind: "page" }
  | { readonly kind: "layout" }
  | { readonly kind: "digest"; readonly digest: Digest }
  | { readonly kind: "name"; readonly name: string }
  /** Below `/snapshots/`, also in directories there (`deltas/`, `squashfs/`): the name, and the path as it came. */
  | { readonly kind: "snapshot"; readonly name: string; readonly path: string }
  | { readonly kind: "unknown" };

const HASH_DIRECTORY = /^[0-9a-f]{2}$/i;
// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f]/;

/**
 * Reads the path of a request to the mirror door: split on `/` first, then each segment decoded once, so that a literal
 * `%2F` in a distfile's name (asked as `%252F`) stays one name. More than one `/` at its beginning counts as one, as with
 * web servers: where the mirror is written with one at its end, Portage leaves that of a `local` one (fetch.py), and
 * emerge-webrsync that of any.
 *
 * @throws {DistswarmError} `INVALID_REQUEST` for what no client of ours sends: `..`, an encoded slash, control
 * characters, broken escapes, a digest that is none or that lies in the wrong directory.
 */
export function parseMirrorPath(asSent: string): MirrorPath {
  const path = asSent.replace(/^\/+/, "/");
  const [rawPath = ""] = path.split("?", 1);
  const segments = rawPath.split("/").slice(1).map(decodeSegment);
  const [top, ...rest] = segments;
  if (top === "") return { kind: "page" };
  if (top === "snapshots") return parseSnapshotPath(rest, path);
  return top === "distfiles" ? parseDistfilePath(rest) : { kind: "unknown" };
}

function parseSnapshotPath(segments: readonly string[], path: string): MirrorPath {
  const isFile = segments.length > 0 && !segments.includes("");
  return isFile ? { kind: "snapshot", name: segments.join("/"), path } : { kind: "unknown" };
}

function parseDistfilePath(segments: readonly string[]): MirrorPath {
  const [first = "", second, ...more] = segments;
  if (more.length > 0 || first === "") return { kind: "unknown" };
  if (second === undefined) return first === "layout.conf" ? { kind: "layout" } : { kind: "name", name: first };
  if (!HASH_DIRECTORY.test(first) || second === "") return { kind: "unknown" };
  if (second.length !== DIGEST_HEX_LENGTH) return { kind: "name", name: second };
  return { kind: "digest", digest: digestBelow(first, second) };
}

function digestBelow(directory: string, text: string): Digest {
  const digest = text.toLowerCase();
  if (!isDigest(digest)) throw invalid(`${text} is not a BLAKE2B digest: 128 hex characters are`);
  if (!digest.startsWith(directory.toLowerCase())) {
    throw invalid(`a digest lies below its first two characters: /distfiles/${digest.slice(0, 2)}/${digest}`);
  }
  return digest;
}

function decodeSegment(segment: string): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(segment);
  } catch (error) {
    throw invalid(`broken % escape in ${segment}`, error);
  }
  if (decoded === ".." || decoded === ".") throw invalid(`${decoded} in a path`);
  if (decoded.includes("/")) throw invalid(`an encoded slash in ${segment}: no distfile's name has one`);
  if (CONTROL_CHARACTERS.test(decoded)) throw invalid(`a control character in ${segment}`);
  return decoded;
}

function invalid(message: string, cause?: unknown): DistswarmError {
  return new DistswarmError("INVALID_REQUEST", message, { cause });
}
