import type { PackageRef, Want } from "../core/distfile.ts";
import type { Withheld } from "../core/source.ts";
import type { CacheEntry } from "./md5-cache.ts";
import { expandUri, groupOf, type MirrorGroups } from "./mirror-groups.ts";
import type { Repositories } from "./repositories.ts";
import type { SrcUriFile } from "./src-uri.ts";

/** One ebuild's word on one file. */
interface Mention {
  /** `category/name` of its package. */
  readonly package: string;
  readonly file: SrcUriFile;
  readonly entry: CacheEntry;
}

/** Hex characters of a digest that choose which third-party mirror is first. */
const TURN_HEX = 8;

/**
 * What the ebuilds that name a distfile say of where it may be had. A crate is named by hundreds of packages, each with
 * hundreds of others: they are read one after another, those first that were read a moment ago, and no further than
 * somebody asks. A package without md5-cache restricts nothing and adds no URL.
 */
export class EbuildSources {
  readonly #want: Want;
  readonly #repositories: Repositories;
  readonly #packages: readonly PackageRef[];
  /** Of each package that was looked at: what its ebuilds say of the file. */
  readonly #mentions = new Map<PackageRef, Promise<Mention[]>>();

  constructor(want: Want, repositories: Repositories) {
    this.#want = want;
    this.#repositories = repositories;
    const isFresh = (ref: PackageRef): boolean => repositories.remembers(ref);
    this.#packages = [...want.packages.filter(isFresh), ...want.packages.filter((ref) => !isFresh(ref))];
  }

  /** Whether the mirrors may be asked: unless every ebuild that names it forbids it. */
  async allowMirrors(): Promise<boolean> {
    for (const ref of this.#packages) if (allowsMirrors(await this.#mentionsIn(ref))) return true;
    return this.#packages.length === 0;
  }

  /** http and https URLs of SRC_URI, package after package: those that several name come again. */
  async *urls(): AsyncGenerator<string> {
    const groups = await this.#repositories.mirrorGroups();
    for (const ref of this.#packages) yield* urlsOf(await this.#mentionsIn(ref), groups, this.#turn);
  }

  /** What of all that is left out, and why: only a failing answer and `explain` need to know. */
  async withheld(): Promise<Withheld[]> {
    const groups = await this.#repositories.mirrorGroups();
    const perPackage = await Promise.all(this.#packages.map((ref) => this.#mentionsIn(ref)));
    const mentions = perPackage.flat();
    const restricted = (await this.allowMirrors()) ? [] : [restriction(mentions, urlsOf(mentions, groups, this.#turn))];
    return [...restricted, ...withheldUris(mentions, groups)];
  }

  /** Of each ebuild that needs it whatever its USE flags: the names of all such files, in the order of SRC_URI. */
  async neighbours(): Promise<readonly (readonly string[])[]> {
    const perPackage = await Promise.all(this.#packages.map((ref) => this.#mentionsIn(ref)));
    const entries = new Set(perPackage.flat().flatMap(({ file, entry }) => (file.conditional ? [] : [entry])));
    return [...entries].map(({ files }) => files.flatMap(({ name, conditional }) => (conditional ? [] : [name])));
  }

  /** Which server of a group is first. */
  get #turn(): number {
    return Number.parseInt(this.#want.digest.slice(0, TURN_HEX), 16);
  }

  #mentionsIn(ref: PackageRef): Promise<Mention[]> {
    const known = this.#mentions.get(ref) ?? mentionsIn(ref, this.#want.names, this.#repositories);
    this.#mentions.set(ref, known);
    return known;
  }
}

async function mentionsIn(ref: PackageRef, names: readonly string[], repositories: Repositories): Promise<Mention[]> {
  const entries = await repositories.entriesOf(ref, names);
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
