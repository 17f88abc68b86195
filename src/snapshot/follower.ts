import { messageOf, SourceError } from "../core/errors.ts";
import type { FlightClaim } from "../core/claim/flight-claim.ts";
import type { Logger } from "../core/logger.ts";
import type { GrowingUse, Source, SourceFinder } from "../core/source.ts";
import type { Turn } from "../core/claim/turn.ts";
import { MAX_BYTES } from "./limits.ts";
import { fileName, subjectOf } from "./name.ts";
import type { ShelfStore } from "./shelf.ts";
import { StagedCopy } from "./staged-copy.ts";
import type { Transfers } from "./transfers.ts";

/** What following uses. */
export interface FollowerComponents {
  readonly store: Pick<ShelfStore, "makeRoom">;
  /** Finds the boxes that a tarball is on its way to. */
  readonly peers: SourceFinder;
  readonly transfers: Transfers;
  /** Whom to follow. */
  readonly claim: FlightClaim;
  readonly log: Logger;
}

/** What is followed. */
interface FollowerInit {
  readonly date: string;
  /** Where the tarball is staged. */
  readonly path: string;
}

/**
 * Takes what other boxes have of a tarball that is still on its way to them, from the byte that is here: who takes over
 * when the one that downloads goes away goes on from there. Nobody has verified these bytes.
 */
export class Follower {
  readonly #components: FollowerComponents;
  readonly #init: FollowerInit;
  #hasTaken = false;

  constructor(components: FollowerComponents, init: FollowerInit) {
    this.#components = components;
    this.#init = init;
  }

  /** Whether it has taken bytes of anybody since it began to follow. */
  get hasTaken(): boolean {
    return this.#hasTaken;
  }

  /**
   * Takes what comes for as long as another box is to download it, and claims it when nobody is; resolves when it is for
   * this box, which has by then what others have so far. They can read the copy all the time: whoever claims first needs
   * the bytes of the one that has most. Throws the signal's reason; `STORE_FULL` and system errors of the copy.
   */
  async follow(turn: (received: number) => Turn, signal: AbortSignal): Promise<void> {
    const { claim } = this.#components;
    this.#hasTaken = false;
    await this.#during(async (copy) => {
      for (;;) {
        const whose = turn(copy.received);
        if (whose === "open") await claim.claim(copy.received, signal);
        else if (whose === "theirs") await this.#round(copy, "follow", signal).then(() => claim.news(signal));
        else break;
      }
      if (claim.lost !== undefined) await this.#round(copy, "present", signal);
    });
  }

  async #during(work: (copy: StagedCopy) => Promise<void>): Promise<void> {
    const { date, path } = this.#init;
    const copy = await StagedCopy.open(path);
    const what = { name: fileName(date, "tarball"), kind: "peer", subject: subjectOf(date) } as const;
    try {
      await this.#components.transfers.during(copy, what, () => work(copy));
    } finally {
      await copy.close();
    }
  }

  async #round(copy: StagedCopy, growing: GrowingUse, signal: AbortSignal): Promise<void> {
    const { peers, log } = this.#components;
    const { date } = this.#init;
    if (copy.size !== undefined && copy.received === copy.size) return;
    const want = { digest: subjectOf(date), size: Infinity, names: [], packages: [] };
    for await (const source of peers.sources(want, { signal, growing })) {
      if (copy.received === copy.size) return;
      try {
        await this.#take(copy, source, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof SourceError)) throw error;
        log.debug(`${fileName(date, "tarball")} from ${source.label}: ${messageOf(error)}`);
      }
    }
  }

  async #take(copy: StagedCopy, source: Source, signal: AbortSignal): Promise<void> {
    const { bytes, size } = await source.open({ offset: copy.received, signal });
    copy.source = source.label;
    await this.#expect(copy, size ?? 0);
    for await (const chunk of bytes) {
      await copy.append(chunk);
      this.#hasTaken = true;
      this.#components.claim.grew(copy.received, source);
    }
  }

  /** The bytes of two files would prove nothing: who follows goes on with boxes that have one of the same length. */
  async #expect(copy: StagedCopy, size: number): Promise<void> {
    const isPossible = size <= MAX_BYTES.tarball && size > copy.received && size === (copy.size ?? size);
    if (!isPossible) throw new SourceError("BAD_LENGTH", `says that it has ${size} bytes, which cannot be`);
    if (copy.size !== undefined) return;
    await this.#components.store.makeRoom(size);
    copy.expect(size);
  }
}
