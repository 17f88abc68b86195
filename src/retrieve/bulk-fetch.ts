import fastq from "fastq";
import { Channel } from "../core/async/channel.ts";
import { isDigest } from "../core/digest.ts";
import { nameOf, type Want } from "../core/distfile.ts";
import { DistswarmError, messageOf } from "../core/errors.ts";
import type { FetchEvent } from "../core/report/fetch-event.ts";
import type { Origin } from "../core/source.ts";
import { lastSegment } from "./mirror-url.ts";
import type { Resolver } from "./resolver.ts";
import type { Retriever } from "./retriever.ts";

/** Lines under way at once: enough to keep every transfer busy, few enough that a client at a door finds room. */
const LINES_AT_ONCE = 8;

/** How often progress of a file is told, in ms. */
const PROGRESS_MS = 250;

type Tell = (event: FetchEvent) => void;

/** What fetching in bulk uses. */
export interface BulkFetchComponents {
  readonly resolver: Resolver;
  readonly retriever: Retriever;
  /** Whether a URL is one of this agent's own doors. */
  readonly isOwn: (url: URL) => boolean;
}

/** Gets many distfiles into the store: names, digests, URLs, or several URLs of one file a line (`emerge -fp`). */
export class BulkFetch {
  readonly #components: BulkFetchComponents;

  constructor(components: BulkFetchComponents) {
    this.#components = components;
  }

  /** Fetches all lines, a few at a time; a line that fails stops no other. Ends when all have ended. */
  async *fetch(lines: readonly string[], signal: AbortSignal): AsyncGenerator<FetchEvent> {
    const events = new Channel<FetchEvent>();
    const tell: Tell = (event) => events.push(event);
    const queue = fastq.promise((line: number) => this.#fetchLine(lines[line]!, line, tell, signal), LINES_AT_ONCE);
    const all = Promise.all(lines.map((_, line) => queue.push(line))).finally(() => events.end());
    yield* events.read(signal);
    await all;
  }

  async #fetchLine(text: string, line: number, tell: Tell, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    let name = text;
    try {
      const want = await this.#resolve(text);
      name = nameOf(want);
      tell({ event: "started", line, name, size: want.size });
      const from = await this.#keep(want, line, tell, signal);
      tell({ event: "done", line, bytes: want.size, from });
    } catch (error) {
      const code = error instanceof DistswarmError ? error.code : "NO_SOURCE";
      tell({ event: "failed", line, name, code, message: messageOf(error) });
    }
  }

  async #keep(want: Want, line: number, tell: Tell, signal: AbortSignal): Promise<Origin> {
    const { retriever } = this.#components;
    const timer = setInterval(() => {
      const transfer = retriever.transfers().find(({ digest }) => digest === want.digest);
      if (transfer === undefined) return;
      const { received, source } = transfer;
      tell({ event: "progress", line, received, ...(source && { source }) });
    }, PROGRESS_MS);
    return retriever.keep(want, { signal }).finally(() => clearInterval(timer));
  }

  /** The first name that is known says which file is meant; all URLs of the line are sources of it. */
  async #resolve(line: string): Promise<Want> {
    const words = line.split(/\s+/).filter((word) => word !== "");
    const urls = words.filter((word) => this.#isSource(word)).map((word) => new URL(word).href);
    const reasons = new Set<string>();
    for (const name of await this.#namesIn(words)) {
      const found = await this.#lookUp(name);
      if (typeof found === "object") return urls.length > 0 ? { ...found, urls } : found;
      reasons.add(found);
    }
    throw new DistswarmError("NOT_FOUND", [...reasons].join("; ") || "the line names no file");
  }

  /** This box's own doors, which `emerge -fp` may name, would only lead back here. */
  #isSource(word: string): boolean {
    if (!/^https?:/i.test(word) || !URL.canParse(word)) return false;
    return !this.#components.isOwn(new URL(word));
  }

  /** The names and digests that words stand for; last what the end of a URL may mean, if nothing better tells. */
  async #namesIn(words: readonly string[]): Promise<Iterable<string>> {
    const certain = new Set<string>();
    const possible = new Set<string>();
    for (const word of words) {
      const url = URL.canParse(word) ? new URL(word) : undefined;
      const name = url === undefined ? word : await this.#components.resolver.nameInUrl(url);
      if (name !== undefined) certain.add(name);
      else possible.add(lastSegment(url!) ?? word);
    }
    return new Set([...certain, ...possible]);
  }

  async #lookUp(name: string): Promise<Want | string> {
    const { resolver } = this.#components;
    const digest = name.toLowerCase();
    if (isDigest(digest)) return (await resolver.byDigest(digest)) ?? "no Manifest on this box has this digest";
    const resolution = await resolver.byName(name);
    if (resolution.kind === "known") return resolution.want;
    return {
      ambiguous: `${name} has several digests: ask for one of them (distswarm explain ${name})`,
      undigested: `${name} has no BLAKE2B digest in its Manifest, so it cannot be checked or kept`,
      unknown: `no Manifest on this box names ${name}`,
    }[resolution.kind];
  }
}
