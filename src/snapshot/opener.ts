import { hasCode, messageOf, SourceError, type DistswarmError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { Recent } from "../core/data/recent.ts";
import type { PassingBody, SnapshotContent, SnapshotPart } from "../core/snapshots.ts";
import type { Upstream } from "../core/upstream.ts";
import type { Fetcher, StampedJudgement } from "./fetcher.ts";
import { MirrorDownload } from "./mirror-download.ts";
import { fileName, unitName, type SnapshotFileName } from "./name.ts";
import { SnapshotRefused } from "./refusal.ts";
import type { Rumours } from "./rumours.ts";
import type { Shelf } from "./shelf.ts";

/**
 * How long who asks for a small file waits for a pull from peers before upstream is asked for it, in milliseconds: a
 * tarball over 100 Mbit/s and its verification. The pull goes on.
 */
const SMALL_FILE_PATIENCE_MS = 6000;

/** How long upstream's 404 is remembered, in milliseconds. */
const ABSENT_MS = 2 * 60_000;

/** How long what every mirror has wrong just passes through, before it is downloaded to be verified again. */
const REFUSED_MS = 10 * 60_000;

/** What answering clients uses. */
interface OpenerComponents {
  readonly shelf: Shelf;
  readonly rumours: Rumours;
  readonly fetcher: Fetcher;
  readonly upstream: Pick<Upstream, "mirrorPath">;
  readonly judgement: (date: string) => Promise<StampedJudgement | undefined>;
  readonly log: Logger;
}

/** Finds out what a client is answered with: the shelf, the peers, upstream, in that order. */
export class Opener {
  readonly #components: OpenerComponents;
  readonly #absent: Recent<DistswarmError>;
  readonly #refused: Recent<SnapshotRefused>;

  constructor(components: OpenerComponents, init: { now: () => number }) {
    this.#components = components;
    this.#absent = new Recent({ ttlMs: ABSENT_MS, now: init.now });
    this.#refused = new Recent({ ttlMs: REFUSED_MS, now: init.now });
  }

  /** As {@link SnapshotServer.open}, for a name that is ours. */
  async open(asked: SnapshotFileName, signal: AbortSignal): Promise<SnapshotContent | undefined> {
    const { shelf, rumours, fetcher, judgement } = this.#components;
    const judged = await judgement(asked.date);
    if (judged === undefined) return undefined;
    const held = this.#held(asked);
    if (held !== undefined || !shelf.hasRoomFor(asked.date)) return held;
    const isAnnounced = rumours.candidates(asked.date).length > 0;
    const patience = asked.part === "tarball" ? {} : { patienceMs: SMALL_FILE_PATIENCE_MS };
    if (isAnnounced && (await fetcher.fromPeers(judged, { signal, ...patience }))) return this.#held(asked);
    return this.#fromUpstream(asked, judged, signal).catch(async (error: unknown) => {
      if (await fetcher.pulled(asked.date, { signal })) return this.#held(asked);
      throw error;
    });
  }

  /** The keyring changed: what was refused may be tried again. */
  forgive(): void {
    this.#refused.clear();
  }

  #held(asked: SnapshotFileName): SnapshotContent | undefined {
    const file = this.#components.shelf.find(asked);
    return file && { kind: "held", file };
  }

  async #fromUpstream(
    asked: SnapshotFileName,
    judged: StampedJudgement,
    signal: AbortSignal,
  ): Promise<SnapshotContent | undefined> {
    const { date, part } = asked;
    if (this.#refused.get(date) !== undefined) return undefined;
    const absent = this.#absent.get(fileName(date, part));
    if (absent !== undefined) throw absent;
    try {
      const body = part === "tarball" ? await this.#tarball(judged, signal) : await this.#small(date, part, signal);
      return body === undefined ? this.#held(asked) : { kind: "passing", body };
    } catch (error) {
      signal.throwIfAborted();
      this.#failed(asked, error);
      return undefined;
    }
  }

  #tarball(judged: StampedJudgement, signal: AbortSignal): Promise<PassingBody | undefined> {
    return this.#components.fetcher.fromUpstream(judged).passing(signal);
  }

  async #small(date: string, part: Exclude<SnapshotPart, "tarball">, signal: AbortSignal): Promise<PassingBody> {
    const { bytes } = await new MirrorDownload(this.#components, { date, signal }).small(part);
    return {
      size: bytes.length,
      read: async function* ({ start, end }) {
        yield bytes.subarray(start, end);
      },
      close: async () => {},
    };
  }

  /** Throws what the client is to be told; after anything else the request passes through. */
  #failed({ date, part }: SnapshotFileName, error: unknown): void {
    if (hasCode(error, "NOT_FOUND")) this.#absent.remember(fileName(date, part), error);
    if (error instanceof SourceError || hasCode(error, "NOT_FOUND", "NO_SOURCE")) throw error;
    if (error instanceof SnapshotRefused) this.#refused.remember(date, error);
    this.#components.log.warn(`${unitName(date)} passes through and is not kept: ${messageOf(error)}`);
  }
}
