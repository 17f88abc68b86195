import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { hasCache } from "./md5-cache.ts";
import { mergeMirrors, parseThirdPartyMirrors, type ThirdPartyMirrors } from "./third-party-mirrors.ts";

/** What a repository says of itself that bears on fetching. */
interface Repository {
  readonly path: string;
  readonly name: string;
  readonly masters: readonly string[];
  readonly mirrors: ThirdPartyMirrors;
  readonly hasCache: boolean;
}

/** How long the files of a repository are taken to be unchanged. */
const REMEMBER_MS = 60_000;

/** The configured ebuild repositories: their names, their masters, their third-party mirrors, whether they have an md5-cache. */
export class Repositories {
  readonly paths: readonly string[];
  #now: () => number;
  #read: { readonly at: number; readonly repositories: Promise<readonly Repository[]> } | undefined;

  constructor(paths: readonly string[], { now = Date.now }: { now?: () => number } = {}) {
    this.paths = paths;
    this.#now = now;
  }

  /** The third-party mirrors that an ebuild of the repository at `path` may name: its own, then its masters'. */
  async mirrorsOf(path: string): Promise<ThirdPartyMirrors> {
    const all = await this.#all();
    const repository = all.find((some) => some.path === path);
    const masters = (repository?.masters ?? []).flatMap((name) => all.find((some) => some.name === name) ?? []);
    return mergeMirrors([repository, ...masters].flatMap((some) => (some === undefined ? [] : [some.mirrors])));
  }

  /** Whether the repository at `path` has an md5-cache, so that it is worth looking into. */
  async hasCache(path: string): Promise<boolean> {
    return (await this.#all()).some((some) => some.path === path && some.hasCache);
  }

  /** The third-party mirrors of all repositories. */
  async allMirrors(): Promise<ThirdPartyMirrors> {
    return mergeMirrors((await this.#all()).map(({ mirrors }) => mirrors));
  }

  /** Reads them anew at the next need. */
  forget(): void {
    this.#read = undefined;
  }

  #all(): Promise<readonly Repository[]> {
    if (this.#read === undefined || this.#now() - this.#read.at > REMEMBER_MS) {
      this.#read = { at: this.#now(), repositories: Promise.all(this.paths.map(readRepository)) };
    }
    return this.#read.repositories;
  }
}

async function readRepository(path: string): Promise<Repository> {
  const [name, layout, mirrors, cache] = await Promise.all([
    readOrEmpty(join(path, "profiles", "repo_name")),
    readOrEmpty(join(path, "metadata", "layout.conf")),
    readOrEmpty(join(path, "profiles", "thirdpartymirrors")),
    hasCache(path),
  ]);
  const masters = /^\s*masters\s*=(.*)$/m.exec(layout)?.[1] ?? "";
  return {
    path,
    name: name.trim() || basename(path),
    masters: masters.split(/\s+/).filter((word) => word !== ""),
    mirrors: parseThirdPartyMirrors(mirrors),
    hasCache: cache,
  };
}

/** A file that a repository need not have. */
async function readOrEmpty(path: string): Promise<string> {
  return readFile(path, "utf8").catch(() => "");
}
