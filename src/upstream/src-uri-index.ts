import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Database } from "../core/database.ts";
import { messageOf } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { cacheDir, hasCache, listOrEmpty, readCacheEntry } from "./md5-cache.ts";
import { contractUrl } from "./mirror-groups.ts";
import type { Repositories } from "./repositories.ts";

/** By what we see that a cache file changed: modification time in ms, size in bytes. */
type Stamp = readonly [mtimeMs: number, size: number];
type Put = { type: "put"; key: string; value: Stamp | 1 };
type Change = Put | { type: "del"; key: string };

/** Whether a repository has an md5-cache: only then are its SRC_URI known to us. */
export interface Reach {
  readonly repo: string;
  readonly md5Cache: boolean;
}

/** Cache files looked at in one slice: under 30 ms of the event loop together. */
const SLICE = 32;
/** Bytes of BLAKE2b that stand for a URL in a key. */
const KEY_BYTES = 16;
/** The index is built anew when this many of its entries have been replaced, and more than there are. */
const MIN_REPLACED = 1000;
/** Larger than every text that follows it in a key. */
const LAST = "\uffff";

/**
 * URL -> distfile name, from SRC_URI of every md5-cache entry. Built in the background, only changed entries are read
 * again. A URL that an entry no longer has stays until the next rebuild, which harms nobody: the name that it leads to
 * still has to be in a Manifest.
 *
 * Keys: `e <file>` -> stamp of a cache file; `u <hash> <name>` -> 1; `replaced` -> how many entries were read again.
 */
export class SrcUriIndex {
  readonly #db;
  readonly #repositories: Repositories;
  readonly #log: Logger;
  #running: Promise<void> | undefined;
  #again = false;
  #stopped = false;
  #replaced = 0;

  constructor(components: { db: Database; repositories: Repositories; log: Logger }) {
    this.#db = components.db.sublevel<string, Stamp | number>("src-uri", { valueEncoding: "json" });
    this.#repositories = components.repositories;
    this.#log = components.log;
  }

  /**
   * The distfile name that `url` stands for; undefined when no SRC_URI has it, or when two give it different names.
   * Where the database cannot be read nothing is known, and the URL can still pass through.
   */
  async nameOf(url: string): Promise<string | undefined> {
    try {
      return await this.#nameOf(url);
    } catch (error) {
      this.#log.warn(`the index of SRC_URI cannot be read: ${messageOf(error)}`);
      return undefined;
    }
  }

  async #nameOf(url: string): Promise<string | undefined> {
    const names = new Set<string>();
    for (const uri of [url, ...contractUrl(url, await this.#repositories.mirrorGroups())]) {
      const prefix = `u ${keyOf(uri)} `;
      for await (const key of this.#db.keys({ gt: prefix, lt: prefix + LAST, limit: 2 })) {
        names.add(key.slice(prefix.length));
      }
    }
    return names.size === 1 ? [...names][0] : undefined;
  }

  /** Which repositories it covers. */
  async reach(): Promise<Reach[]> {
    return Promise.all(this.#repositories.paths.map(async (repo) => ({ repo, md5Cache: await hasCache(repo) })));
  }

  /** Reads what changed. Told again while it runs, it looks once more; all callers wait for the end. Never throws. */
  refresh(): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    this.#again = true;
    return (this.#running ??= this.#run());
  }

  /** Ends a refresh under way, and begins no other; what it wrote stays. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false;
      this.#repositories.forget();
      await this.#pass().catch((error: unknown) => {
        this.#log.warn({ err: error }, `the index of SRC_URI could not be refreshed: ${messageOf(error)}`);
      });
    }
    this.#running = undefined; // in the same moment in which it looked last
  }

  async #pass(): Promise<void> {
    this.#replaced = Number((await this.#db.get("replaced")) ?? 0);
    let entries = 0;
    for (const repo of this.#repositories.paths) {
      for (const category of await listOrEmpty(cacheDir(repo))) {
        entries += await this.#readCategory(join(cacheDir(repo), category));
        if (this.#stopped) return;
      }
    }
    await this.#db.put("replaced", this.#replaced);
    if (this.#replaced > Math.max(entries, MIN_REPLACED)) await this.#rebuild();
  }

  async #rebuild(): Promise<void> {
    await this.#db.clear();
    this.#again = true;
  }

  /** @returns how many entries the category has. */
  async #readCategory(dir: string): Promise<number> {
    const prefix = `e ${dir}/`;
    const known = new Map((await this.#db.iterator({ gt: prefix, lt: prefix + LAST }).all()) as [string, Stamp][]);
    const files = (await listOrEmpty(dir)).map((file) => join(dir, file));
    for (let i = 0; i < files.length && !this.#stopped; i += SLICE) {
      const slice = files.slice(i, i + SLICE);
      const changes = await Promise.all(slice.map((file) => this.#read(file, known.get(`e ${file}`))));
      await this.#db.batch(changes.flat());
      await nextTurn();
    }
    for (const file of files) known.delete(`e ${file}`);
    this.#replaced += known.size;
    await this.#db.batch([...known.keys()].map((key) => ({ type: "del", key })));
    return files.length;
  }

  /** What a cache file adds to the index; nothing when it is unchanged, or gone by now. */
  async #read(file: string, known: Stamp | undefined): Promise<Change[]> {
    try {
      const { mtimeMs, size } = await stat(file);
      if (known?.[0] === mtimeMs && known[1] === size) return [];
      const { files } = await readCacheEntry(file);
      if (known !== undefined) this.#replaced++;
      const uris = files.flatMap(({ uri, name }) => (uri && isFetchable(uri) ? [`u ${keyOf(uri)} ${name}`] : []));
      return [...uris.map((key): Put => ({ type: "put", key, value: 1 })), stampOf(file, [mtimeMs, size])];
    } catch {
      return [];
    }
  }
}

function stampOf(file: string, stamp: Stamp): Put {
  return { type: "put", key: `e ${file}`, value: stamp };
}

function isFetchable(uri: string): boolean {
  return /^(https?|mirror):\/\//i.test(uri);
}

/** The same for every spelling of a URL: clients quote more or less. */
function keyOf(uri: string): string {
  return createHash("blake2b512")
    .update(spell(uri))
    .digest("hex")
    .slice(0, KEY_BYTES * 2);
}

/** `mirror:` is spelled like http, so that it is quoted by the same rules. */
function spell(uri: string): string {
  const asHttp = uri.replace(/^mirror:/i, "http:");
  if (!URL.canParse(asHttp)) return uri;
  const url = new URL(asHttp);
  url.hash = "";
  url.pathname = url.pathname.split("/").map(requote).join("/");
  return asHttp === uri ? url.href : `mirror ${url.href}`;
}

/** Quotes all that can be quoted; what is no valid quote stays as it is. */
function requote(segment: string): string {
  try {
    return encodeURIComponent(decodeURIComponent(segment));
  } catch {
    return segment;
  }
}
