import type { Attempt } from "../core/agent-api.ts";
import type { Want } from "../core/distfile.ts";
import { DistswarmError, SourceError, hasCode, messageOf } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { GrowingUse, Source, SourceFinder } from "../core/source.ts";
import { RunningAttempt } from "./attempts.ts";
import { Contributors } from "./contributors.ts";
import { failureOf } from "./failure.ts";
import type { FlightClaim } from "./flight-claim.ts";
import type { FlightCopy } from "./flight-copy.ts";
import { Race, type Way } from "./race.ts";
import { mayStream, type VerifyFirst } from "./release.ts";
import { NOTHING_ASKED, growingUse, nextStep, type Asked, type Turn } from "./source-plan.ts";
import type { TransferQueue } from "./transfer-queue.ts";

/** Rounds over all sources while each round brings bytes; a mirror that closes at every tenth of a file needs ten. */
const MAX_ROUNDS = 20;

/** Times that bytes with a wrong digest are dropped, at most; each time blames a source, or asks one alone from then on. */
const MAX_RESTARTS = 30;

/** Of a claim that nobody can take over. */
const NEVER = new AbortController().signal;

/** What filling uses. */
export interface FillingComponents {
  readonly sources: {
    readonly peers: SourceFinder;
    readonly upstream: SourceFinder;
    /** Peers with more patience, for when upstream has failed. */
    readonly lastResort: SourceFinder;
  };
  readonly queue: TransferQueue;
  readonly log: Logger;
  readonly copy: FlightCopy;
  readonly claim: FlightClaim;
}

/** What filling is about, and whom it tells. */
export interface FillingInit {
  readonly want: Want;
  readonly verifyFirst: VerifyFirst;
  readonly signal: AbortSignal;
  /** Told when the copy grew. */
  readonly grew: () => void;
  /** Told when the copy is about to be emptied. */
  readonly startsOver: () => void;
  /** Whether a client waits, so that it is worth going on when the store cannot keep the file. */
  readonly hasClients: () => boolean;
}

/** Fills a growing copy from one source after another, each from the byte where the last one broke. */
export class Filling {
  readonly attempts: Attempt[] = [];
  readonly contributors = new Contributors();
  /** The try that is under way. */
  current: RunningAttempt | undefined;

  readonly #components: FillingComponents;
  readonly #init: FillingInit;
  readonly #liars = new Set<string>();
  /** Whether each source is asked alone, from the first byte on. */
  #alone = false;
  #restarts = 0;
  #taken = 0;
  #retryAfterMs: number | undefined;
  /** Whether a source could not be asked because its bytes cannot be held. */
  #passedOver = false;

  constructor(components: FillingComponents, init: FillingInit) {
    this.#components = components;
    this.#init = init;
  }

  /** Whether the bytes so far may leave before the digest is known. */
  get mayStream(): boolean {
    return this.contributors.mayStream(this.#init.want.size, this.#init.verifyFirst);
  }

  /**
   * Resolves when all bytes are there.
   *
   * @throws {DistswarmError} `NOT_FOUND`, `NO_SOURCE`; `STORE_FULL` and `STORE_UNUSABLE` when no client waits; the signal's
   * reason.
   */
  async fill(): Promise<void> {
    for (let round = 0; this.#missing() > 0; round += 1) {
      const before = this.#taken;
      await this.#round();
      const stuck = this.#taken === before || round === MAX_ROUNDS;
      if (this.#missing() > 0 && stuck) throw this.#outOfSources();
    }
  }

  /**
   * The digest of what was filled is wrong. Over one source's bytes that is this source's doing; over several sources' bytes,
   * or those of a growing copy, it marks nobody.
   *
   * @throws {DistswarmError} `NO_SOURCE` when trying again makes no sense.
   */
  blame(): void {
    this.#restarts += 1;
    if (this.#init.want.size === 0 || this.#restarts > MAX_RESTARTS) throw this.#neverRight();
    const error = new SourceError("WRONG_BYTES", `sent bytes with another digest than the Manifest's`);
    const { growing } = this.contributors;
    for (const source of growing) source.blame(error);
    if (growing.length > 0) return this.#components.claim.wasMisled();
    const source = this.contributors.only;
    if (source === undefined) {
      this.#alone = true;
      return;
    }
    this.#liars.add(source.label);
    source.blame(error);
    this.#amend(source, error);
    this.#components.log.warn(`${source.label} ${error.message} for ${this.#name}: not stored`);
  }

  /** The try that went well by what could be told of it then: it is the one that brought the wrong bytes. */
  #amend({ label }: Source, { code, message }: SourceError): void {
    const last = this.attempts.findLastIndex(({ source, outcome }) => source === label && outcome === "ok");
    const attempt = this.attempts[last];
    if (attempt !== undefined) this.attempts[last] = { ...attempt, outcome: code, detail: message };
  }

  /** Drops all bytes. */
  async startOver(): Promise<void> {
    this.#init.startsOver();
    this.contributors.clear();
    await this.#components.copy.restart();
  }

  async #round(): Promise<void> {
    const { sources, claim } = this.#components;
    let asked = NOTHING_ASKED;
    while (this.#missing() > 0) {
      const turn = this.#turn();
      switch (nextStep(asked, turn)) {
        case "peers":
          asked = { ...asked, ...(await this.#askPeers(sources.peers, growingUse(turn), asked.upstream)) };
          break;
        case "wait":
          await claim.news(this.#init.signal);
          asked = { ...asked, peers: false };
          break;
        case "upstream":
          asked = (await this.#askUpstream(turn, this.#onlyWay()))
            ? { ...asked, upstream: true }
            : { ...asked, peers: false };
          break;
        case "last-resort":
          await this.#askPeers(sources.lastResort, "none", true);
          asked = { ...asked, lastResort: true };
          break;
        case "give-up":
          return;
      }
    }
  }

  /** Whose turn it is; a copy that peers cannot read is made for this box alone. */
  #turn(): Turn {
    const { claim, copy } = this.#components;
    return copy.isKept ? claim.turn(copy.received) : "alone";
  }

  /**
   * Asks peers, and upstream beside the silent ones, once; tells what has been asked in vain by then. Where a growing copy
   * brought bytes, who has it is to be asked anew: the others were known before that, and may be gone.
   */
  async #askPeers(
    finder: SourceFinder,
    growing: GrowingUse,
    isUpstreamAsked: boolean,
  ): Promise<Pick<Asked, "peers" | "upstream">> {
    const { want, signal } = this.#init;
    const { queue } = this.#components;
    const before = this.#taken;
    for await (const source of finder.sources(want, { signal, growing })) {
      if (!this.#isUseful(source)) continue;
      if (isUpstreamAsked) await queue.run("peer", signal, () => this.#ask(source, this.#onlyWay()));
      else isUpstreamAsked = await this.#askInRace(source);
      if (source.isGrowing === true && this.#taken > before) return { peers: false, upstream: isUpstreamAsked };
      if (this.#missing() === 0) break;
    }
    return { peers: true, upstream: isUpstreamAsked };
  }

  /** Asks a peer, and when it is silent upstream beside it; returns whether upstream has been asked in vain. */
  async #askInRace(source: Source): Promise<boolean> {
    const race = new Race(this.#init.signal);
    const [peer, upstream] = [race.enter(), race.enter()];
    let beside: Promise<boolean> | undefined;
    const silent = (): void => {
      beside ??= this.#askUpstreamBeside(peer, upstream);
      beside.catch(() => {}); // it is looked at below
    };
    await this.#components.queue.run("peer", peer.signal, () => this.#ask(source, peer, { silent }));
    return (await beside) ?? false;
  }

  /** Asks upstream where it is this box's turn; the silent peer is waited for as long as that takes. */
  async #askUpstreamBeside(peer: Way, upstream: Way): Promise<boolean> {
    const { claim } = this.#components;
    const turn = this.#turn();
    try {
      const isAsked = turn !== "theirs" && (await this.#askUpstream(turn, upstream));
      return isAsked && !upstream.signal.aborted;
    } catch (error) {
      if (!upstream.signal.aborted) throw error;
      return false;
    } finally {
      if (upstream.signal.aborted) claim.release({ failed: false });
      peer.giveUp(new Error("silent for too long"));
    }
  }

  /** Asks upstream when it is this box's turn; false when it is another's, or has become that. */
  async #askUpstream(turn: Turn, way: Way): Promise<boolean> {
    const { queue, claim, copy } = this.#components;
    let isOurs = true;
    await queue.run("upstream", way.signal, async () => {
      if (turn === "open") await claim.claim(copy.received, way.signal);
      isOurs = turn === "alone" || claim.lost !== undefined;
      if (turn === "open" && isOurs) await this.#takePresent(way);
      if (isOurs) isOurs = await this.#askServers(claim.lost ?? NEVER, way);
    });
    return isOurs;
  }

  /** Takes what other boxes have of it by now. Not in the queue of peers: this is the turn of those who wait there. */
  async #takePresent(way: Way): Promise<void> {
    const { signal } = way;
    for await (const source of this.#components.sources.peers.sources(this.#init.want, {
      signal,
      growing: "present",
    })) {
      if (signal.aborted || this.#missing() === 0) return;
      if (this.#isUseful(source)) await this.#ask(source, way);
    }
  }

  /** False when another box took over. */
  async #askServers(lost: AbortSignal, way: Way): Promise<boolean> {
    const signal = AbortSignal.any([way.signal, lost]);
    for await (const source of this.#components.sources.upstream.sources(this.#init.want, { signal: way.signal })) {
      if (signal.aborted || this.#missing() === 0) break;
      if (this.#isUseful(source)) await this.#ask(source, { ...way, signal });
    }
    return !lost.aborted;
  }

  #onlyWay(): Way {
    return new Race(this.#init.signal).enter();
  }

  #isUseful(source: Source): boolean {
    if (this.#liars.has(source.label)) return false;
    // What waits for its digest must be held whole.
    const { want, verifyFirst } = this.#init;
    const isUseful = this.#components.copy.holdsAll || mayStream(source.kind, want.size, verifyFirst);
    this.#passedOver ||= !isUseful;
    return isUseful;
  }

  /** Takes what a source gives, unless another way is faster. */
  async #ask(source: Source, way: Way, asking: { silent?: () => void } = {}): Promise<void> {
    if (this.#alone && !this.contributors.has(source)) await this.startOver();
    const attempt = new RunningAttempt(source, this.#components.copy.received);
    this.current = attempt;
    const error = await this.#take(attempt, way, asking).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (this.current === attempt) this.current = undefined;
    this.attempts.push(attempt.end(error));
    this.#init.signal.throwIfAborted();
    if (error !== undefined && !way.signal.aborted) this.#onFault(source, error);
  }

  async #take(attempt: RunningAttempt, way: Way, asking: { silent?: () => void }): Promise<void> {
    const { source } = attempt;
    const { copy, claim } = this.#components;
    const { bytes } = await source.open({ ...asking, offset: copy.received, signal: way.signal });
    attempt.answered();
    for await (const chunk of bytes) {
      if (attempt.bytes === 0) way.brought();
      this.current = attempt;
      this.contributors.add(source);
      await this.#write(chunk);
      attempt.bytes += chunk.length;
      this.#taken += chunk.length;
      if (copy.isKept) claim.grew(copy.received);
      else claim.release({ failed: false });
      this.#init.grew();
    }
    if (this.#missing() > 0) throw new SourceError("BROKEN", `ended ${this.#missing()} bytes early`);
  }

  /** The store may fail in the middle of a file that memory cannot hold: then it passes through, if it may. */
  async #write(chunk: Buffer): Promise<void> {
    const { copy } = this.#components;
    try {
      return await copy.write(chunk);
    } catch (error) {
      if (!hasCode(error, "STORE_FULL", "STORE_UNUSABLE") || !this.#init.hasClients()) throw error;
    }
    if (this.mayStream) {
      await copy.streamOn();
      return copy.write(chunk);
    }
    await copy.beginInMemory();
    await this.startOver();
    throw new SourceError("BROKEN", "the store failed, and memory cannot hold all of it until it is checked");
  }

  #onFault(source: Source, error: unknown): void {
    if (!(error instanceof SourceError)) throw error;
    const times = [this.#retryAfterMs, error.retryAfterMs].filter((ms) => ms !== undefined);
    this.#retryAfterMs = times.length > 0 ? Math.min(...times) : undefined;
    this.#components.log.debug({ source: source.label, code: error.code }, `${this.#name}: ${error.message}`);
  }

  #outOfSources(): DistswarmError {
    if (!this.#passedOver) return failureOf(this.#init.want, this.attempts, this.#retryAfterMs);
    const problem = messageOf(this.#components.copy.problem);
    const facts = { attempts: this.attempts };
    return new DistswarmError("NO_SOURCE", `peers have ${this.#name}, but ${problem}`, { facts });
  }

  #neverRight(): DistswarmError {
    return new DistswarmError("NO_SOURCE", `no bytes for ${this.#name} have the digest that its Manifest names`);
  }

  #missing(): number {
    return this.#init.want.size - this.#components.copy.received;
  }

  get #name(): string {
    return this.#init.want.names[0] ?? this.#init.want.digest;
  }
}
