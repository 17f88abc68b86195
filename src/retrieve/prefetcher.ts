import fastq, { type queueAsPromised } from "fastq";
import type { BlobStore } from "../core/blob-store.ts";
import type { Digest } from "../core/digest.ts";
import type { Want } from "../core/distfile.ts";
import { messageOf } from "../core/errors.ts";
import type { Startable } from "../core/lifecycle.ts";
import type { Logger } from "../core/logger.ts";
import { OneByOne } from "../core/async/one-by-one.ts";
import type { Origin } from "../core/source.ts";
import type { Upstream } from "../core/upstream.ts";
import { FetchOrder } from "./fetch-order.ts";
import type { Resolver } from "./resolver.ts";
import type { Retriever } from "./retriever.ts";

/** Files, and bytes, that are fetched before they are asked for: what a client that goes away costs at most. */
const AHEAD_FILES = 8;
const AHEAD_BYTES = 8 * 2 ** 20;
/** Of these under way at once; and no more than half of the transfers from upstream, the others are for who asks. */
const MAX_AT_ONCE = 4;
/** A file of more packages does not tell for which of them it is asked. */
const TELLING_PACKAGES = 4;
/** Clients whose way is followed at the same time. */
const MAX_WALKS = 8;
/** A client that has asked for nothing for so long, in ms, has gone another way. */
const WALK_MS = 10 * 60_000;

interface Ahead {
  readonly name: string;
  readonly size: number;
  /** Undefined when it could not be had. */
  readonly origin: Promise<Origin | undefined>;
}

/** One client's way through the files of an ebuild. */
interface Walk {
  readonly order: FetchOrder;
  /** Fetched, or on their way, and not asked for yet, in their order. */
  readonly ahead: Map<Digest, Ahead>;
  /** Names that were looked at: each is fetched ahead once. */
  readonly looked: Set<string>;
  /** It is looked ahead once at a time: else more than may be would be fetched. */
  readonly turns: OneByOne;
  askedAt: number;
  /** One could not be had: the client may find out itself what is wrong. */
  failed: boolean;
}

interface PrefetcherComponents {
  readonly resolver: Resolver;
  readonly retriever: Retriever;
  readonly store: BlobStore;
  readonly upstream: Pick<Upstream, "neighbours">;
  readonly log: Logger;
}

/**
 * Fetches the small files of an ebuild before they are asked for. Portage fetches one after another, a program for each:
 * of an ebuild with hundreds of crates nearly all time is lost in asking.
 *
 * Only what every run of that ebuild needs is fetched, none that hangs on a USE flag; never many at once.
 */
export class Prefetcher implements Startable {
  readonly #components: PrefetcherComponents;
  readonly #queue: queueAsPromised<Want, Origin>;
  #walks: readonly Walk[] = [];
  #ending = new AbortController();

  /** @param init.transfers from upstream at once. */
  constructor(components: PrefetcherComponents, { transfers }: { transfers: number }) {
    this.#components = components;
    const atOnce = Math.max(1, Math.min(MAX_AT_ONCE, Math.floor(transfers / 2)));
    this.#queue = fastq.promise((want: Want) => this.#fetch(want), atOnce);
  }

  async start(): Promise<void> {
    this.#ending = new AbortController();
  }

  /** Fetches no more; flights that it began are the retriever's to end. */
  async stop(): Promise<void> {
    this.#ending.abort();
    this.#walks = [];
  }

  /**
   * Told of each file that a client asks for; of one that is here the digest will do.
   *
   * @returns where it came from, if it was fetched ahead of this.
   */
  asked(digest: Digest, want?: Want): Promise<Origin | undefined> | undefined {
    const walk = this.#walks.find(({ ahead }) => ahead.has(digest));
    const ahead = walk?.ahead.get(digest);
    if (walk !== undefined && ahead !== undefined) {
      forgetUpTo(walk, digest);
      void walk.turns.run(() => this.#goOn(walk, ahead.name)).catch((error: unknown) => this.#complain(error));
    } else if (want !== undefined) {
      void this.#follow(want).catch((error: unknown) => this.#complain(error));
    }
    return ahead?.origin;
  }

  async #follow(want: Want): Promise<void> {
    const { names, packages } = want;
    if (this.#walkOf(names) === undefined && packages.length <= TELLING_PACKAGES) {
      const ebuilds = await this.#components.upstream.neighbours(want);
      if (ebuilds.length > 0 && this.#walkOf(names) === undefined) this.#begin(ebuilds);
    }
    const walk = this.#walkOf(names);
    const name = names.find((known) => walk?.order.has(known));
    if (walk !== undefined && name !== undefined) await walk.turns.run(() => this.#goOn(walk, name));
  }

  #walkOf(names: readonly string[]): Walk | undefined {
    const now = performance.now();
    this.#walks = this.#walks.filter(({ askedAt }) => now - askedAt < WALK_MS);
    return this.#walks.find(({ order }) => names.some((name) => order.has(name)));
  }

  #begin(ebuilds: readonly (readonly string[])[]): void {
    const walk: Walk = {
      order: new FetchOrder(ebuilds),
      ahead: new Map(),
      looked: new Set(),
      turns: new OneByOne(),
      askedAt: performance.now(),
      failed: false,
    };
    this.#walks = [walk, ...this.#walks].slice(0, MAX_WALKS);
  }

  /** The client of a walk asked for one of its files: fetches those after it, as far ahead as may be. */
  async #goOn(walk: Walk, name: string): Promise<void> {
    walk.askedAt = performance.now();
    walk.looked.add(name);
    walk.order.ask(name);
    for (const next of walk.order.next()) {
      if (walk.failed || isFarEnough(walk)) return;
      if (walk.looked.has(next)) continue;
      walk.looked.add(next);
      const want = await this.#wanted(next);
      if (want !== undefined) this.#fetchAhead(walk, next, want);
    }
  }

  /** What to fetch for a name: nothing where it is here, is large, or does not tell one digest. */
  async #wanted(name: string): Promise<Want | undefined> {
    const { resolver, store } = this.#components;
    const found = await resolver.byName(name);
    if (found.kind !== "known" || found.want.size > AHEAD_BYTES) return undefined;
    return (await store.find(found.want.digest)) === undefined ? found.want : undefined;
  }

  #fetchAhead(walk: Walk, name: string, want: Want): void {
    const origin = this.#queue.push(want).catch((error: unknown) => {
      walk.failed = true;
      walk.ahead.delete(want.digest);
      this.#complain(error);
      return undefined;
    });
    walk.ahead.set(want.digest, { name, size: want.size, origin });
  }

  async #fetch(want: Want): Promise<Origin> {
    const { signal } = this.#ending;
    signal.throwIfAborted();
    return this.#components.retriever.keep(want, { signal });
  }

  #complain(error: unknown): void {
    this.#components.log.debug(`what is needed next could not be fetched ahead: ${messageOf(error)}`);
  }
}

/** Of those before it nobody knows whether they will still be asked for. */
function forgetUpTo({ ahead }: Walk, asked: Digest): void {
  for (const digest of ahead.keys()) {
    ahead.delete(digest);
    if (digest === asked) return;
  }
}

function isFarEnough({ ahead }: Walk): boolean {
  const bytes = [...ahead.values()].reduce((sum, { size }) => sum + size, 0);
  return ahead.size >= AHEAD_FILES || bytes >= AHEAD_BYTES;
}
