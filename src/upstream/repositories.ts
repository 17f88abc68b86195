import { join } from "node:path";
import { parseMirrorLists, type MirrorLists } from "../core/mirror-lists.ts";
import { readRegularText } from "../core/regular-file.ts";
import { hasCache } from "./md5-cache.ts";
import { stackMirrors, type MirrorGroups } from "./mirror-groups.ts";

/** What the repositories say that bears on fetching. */
interface Known {
  readonly mirrors: MirrorLists;
  /** Those that have an md5-cache. */
  readonly cached: ReadonlySet<string>;
}

/** How long the files of the repositories are taken to be unchanged. */
const REMEMBER_MS = 60_000;

/**
 * The configured ebuild repositories: whether they have an md5-cache, and what they define of `mirror://`, beside what
 * the administrator of the box does.
 */
export class Repositories {
  readonly paths: readonly string[];
  #custom: MirrorLists = new Map();
  #now: () => number;
  #read: { readonly at: number; readonly known: Promise<Known> } | undefined;

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

  /** Whether the repository at `path` has an md5-cache, so that it is worth looking into. */
  async hasCache(path: string): Promise<boolean> {
    return (await this.#known()).cached.has(path);
  }

  /** Reads them anew at the next need. */
  forget(): void {
    this.#read = undefined;
  }

  #known(): Promise<Known> {
    if (this.#read === undefined || this.#now() - this.#read.at > REMEMBER_MS) {
      this.#read = { at: this.#now(), known: readRepositories(this.paths) };
    }
    return this.#read.known;
  }
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
  const text = await readRegularText(join(repo, "profiles", "thirdpartymirrors")).catch(() => "");
  return parseMirrorLists(text);
}
