import { DistswarmError, messageOf, SourceError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { watchedForTrickle } from "../core/async/pace.ts";
import { SNAPSHOT_PARTS, type SnapshotPart } from "../core/snapshots.ts";
import type { Upstream, UpstreamAnswer } from "../core/upstream.ts";
import { VERSION } from "../core/version.ts";
import { placeOf } from "./answer-place.ts";
import { MAX_BYTES } from "./limits.ts";
import { fileName, mirrorPathOf } from "./name.ts";
import type { SnapshotRefused } from "./refusal.ts";
import type { StagedCopy } from "./staged-copy.ts";
import { tooLarge } from "./verify.ts";

/** How often a tarball is gone on with after it broke off. */
const MAX_BREAKS = 4;

/** What mirrors are told. */
const HEADERS = ["User-Agent", `distswarm/${VERSION}`, "Accept", "*/*", "Accept-Encoding", "identity"];

/** What asking the mirrors uses. */
export interface MirrorDownloadComponents {
  readonly upstream: Pick<Upstream, "mirrorPath">;
  readonly log: Logger;
}

/** How a tarball is filled. */
export interface FillOptions {
  /** Sees to room on the disk for so many bytes, before any is staged; throws where there is none. */
  readonly makeRoom: (size: number) => Promise<void>;
  /** Told how many bytes are here, each time it grew. */
  readonly grew: (received: number) => void;
}

/** A small file, and the URL that gave it. */
interface SmallFile {
  readonly bytes: Buffer;
  readonly url: string;
}

/** The files of one date from the mirrors, less those that gave wrong ones. */
export class MirrorDownload {
  readonly #components: MirrorDownloadComponents;
  readonly #date: string;
  readonly #signal: AbortSignal;
  readonly #avoid: string[] = [];

  constructor(components: MirrorDownloadComponents, init: { date: string; signal: AbortSignal }) {
    this.#components = components;
    this.#date = init.date;
    this.#signal = init.signal;
  }

  /** What this URL gave was wrong: other mirrors are asked from now on, for all three files. */
  avoid(url: string): void {
    const folder = url.slice(0, url.lastIndexOf("/") + 1);
    this.#avoid.push(url, ...SNAPSHOT_PARTS.map((part) => folder + fileName(this.#date, part)));
  }

  /**
   * One of the two small files.
   *
   * @throws {SnapshotRefused} `TOO_LARGE`; {DistswarmError} `NOT_FOUND`, `NO_SOURCE`; {SourceError} `BROKEN`.
   */
  async small(part: Exclude<SnapshotPart, "tarball">): Promise<SmallFile> {
    const answer = await this.#ask(part, []);
    const chunks: Buffer[] = [];
    let received = 0;
    try {
      for await (const chunk of this.#body(answer)) {
        received += chunk.length;
        if (received > MAX_BYTES[part]) throw this.#tooLarge(answer, part);
        chunks.push(chunk);
      }
    } finally {
      answer.body.destroy();
    }
    return { bytes: Buffer.concat(chunks), url: answer.url };
  }

  /**
   * Completes the tarball, from where the copy stands; goes on where it breaks off. A mirror that trickles, or gives
   * nothing, is left once for the others: where all do, it is the line that is slow. Resolves with the URLs that answered.
   *
   * @throws {SnapshotRefused} `TOO_LARGE`; {DistswarmError} `NOT_FOUND`, `NO_SOURCE`; {SourceError} what broke it off at
   * last; system errors of the copy, and what `makeRoom` throws.
   */
  async fill(copy: StagedCopy, options: FillOptions): Promise<string[]> {
    const urls = new Set<string>();
    const left = new Set<string>();
    for (let breaks = 0; ;) {
      const from = copy.received;
      const answer = await this.#rest(from, left);
      const wasLeft = left.has(answer.url);
      const trickles = (): void => {
        left.add(answer.url);
        answer.body.destroy(new SourceError("STALLED", "hardly anything comes"));
      };
      urls.add(answer.url);
      copy.source = answer.url;
      try {
        const body = this.#body(answer);
        await this.#take(answer, wasLeft ? body : watchedForTrickle(body, trickles), copy, options);
        return [...urls];
      } catch (error) {
        this.#signal.throwIfAborted();
        if (copy.received === from) left.add(answer.url);
        if (wasLeft || !left.has(answer.url)) breaks += 1;
        if (!(error instanceof SourceError) || breaks > MAX_BREAKS) throw error;
        this.#components.log.debug(`${answer.url}: ${messageOf(error)}; going on at byte ${copy.received}`);
      } finally {
        answer.body.destroy();
      }
    }
  }

  /** The tarball from a byte on; from a mirror that was left only where no other has it. */
  async #rest(from: number, left: ReadonlySet<string>): Promise<UpstreamAnswer> {
    const range = from > 0 ? ["Range", `bytes=${from}-`] : [];
    try {
      return await this.#ask("tarball", range, [...this.#avoid, ...left]);
    } catch (error) {
      this.#signal.throwIfAborted();
      if (left.size === 0) throw error;
      return this.#ask("tarball", range);
    }
  }

  async #ask(part: SnapshotPart, headers: readonly string[], avoid = this.#avoid): Promise<UpstreamAnswer> {
    const answer = await this.#components.upstream.mirrorPath(mirrorPathOf(this.#date, part), {
      method: "GET",
      headers: [...HEADERS, ...headers],
      signal: this.#signal,
      avoid,
    });
    if (!avoid.includes(answer.url)) return answer;
    answer.body.destroy();
    throw new DistswarmError("NO_SOURCE", `no other mirror has ${fileName(this.#date, part)}`);
  }

  async #take(
    answer: UpstreamAnswer,
    body: AsyncIterable<Buffer>,
    copy: StagedCopy,
    { makeRoom, grew }: FillOptions,
  ): Promise<void> {
    let skip = await this.#begin(answer, copy, makeRoom);
    if (copy.received === copy.size) return;
    for await (const chunk of body) {
      const rest = chunk.subarray(Math.min(skip, chunk.length));
      skip -= chunk.length - rest.length;
      if (copy.received + rest.length > MAX_BYTES.tarball) throw this.#tooLarge(answer, "tarball");
      await copy.append(rest);
      grew(copy.received);
    }
    if (copy.received < (copy.size ?? 0)) throw new SourceError("BROKEN", "the body ended early");
  }

  /** The body; what breaks it off is a SourceError. */
  async *#body(answer: UpstreamAnswer): AsyncGenerator<Buffer> {
    const body = answer.body.iterator() as AsyncIterableIterator<Buffer>;
    for (;;) {
      const next = await body.next().catch((error: unknown) => {
        this.#signal.throwIfAborted();
        throw error instanceof SourceError ? error : new SourceError("BROKEN", messageOf(error), { cause: error });
      });
      if (next.done === true) return;
      yield next.value;
    }
  }

  /** Tells the copy its length; returns how many bytes of the body are there already. */
  async #begin(answer: UpstreamAnswer, copy: StagedCopy, makeRoom: FillOptions["makeRoom"]): Promise<number> {
    const place = placeOf(answer, copy.received);
    if (place !== undefined) {
      if ((place.size ?? 0) > MAX_BYTES.tarball) throw this.#tooLarge(answer, "tarball");
      if (place.size !== undefined) await expectLength(copy, place.size, makeRoom);
      return place.skip;
    }
    if (copy.size === undefined) await copy.restart(); // what an earlier run left does not fit this file
    const code = answer.status === 206 || answer.status === 416 ? "BAD_RANGE" : "BAD_STATUS";
    throw new SourceError(code, `answered ${answer.status} to a range from byte ${copy.received}`);
  }

  #tooLarge(answer: UpstreamAnswer, part: SnapshotPart): SnapshotRefused {
    this.avoid(answer.url);
    return tooLarge(this.#date, part);
  }
}

async function expectLength(copy: StagedCopy, size: number, makeRoom: FillOptions["makeRoom"]): Promise<void> {
  if (copy.size !== undefined && copy.size !== size) {
    throw new SourceError("BAD_LENGTH", `has ${size} bytes, where ${copy.size} were begun`);
  }
  if (copy.size !== undefined) return;
  await makeRoom(size);
  copy.expect(size);
}
