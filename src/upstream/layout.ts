import { createHash, getHashes } from "node:crypto";
import type { Digest } from "../core/digest.ts";
import { parseIni, type Ini } from "../core/text/ini.ts";

/** How a mirror arranges its distfiles (GLEP 75). `cuts` are the lengths of the directory names, in hex characters. */
export type Layout =
  | { readonly kind: "flat" }
  | { readonly kind: "filename-hash"; readonly hash: string; readonly cuts: readonly number[] }
  | { readonly kind: "content-hash"; readonly hash: string; readonly cuts: readonly number[] };

/** What a path is made of: a name, a digest, or both. */
export type Addressed = { readonly name?: string; readonly digest?: Digest };

/** Manifest hash names (GLEP 59, 74) and what OpenSSL calls them. */
const HASHES: Readonly<Record<string, string>> = {
  BLAKE2B: "blake2b512",
  BLAKE2S: "blake2s256",
  MD5: "md5",
  RMD160: "ripemd160",
  SHA1: "sha1",
  SHA256: "sha256",
  SHA3_256: "sha3-256",
  SHA3_512: "sha3-512",
  SHA512: "sha512",
};
/** The hash that a {@link Digest} is of. */
const DIGEST_HASH = "blake2b512";
const BITS_PER_HEX = 4;

/** All files in one directory, by name. */
export const FLAT: Layout = { kind: "flat" };

/**
 * What every Gentoo mirror has had since 2019-10-18 (GLEP 75): the guess while a mirror's layout.conf cannot be had.
 */
export const GLEP_75: Layout = { kind: "filename-hash", hash: "blake2b512", cuts: [2] };

/** Whether `text` is a layout.conf at all, and not, say, an error page that came with 200. */
export function isLayoutConf(text: string): boolean {
  return structureIn(text) !== undefined;
}

/**
 * The layouts that a layout.conf lists, best first, less those with a hash that we lack or with cuts that make no
 * sense; {@link FLAT} alone when nothing is left, as Portage does. Never throws.
 */
export function parseLayoutConf(text: string): readonly Layout[] {
  const entries = structureIn(text) ?? new Map<string, string>();
  const layouts: Layout[] = [];
  for (let i = 0; entries.has(String(i)); i++) {
    const layout = parseEntry(entries.get(String(i))!);
    if (layout !== undefined) layouts.push(layout);
  }
  return layouts.length > 0 ? layouts : [FLAT];
}

/** What the section `[structure]` has; undefined when there is none. */
function structureIn(text: string): ReadonlyMap<string, string> | undefined {
  const ini: Ini = new Map();
  parseIni(text, ini);
  return ini.get("structure");
}

function parseEntry(value: string): Layout | undefined {
  const [kind, algorithm, cutoffs, ...more] = value.split(/\s+/).filter((word) => word !== "");
  if (kind === "flat") return algorithm === undefined ? FLAT : undefined;
  if ((kind !== "filename-hash" && kind !== "content-hash") || more.length > 0) return undefined;
  const hash = HASHES[algorithm ?? ""];
  if (hash === undefined || !getHashes().includes(hash)) return undefined;
  const cuts = parseCuts(cutoffs ?? "", createHash(hash).digest().length * 2);
  return cuts === undefined ? undefined : { kind, hash, cuts };
}

/** `8:8` -> [2, 2]: bits, each a positive multiple of 4, together no more than the hash has. */
function parseCuts(cutoffs: string, hexLength: number): number[] | undefined {
  if (!/^\d{1,4}(:\d{1,4})*$/.test(cutoffs)) return undefined;
  const cuts = cutoffs.split(":").map((bits) => Number(bits) / BITS_PER_HEX);
  const total = cuts.reduce((sum, cut) => sum + cut, 0);
  return cuts.every((cut) => cut > 0 && Number.isInteger(cut)) && total <= hexLength ? cuts : undefined;
}

/**
 * Where a mirror with this layout keeps a file, relative to its `distfiles`, not yet quoted; undefined when the layout
 * goes by something that is not known (a name, or a content hash other than the digest).
 */
export function pathIn(layout: Layout, { name, digest }: Addressed): string | undefined {
  if (layout.kind === "content-hash") {
    return digest === undefined || layout.hash !== DIGEST_HASH ? undefined : below(digest, layout.cuts, digest);
  }
  if (name === undefined || layout.kind === "flat") return name;
  return below(createHash(layout.hash).update(name).digest("hex"), layout.cuts, name);
}

function below(hex: string, cuts: readonly number[], file: string): string {
  let at = 0;
  const directories = cuts.map((cut) => hex.slice(at, (at += cut)));
  return [...directories, file].join("/");
}

/** Quotes a path as Portage does (Python's `urllib.parse.quote`): all but letters, digits, `_.-~` and `/`. */
export function quotePath(path: string): string {
  return encodeURIComponent(path)
    .replaceAll("%2F", "/")
    .replace(/[!*'()]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
