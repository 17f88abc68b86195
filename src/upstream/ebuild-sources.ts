import type { PackageRef, Want } from "../core/distfile.ts";
import type { Withheld } from "../core/source.ts";
import { readEntriesOf, type CacheEntry } from "./md5-cache.ts";
import { expandUri, groupOf, type MirrorGroups } from "./mirror-groups.ts";
import type { Repositories } from "./repositories.ts";
import type { SrcUriFile } from "./src-uri.ts";

/** What the ebuilds that name a distfile say of where it may be had. */
interface EbuildSources {
  /** Whether the mirrors may be asked: unless every ebuild that names it forbids it. */
  readonly mirrorsAllowed: boolean;
  /** http and https URLs of SRC_URI, each once. */
  readonly urls: readonly string[];
  /** What of all that is left out, and why: only a failing answer and `explain` need to know. */
  readonly withheld: () => readonly Withheld[];
}

/** One ebuild's word on one file. */
interface Mention {
  /** `category/name` of its package. */
  readonly package: string;
  readonly file: SrcUriFile;
  readonly entry: CacheEntry;
}

/** Hex characters of a digest that choose which third-party mirror is first. */
const TURN_HEX = 8;

/** Reads what the md5-caches say of `want`. A package without md5-cache restricts nothing and adds no URL. */
export async function readEbuildSources(want: Want, repositories: Repositories): Promise<EbuildSources> {
  const perPackage = await Promise.all(want.packages.map((ref) => mentionsIn(ref, want.names, repositories)));
  const groups = await repositories.mirrorGroups();
  const mentions = perPackage.flat();
  const mirrorsAllowed = perPackage.length === 0 || perPackage.some(allowsMirrors);
  const urls = urlsOf(mentions, groups, Number.parseInt(want.digest.slice(0, TURN_HEX), 16));
  const withheld = (): Withheld[] => [
    ...(mirrorsAllowed ? [] : [restriction(mentions, urls)]),
    ...withheldUris(mentions, groups),
  ];
  return { mirrorsAllowed, urls, withheld };
}

async function mentionsIn(ref: PackageRef, names: readonly string[], repositories: Repositories): Promise<Mention[]> {
  if (!(await repositories.hasCache(ref.repo))) return [];
  const entries = await readEntriesOf(ref);
  return entries.flatMap((entry) =>
    entry.files.filter(({ name }) => names.includes(name)).map((file) => ({ package: ref.package, file, entry })),
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
  const urls = allowedUris(mentions).flatMap((uri) => expandUri(uri, groups, turn));
  return unique(urls.filter(isHttp));
}

function allowedUris(mentions: readonly Mention[]): string[] {
  const uris = mentions.flatMap((mention) => {
    const { uri } = mention.file;
    return uri !== undefined && (mayFetch(mention) || groupOf(uri) !== undefined) ? [uri] : [];
  });
  return unique(uris);
}

function mayFetch({ file, entry }: Mention): boolean {
  return !entry.restrict.fetch || file.lifts !== undefined;
}

function isHttp(url: string): boolean {
  return /^https?:\/\//i.test(url) && URL.canParse(url);
}

/** What the mentions allow and nobody is asked for, as it leads to no URL that we can ask. */
function withheldUris(mentions: readonly Mention[], groups: MirrorGroups): Withheld[] {
  const left = allowedUris(mentions).flatMap((uri) => whyWithheld(uri, groups) ?? []);
  return [...new Map(left.map((one) => [one.text, one])).values()];
}

function whyWithheld(uri: string, groups: MirrorGroups): Withheld | undefined {
  const urls = expandUri(uri, groups, 0);
  const group = groupOf(uri);
  if (urls.some(isHttp)) return undefined;
  if (group === undefined) return { reason: "protocol", text: `${uri} is neither http nor https` };
  if (urls.length > 0) return { reason: "protocol", text: `no server of mirror://${group} is http or https` };
  const text = `no repository and no /etc/portage/mirrors says what mirror://${group} is`;
  return { reason: "group", text };
}

/** Of a file whose ebuilds all keep it from the mirrors; `urls`: where else they allow it to be had. */
function restriction(mentions: readonly Mention[], urls: readonly string[]): Withheld {
  const ebuild = `the ebuild of ${unique(mentions.map((mention) => mention.package)).join(", ")}`;
  if (urls.length > 0 || mentions.some(mayFetch)) {
    return { reason: "mirror", text: `${ebuild} forbids mirrors (RESTRICT)` };
  }
  const text = `${ebuild} forbids fetching (RESTRICT=fetch): only a box or a local mirror that has it can give it`;
  return { reason: "fetch", text };
}

function unique(words: readonly string[]): string[] {
  return [...new Set(words)];
}
