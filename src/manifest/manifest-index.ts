import { EventEmitter } from "node:events";
import { basename, resolve } from "node:path";
import { condemnDatabase, type Database } from "../core/database.ts";
import type { Digest } from "../core/digest.ts";
import type { DistfileIndex } from "../core/distfile-index.ts";
import type { Distfile, KnownDistfile } from "../core/distfile.ts";
import { DistswarmError, messageOf, systemCode } from "../core/errors.ts";
import type { Startable } from "../core/lifecycle.ts";
import type { Logger } from "../core/logger.ts";
import { count } from "../core/text/words.ts";
import { distfilesOf, knownDistfileOf } from "./answers.ts";
import { unlessAborted } from "./concurrent.ts";
import { describeAllDamage, describeDamage, describeRepo, type RepoState } from "./problems.ts";
import { DamagedRecord, type ManifestRecord } from "./records.ts";
import { refresh, type Refreshed } from "./refresh.ts";
import { Rounds, type Round } from "./rounds.ts";
import { isCorruption, Tables } from "./tables.ts";
import { RepoWatch } from "./watch.ts";

/** A round that came to nothing. */
const NOTHING: Round = { changed: false, costMs: 0 };

/** Events of the index. */
interface ManifestIndexEvents {
  /** A scan has ended: whether any answer may be another one now, and how many Manifests were read. */
  refreshed: [result: { readonly changed: boolean; readonly read: number }];
  /** The files of the database are damaged; nothing comes of it any more until it is opened anew. */
  condemned: [];
}

/** What the index needs. */
interface ManifestIndexComponents {
  /** Open as long as the index is started; the index keeps to its sublevel `manifest`. */
  readonly db: Database;
  readonly log: Logger;
}

/** What may be set. */
interface ManifestIndexInit {
  /** Directories of ebuild repositories. @default [] */
  readonly repos?: readonly string[];
}

/** From one start to the stop that ends it. */
interface Life {
  readonly abort: AbortController;
  readonly rounds: Rounds;
}

/**
 * The Manifests of the repositories on this box, in the database. Answers come from there all the time, also while it is
 * brought up to date: at the start, by {@link ManifestIndex.catchUp}, soon after a sync, and now and then.
 *
 * A look-up that cannot be answered throws `INDEX_NOT_READY`. After a damaged record the index is built anew from the
 * tree. A damaged database is noted, to be set aside when it is opened next: leveldb cannot be mended while it is in use.
 */
export class ManifestIndex extends EventEmitter<ManifestIndexEvents> implements DistfileIndex, Startable {
  readonly #db: Database;
  readonly #log: Logger;
  readonly #tables: Tables;
  readonly #watch: RepoWatch;
  readonly #repos: Map<string, RepoState>;
  #known = new Map<string, ManifestRecord>();
  #life: Life | undefined;
  /** A record could not be read: all are to be written anew. */
  #damaged = false;
  /** The database as a whole is lost until the agent begins a new one. */
  #condemned = false;
  /** Why the last round failed. */
  #failure: string | undefined;

  constructor(components: ManifestIndexComponents, init: ManifestIndexInit = {}) {
    super();
    this.#db = components.db;
    this.#log = components.log;
    this.#tables = new Tables(components.db);
    this.#watch = new RepoWatch(components, { onHint: () => this.#life?.rounds.hint() });
    const paths = (init.repos ?? []).map((path) => resolve(path));
    this.#repos = new Map(paths.map((path) => [path, { path, name: basename(path), manifests: 0 }]));
  }

  get ready(): boolean {
    return this.#tables.complete && !this.#damaged && !this.#condemned;
  }

  /** The configured repositories, as last seen. */
  get repos(): RepoState[] {
    return [...this.#repos.values()];
  }

  /** Loads what the last run knew and begins the first scan, without waiting for it. Throws what keeps it from loading. */
  async start(): Promise<void> {
    if (this.#life !== undefined) return;
    try {
      this.#known = await this.#tables.load();
    } catch (error) {
      await this.#noteDamage(error);
    }
    const abort = new AbortController();
    this.#life = { abort, rounds: new Rounds(() => this.#round(abort.signal)) };
    void this.#life.rounds.now();
  }

  /** Breaks off a scan under way; what it has written stays. */
  async stop(): Promise<void> {
    const life = this.#life;
    this.#life = undefined;
    life?.abort.abort();
    await life?.rounds.stop();
    this.#watch.close();
  }

  async byName(name: string): Promise<Distfile[]> {
    return distfilesOf(await this.#lookUp(this.#tables.byName(name)));
  }

  async isUndigested(name: string): Promise<boolean> {
    return this.#lookUp(this.#tables.isUndigested(name));
  }

  async byDigest(digest: Digest): Promise<KnownDistfile | undefined> {
    return knownDistfileOf(digest, await this.#lookUp(this.#tables.byDigest(digest)));
  }

  async digestsFrom(start: string): Promise<Digest[]> {
    return this.#lookUp(this.#tables.digestsFrom(start));
  }

  async catchUp({ signal }: { signal?: AbortSignal } = {}): Promise<boolean> {
    const round = this.#life?.rounds.now() ?? Promise.resolve(false);
    return signal === undefined ? round : unlessAborted(round, false, signal);
  }

  counts(): { manifests: number; distfiles: number } {
    return { manifests: this.#known.size, distfiles: this.#tables.distfiles };
  }

  /** What an administrator should know, one plain line each; at most about a hundred. */
  problems(): string[] {
    const repos = this.repos.map(describeRepo).filter((line) => line !== undefined);
    return [...(this.#failure === undefined ? [] : [this.#failure]), ...repos, ...describeAllDamage(this.#known)];
  }

  async #lookUp<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      await this.#noteDamage(error).catch(() => {}); // a shortage, or the end of the agent: it may be read later
      throw new DistswarmError("INDEX_NOT_READY", `cannot read the Manifest index: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  /** One refresh, whatever comes of it. */
  async #round(signal: AbortSignal): Promise<Round> {
    if (this.#condemned) return NOTHING;
    try {
      return await this.#refresh(signal);
    } catch (error) {
      if (!signal.aborted) await this.#noteError(error);
      return NOTHING;
    }
  }

  async #noteError(error: unknown): Promise<void> {
    try {
      await this.#noteDamage(error);
    } catch (failure) {
      this.#noteFailure(failure);
    }
  }

  /** Sees to what damage there is in the database; throws `error` on when it does not speak of damage. */
  async #noteDamage(error: unknown): Promise<void> {
    if (isCorruption(error)) return this.#condemn(error);
    if (!(error instanceof DamagedRecord)) throw error;
    if (!this.#damaged) this.#log.warn(`the Manifest index cannot be used (${messageOf(error)}); building it anew`);
    this.#damaged = true;
    this.#life?.rounds.hint();
  }

  async #condemn(damage: unknown): Promise<void> {
    if (this.#condemned) return;
    this.#condemned = true;
    this.#failure = `the database is damaged (${messageOf(damage)}): restart the agent, it then begins a new one`;
    this.#log.error(this.#failure);
    await condemnDatabase(this.#db, damage).catch((error: unknown) => this.#log.warn(messageOf(error)));
    this.emit("condemned");
  }

  async #refresh(signal: AbortSignal): Promise<Round> {
    await this.#watch.arm([...this.#repos.keys()]);
    if (this.#damaged) {
      this.#known = new Map();
      await this.#tables.reset();
      this.#damaged = false;
    }
    const refreshed = await refresh({
      tables: this.#tables,
      known: this.#known,
      repos: [...this.#repos.keys()],
      signal,
      onDamage: (manifest, damage) => this.#log.warn(describeDamage(manifest, damage)),
    });
    this.#failure = undefined;
    this.#noteRepos(refreshed);
    const { changed, read, scanMs } = refreshed;
    if (changed) this.#log.info(`read ${count(read, "Manifest")}; ${describeCounts(this.counts())} now`);
    this.emit("refreshed", { changed, read });
    return { changed, costMs: scanMs };
  }

  #noteFailure(error: unknown): void {
    const failure = `cannot bring the Manifest index up to date: ${messageOf(error)}; it is tried again`;
    if (failure !== this.#failure) this.#log.error(systemCode(error) === undefined ? { err: error } : {}, failure);
    this.#failure = failure;
  }

  #noteRepos({ repos }: Refreshed): void {
    for (const [path, { name, manifests, error }] of repos) {
      const state: RepoState = { path, name, manifests: manifests.length, ...(error !== undefined && { error }) };
      const problem = describeRepo(state);
      if (problem !== undefined && problem !== describeRepo(this.#repos.get(path)!)) this.#log.warn(problem);
      this.#repos.set(path, state);
    }
  }
}

function describeCounts({ manifests, distfiles }: { manifests: number; distfiles: number }): string {
  return `${count(distfiles, "distfile")} in ${count(manifests, "Manifest")}`;
}
