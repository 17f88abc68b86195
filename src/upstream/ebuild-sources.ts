import type { PackageRef, Want } from "../core/distfile.ts";
import { readEntriesOf, type CacheEntry } from "./md5-cache.ts";
import { expandUri, type MirrorGroups } from "./mirror-groups.ts";
import type { Repositories } from "./repositories.ts";
import type { SrcUriFile } from "./src-uri.ts";

/** What the ebuilds that name a distfile say of where it may be had. */
export interface EbuildSources {
  /** Whether the mirrors may be asked: unless every ebuild that names it forbids it. */
  readonly mirrorsAllowed: boolean;
  /** http and https URLs of SRC_URI, each once. */
  readonly urls: readonly string[];
}

/** One ebuild's word on one file. */
export interface Mention {
  readonly file: SrcUriFile;
  readonly entry: CacheEntry;
}

/** Hex characters of a digest that choose which third-party mirror is first. */
const TURN_HEX = 8;

/** Reads what the md5-caches say of `want`. A package without md5-cache restricts nothing and adds no URL. */
export async function readEbuildSources(want: Want, repositories: Repositories): Promise<EbuildSources> {
  const perPackage = await Promise.all(want.packages.map((ref) => mentionsIn(ref, want.names, repositories)));
  const groups = await repositories.mirrorGroups();
  return {
    mirrorsAllowed: perPackage.length === 0 || perPackage.some(allowsMirrors),
    urls: urlsOf(perPackage.flat(), groups, Number.parseInt(want.digest.slice(0, TURN_HEX), 16)),
  };
}

async function mentionsIn(ref: PackageRef, names: readonly string[], repositories: Repositories): Promise<Mention[]> {
  if (!(await repositories.hasCache(ref.repo))) return [];
  const entries = await readEntriesOf(ref);
  return entries.flatMap((entry) =>
    entry.files.filter(({ name }) => names.includes(name)).map((file) => ({ file, entry })),
  );
}

/** As Portage: =fetch forbids the mirrors too, and `mirror+` lifts both. */
function allowsMirrors(mentions: readonly Mention[]): boolean {
  const forbids = ({ file, entry: { restrict } }: Mention): boolean =>
    (restrict.mirror || restrict.fetch) && file.lifts !== "mirror";
  return mentions.length === 0 || !mentions.every(forbids);
}

/** The URLs that the mentions allow: RESTRICT=fetch leaves only what `fetch+` or `mirror+` lifts, and `mirror://`. */
export function urlsOf(mentions: readonly Mention[], groups: MirrorGroups, turn: number): string[] {
  const allowed = mentions.filter(
    ({ file, entry }) => !entry.restrict.fetch || file.lifts !== undefined || file.uri?.startsWith("mirror://"),
  );
  const urls = allowed.flatMap(({ file }) => (file.uri ? expandUri(file.uri, groups, turn) : []));
  return [...new Set(urls.filter((url) => /^https?:\/\//i.test(url) && URL.canParse(url)))];
}
