import { join } from "node:path";
import { BoundedMap } from "../core/data/bounded-map.ts";
import type { PackageRef } from "../core/distfile.ts";
import { parseMirrorLists, type MirrorLists } from "../core/mirror-lists.ts";
import { readRepositoryFile } from "../core/fs/repository-file.ts";
import { hasCache, readEntriesOf, type CacheEntry } from "./md5-cache.ts";
import { stackMirrors, type MirrorGroups } from "./mirror-groups.ts";

/** What the repositories say that bears on fetching. */
interface Known {
  readonly mirrors: MirrorLists;
  /** Those that have an md5-cache. */
  readonly cached: ReadonlySet<string>;
}

/** How long the files of the repositories are taken to be unchanged. */
const REMEMBER_MS = 60_000;
/** How long the ebuilds of a package are, while they name what is asked for. */
const REMEMBER_PACKAGE_MS = 10_000;
/** Packages remembered at once: their parsed SRC_URI take 100 KiB for each thousand of files. */
const REMEMBERED_PACKAGES = 8;

/** What the ebuilds of a package say, and when they were read. */
interface Package {
  readonly at: number;
  readonly entries: Promise<readonly CacheEntry[]>;
}

/**
 * The configured ebuild repositories: what their md5-caches say of ebuilds, where they have one, and what they define of
 * `mirror://`, beside what the administrator of the box does.
 */
export class Repositories {
  readonly paths: readonly string[];
  #custom: MirrorLists = new Map();
  readonly #now: () => number;
  #read: { readonly at: number; readonly known: Promise<Known> } | undefined;
  readonly #packages = new BoundedMap<string, Package>(REMEMBERED_PACKAGES);

  /**
   * @param paths in Portage's order, the main repository first.
   * @param init.now milliseconds since some moment; @default those of the system, whatever its date is set to
   */
  constructor(paths: readonly string[], { now = () => performance.now() }: { now?: () => number } = {}) {
    this.paths = paths;
    this.#now = now;
  }

  /**
   * What `mirror://NAME/` may stand for in any ebuild: as in Portage, beside /etc/portage/mirrors
   * profiles/thirdpartymirrors of all repositories, the last one first, whoever is whose master (config.py,
   * `thirdpartymirrors`).
   */
  async mirrorGroups(): Promise<MirrorGroups> {
    return { custom: this.#custom, thirdParty: (await this.#known()).mirrors };
  }

  /** From now on /etc/portage/mirrors says so. */
  useCustom(lists: MirrorLists): void {
    this.#custom = lists;
  }

  /**
   * What the md5-cache says of a package's ebuilds; nothing without one. Files of one package are asked for one after
   * another: what was read a moment ago holds for those that it names, by any of their `names`.
   */
  async entriesOf(ref: PackageRef, names: readonly string[]): Promise<readonly CacheEntry[]> {
    if (!(await this.#known()).cached.has(ref.repo)) return [];
    const remembered = this.remembers(ref) ? await this.#packages.get(keyOf(ref))!.entries : [];
    if (remembered.some(({ files }) => files.some(({ name }) => names.includes(name)))) return remembered;
    const entries = readEntriesOf(ref);
    this.#packages.set(keyOf(ref), { at: this.#now(), entries });
    return entries;
  }

  /** Whether the ebuilds of a package were read a moment ago. */
  remembers(ref: PackageRef): boolean {
    const read = this.#packages.get(keyOf(ref));
    return read !== undefined && this.#now() - read.at <= REMEMBER_PACKAGE_MS;
  }

  /** Reads them anew at the next need. */
  forget(): void {
    this.#read = undefined;
    this.#packages.clear();
  }

  #known(): Promise<Known> {
    if (this.#read === undefined || this.#now() - this.#read.at > REMEMBER_MS) {
      this.#read = { at: this.#now(), known: readRepositories(this.paths) };
    }
    return this.#read.known;
  }
}

function keyOf({ repo, package: cpn }: PackageRef): string {
  return `${repo} ${cpn}`;
}

async function readRepositories(paths: readonly string[]): Promise<Known> {
  const [lists, caches] = await Promise.all([
    Promise.all(paths.map(readThirdPartyMirrors)),
    Promise.all(paths.map(hasCache)),
  ]);
  return { mirrors: stackMirrors(lists.toReversed()), cached: new Set(paths.filter((_, at) => caches[at])) };
}

/** A repository need not have the file. */
async function readThirdPartyMirrors(repo: string): Promise<MirrorLists> {
  const text = await readRepositoryFile(join(repo, "profiles", "thirdpartymirrors")).catch(() => "");
  return parseMirrorLists(text);
}
