import type { Attempt } from "../core/report/attempt.ts";
import { nameOf, type Want } from "../core/distfile.ts";
import { DistswarmError, SourceError, hasCode, messageOf } from "../core/errors.ts";
import type { FlightClaim } from "../core/claim/flight-claim.ts";
import type { Logger } from "../core/logger.ts";
import { watchedForTrickle } from "../core/async/pace.ts";
import { hasNoWayOut } from "../core/net/no-way-out.ts";
import type { Source, Withheld } from "../core/source.ts";
import { RunningAttempt, addAttempt } from "./attempts.ts";
import { Contributors, idOf } from "./contributors.ts";
import type { Expectations } from "./expectations.ts";
import { failureOf } from "./failure.ts";
import type { FlightCopy } from "./flight-copy.ts";
import type { Way } from "./race.ts";
import { mayStream, type VerifyFirst } from "./release.ts";
import { onTrial, type Opponent } from "./trial.ts";

/** Times that bytes with a wrong digest are dropped, at most; each time blames a source, or asks one alone from then on. */
const MAX_RESTARTS = 30;

/** What an intake uses. */
interface IntakeComponents {
  readonly log: Logger;
  readonly copy: FlightCopy;
  readonly claim: FlightClaim;
  readonly expectations: Expectations;
}

/** How a source is taken from. */
export interface Taking {
  /** Told when nobody has answered for a while. */
  readonly silent?: () => void;
  /** Told now and then how many bytes a second come, as soon as that is known. */
  readonly paced?: (bytesPerSecond: number) => void;
  /** Told once when hardly anything comes any more; what to do about it is the caller's affair. */
  readonly trickles?: () => void;
  /** The source that meanwhile goes on to fill the copy: nothing is taken before this one has proved faster. */
  readonly opponent?: Opponent;
}

/** What an intake is about, and whom it tells. */
interface IntakeInit {
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

/**
 * Takes into a growing copy what sources give, each from the byte where the
 * last one broke; knows what each of them gave.
 */
export class Intake {
  /** What was tried, oldest first; see {@link addAttempt}. */
  readonly attempts: Attempt[] = [];
  readonly contributors = new Contributors();
  /** The try that is under way. */
  current: RunningAttempt | undefined;
  /** Bytes taken so far, with those that were dropped. */
  taken = 0;
  /** Whether this box could not get out to the server that was asked last; not once bytes come. */
  isCutOff = false;

  readonly #components: IntakeComponents;
  readonly #init: IntakeInit;
  readonly #liars = new Set<string>();
  #alone = false;
  #restarts = 0;
  #retryAfterMs: number | undefined;
  /** Whether a source could not be asked because its bytes cannot be held. */
  #passedOver = false;

  constructor(components: IntakeComponents, init: IntakeInit) {
    this.#components = components;
    this.#init = init;
  }

  /** Bytes that are not here yet. */
  get missing(): number {
    return this.#init.want.size - this.#components.copy.received;
  }

  /** Whether the bytes so far may leave before the digest is known. */
  get mayStream(): boolean {
    return !this.#mustWait && this.contributors.mayStream(this.#init.want.size, this.#init.verifyFirst);
  }

  /** Whether each source is asked alone, from the first byte on: wrong bytes of several cannot be told apart. */
  get asksAlone(): boolean {
    return this.#alone;
  }

  /** Whether a source is worth asking: no liar, and its bytes can be held until they may leave. */
  isUseful(source: Source): boolean {
    if (this.#liars.has(idOf(source))) return false;
    // What waits for its digest must be held whole.
    const { want, verifyFirst } = this.#init;
    const isUseful = this.#components.copy.holdsAll || mayStream(source.kind, want.size, verifyFirst);
    this.#passedOver ||= !isUseful;
    return isUseful;
  }

  /**
   * Takes what a source gives, unless another way is faster. Its faults are remembered.
   *
   * @throws {DistswarmError} `STORE_FULL` and `STORE_UNUSABLE` when no client waits; the signal's reason.
   */
  async take(source: Source, way: Way, taking: Taking = {}): Promise<void> {
    if (this.#alone && this.#components.copy.received > 0 && !this.contributors.has(source)) await this.startOver();
    const attempt = new RunningAttempt(source, this.#components.copy.received);
    this.current = attempt;
    const error = await this.#receive(attempt, way, taking).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (this.current === attempt) this.current = undefined;
    const ended = attempt.end(error);
    addAttempt(this.attempts, ended);
    this.#components.expectations.gave(source.kind, ended);
    this.#init.signal.throwIfAborted();
    if (error !== undefined && !way.signal.aborted) this.#onFault(source, error);
  }

  /**
   * The digest of what was taken is wrong. Over one source's bytes that is this source's doing; over several sources' bytes
   * it marks nobody. Who gave of a growing copy may not have known; the next time is not begun with its bytes.
   *
   * @throws {DistswarmError} `NO_SOURCE` when trying again makes no sense.
   */
  blame(): void {
    this.#restarts += 1;
    if (this.#init.want.size === 0 || this.#restarts > MAX_RESTARTS) throw this.#neverRight();
    const { growing } = this.contributors;
    for (const source of growing) source.blame();
    if (growing.length > 0) return this.#components.claim.wasMisled();
    const source = this.contributors.only;
    if (source === undefined) {
      this.#alone = true;
      return;
    }
    const error = new SourceError("WRONG_BYTES", `sent bytes with another digest than the Manifest's`);
    this.#liars.add(idOf(source));
    source.blame();
    this.#amend(source, error);
    this.#components.log.warn(`${source.label} ${error.message} for ${this.#name}: not stored`);
  }

  /** Drops all bytes. */
  async startOver(): Promise<void> {
    this.#init.startsOver();
    this.contributors.clear();
    await this.#components.copy.restart();
  }

  /** Why it cannot be filled when all sources were asked but those withheld: `NOT_FOUND` or `NO_SOURCE`. */
  outOfSources(withheld: readonly Withheld[]): DistswarmError {
    const retryAfterMs = this.#retryAfterMs;
    if (!this.#passedOver) return failureOf(this.#init.want, this.attempts, { withheld, retryAfterMs });
    const problem = messageOf(this.#components.copy.problem);
    const facts = { attempts: this.attempts };
    return new DistswarmError("NO_SOURCE", `peers have ${this.#name}, but ${problem}`, { facts });
  }

  async #receive(attempt: RunningAttempt, way: Way, { silent, paced, trickles, opponent }: Taking): Promise<void> {
    const { source } = attempt;
    const { copy, claim } = this.#components;
    const offset = copy.received;
    const told = (rate: number): void => void (attempt.bytes > 0 && paced?.(rate)); // on trial it gives nothing yet
    opponent?.asked();
    const { bytes } = await source.open({ ...(silent && { silent }), paced: told, offset, signal: way.signal });
    attempt.answered();
    const coming = trickles === undefined ? bytes : watchedForTrickle(bytes, trickles);
    const trial = opponent && { offset, size: this.#init.want.size, copy, opponent };
    for await (const chunk of trial === undefined ? coming : onTrial(coming, trial)) {
      if (attempt.bytes === 0) {
        way.brought();
        this.contributors.add(source);
      }
      this.current = attempt;
      await this.#write(chunk);
      attempt.bytes += chunk.length;
      this.taken += chunk.length;
      this.isCutOff = false;
      if (copy.isKept) claim.grew(copy.received, source);
      else claim.release({ failed: false });
      this.#init.grew();
    }
    if (this.missing > 0) throw new SourceError("BROKEN", `ended ${this.missing} bytes early`);
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
    if (source.kind === "upstream") this.isCutOff = hasNoWayOut(error); // a peer may be the one that is off
    const times = [this.#retryAfterMs, error.retryAfterMs].filter((ms) => ms !== undefined);
    this.#retryAfterMs = times.length > 0 ? Math.min(...times) : undefined;
    this.#components.log.debug({ source: source.label, code: error.code }, `${this.#name}: ${error.message}`);
  }

  /** The try that went well by what could be told of it then: it is the one that brought the wrong bytes. */
  #amend({ label }: Source, { code, message }: SourceError): void {
    const last = this.attempts.findLastIndex(({ source, outcome }) => source === label && outcome === "ok");
    const attempt = this.attempts[last];
    if (attempt !== undefined) this.attempts[last] = { ...attempt, outcome: code, detail: message };
  }

  #neverRight(): DistswarmError {
    return new DistswarmError("NO_SOURCE", `no bytes for ${this.#name} have the digest that its Manifest names`);
  }

  /** Where bytes were wrong before, all wait for the digest that can be held: a client gets one whole wrong file at most. */
  get #mustWait(): boolean {
    const { copy, claim } = this.#components;
    return copy.holdsAll && (this.#restarts > 0 || claim.misled > 0);
  }

  get #name(): string {
    return nameOf(this.#init.want);
  }
}
