import { setImmediate as turnOfTheLoop } from "node:timers/promises";
import type { Attempt } from "../core/report/attempt.ts";
import type { BlobStore } from "../core/blob-store.ts";
import type { ClaimEvent } from "../core/claim/claim-event.ts";
import type { BlobClaims } from "../core/claim/claims.ts";
import { nameOf, type Want } from "../core/distfile.ts";
import { DistswarmError } from "../core/errors.ts";
import { FlightClaim } from "../core/claim/flight-claim.ts";
import { GrowingCopy } from "../core/growing-copy.ts";
import type { Logger } from "../core/logger.ts";
import { Pulse } from "../core/async/pulse.ts";
import type { SourceKind } from "../core/source.ts";
import type { TransferStatus } from "../core/report/transfer-status.ts";
import { Audience } from "./audience.ts";
import { Charges } from "./charges.ts";
import { Filling, type FillingComponents } from "./filling.ts";
import { FlightCopy } from "./flight-copy.ts";
import { tellFailed, tellVerified } from "./flight-log.ts";
import { FlightReader } from "./flight-reader.ts";
import { Intake } from "./intake.ts";
import type { VerifyFirst } from "./release.ts";

/** What a flight uses. */
export interface FlightComponents extends Omit<FillingComponents, "copy" | "claim" | "intake"> {
  readonly store: BlobStore;
  readonly log: Logger;
  readonly claims: BlobClaims;
}

/** What may be set of a flight. */
export interface FlightInit {
  readonly verifyFirst: VerifyFirst;
  /** A flight that nobody waits for goes on if at most this many bytes are missing. */
  readonly finishUpTo: number;
  /** How often bytes of growing copies of the blob were wrong in flights before this one. @default 0 */
  readonly misled?: number;
  /** Milliseconds since some moment, for what other boxes are given time for. @default those of the system */
  readonly now?: () => number;
}

/**
 * `running`: bytes are on their way. `verified`: all there, the digest is right. `wrong`: all there, the digest is not, and
 * some reader already has bytes of it. `failed`: no source is left.
 */
type State = "running" | "verified" | "wrong" | "failed";

/**
 * One retrieval in progress. It fills a growing copy from one source after another, each from the byte where the last one
 * broke; all who want the blob on this box read that copy through {@link Flight.join}.
 */
export class Flight {
  readonly want: Want;
  readonly charges: Charges;
  /** Settles when nothing more will happen: the copy is in the store, or this has failed. Never rejects. */
  readonly landed: Promise<void>;

  readonly #components: FlightComponents;
  readonly #init: FlightInit;
  readonly #abort = new AbortController();
  readonly #changed = new Pulse();
  readonly #audience = new Audience();
  readonly #copy: FlightCopy;
  readonly #claim: FlightClaim;
  readonly #intake: Intake;
  readonly #filling: Filling;
  readonly #began = performance.now();

  #state: State = "running";
  #error: unknown;
  #released = 0;
  /** Counts how often the bytes were dropped to start over. */
  #dropped = 0;

  constructor(want: Want, components: FlightComponents, init: FlightInit) {
    this.want = want;
    this.charges = new Charges(want.size);
    this.#components = components;
    this.#init = init;
    this.#copy = new FlightCopy(components, want, {
      signal: this.#abort.signal,
      positions: () => this.#audience.positions,
    });
    this.#claim = new FlightClaim(components, want, init);
    const parts = { ...components, copy: this.#copy, claim: this.#claim };
    this.#intake = new Intake(parts, {
      want,
      verifyFirst: init.verifyFirst,
      signal: this.#abort.signal,
      grew: () => this.#release(),
      startsOver: () => this.#takeBack(),
      hasClients: () => this.#audience.clients > 0,
    });
    this.#filling = new Filling({ ...parts, intake: this.#intake }, { want, signal: this.#abort.signal });
    this.landed = this.#run();
  }

  /** What was tried, oldest first. */
  get attempts(): readonly Attempt[] {
    return this.#intake.attempts;
  }

  /** What happened between the boxes that want it, oldest first. */
  get claims(): readonly ClaimEvent[] {
    return this.#claim.events;
  }

  /** How often bytes of growing copies turned out wrong since the blob came right last, for the next flight. */
  get misled(): number {
    return this.isVerified ? 0 : this.#claim.misled;
  }

  /** Bytes that peers can read now. */
  get received(): number {
    return this.isOpen && this.#copy.isKept ? this.#copy.received : 0;
  }

  /** Where the bytes come from: `upstream` as soon as any of them did. */
  get origin(): SourceKind {
    return this.#intake.contributors.origin;
  }

  /** Whether the bytes are all here and right, if not yet in the store. */
  get isVerified(): boolean {
    return this.#state === "verified";
  }

  /** Whether it still gets bytes, so that joining it makes sense. */
  get isOpen(): boolean {
    const goesOn = this.isVerified || (this.#state === "running" && !this.#abort.signal.aborted);
    return goesOn && this.#copy.reachesStart;
  }

  /** Why it failed, when it has. */
  get error(): unknown {
    return this.#error;
  }

  /** Adds a reader; the flight goes on at least as long as it has one. */
  join(): FlightReader {
    const reader = new FlightReader({
      isVerified: () => this.isVerified,
      released: () => this.#released,
      isKept: () => this.#copy.isKept,
      failure: (begun) => this.#failureFor(begun),
      changed: this.#changed,
      read: (position, length, into) => this.#copy.read(position, length, into),
      moved: () => this.#copy.readerMoved(),
      left: () => {
        this.#audience.remove(reader);
        this.#left();
      },
    });
    this.#audience.add(reader);
    return reader;
  }

  /**
   * The growing copy for a peer, who checks the digest itself and may read whatever is present; the flight goes on at least
   * as long as it is read. Undefined when nothing more will come, or when it is not kept here.
   */
  openGrowing(): GrowingCopy | undefined {
    if (!this.isOpen || !this.#copy.isKept) return undefined;
    const dropped = this.#dropped;
    const left = this.hold();
    return new GrowingCopy({
      size: this.want.size,
      received: () => this.#copy.received,
      isRoot: () => this.#claim.isRoot || this.isVerified,
      failure: () => (dropped === this.#dropped && this.#copy.isKept ? this.#failureFor(false) : startedOver()),
      changed: this.#changed,
      read: (position, length, into) => this.#copy.read(position, length, into),
      left,
    });
  }

  /** Keeps it going until the returned function is called. */
  hold(): () => void {
    this.#audience.hold();
    return () => {
      this.#audience.letGo();
      this.#left();
    };
  }

  /** Ends it; its partial is kept. */
  abort(reason: unknown): void {
    this.#abort.abort(reason);
  }

  /** For status. */
  status(): TransferStatus {
    const source = this.#intake.current?.source;
    return {
      digest: this.want.digest,
      name: nameOf(this.want),
      size: this.want.size,
      received: this.#copy.received,
      ...(source === undefined ? {} : { source: source.label, kind: source.kind }),
      seconds: Math.round((performance.now() - this.#began) / 1000),
      clients: this.#audience.clients,
    };
  }

  async #run(): Promise<void> {
    await Promise.resolve(); // let the one who made it join first
    try {
      await this.#copy.open(this.#abort.signal);
      this.#endIfInVain();
      if (this.#copy.received > 0) this.#intake.contributors.addEarlierRun();
      while (!(await this.#fillAndVerify())) await this.#intake.startOver();
      this.#settle("verified");
      await turnOfTheLoop(); // the answers leave first: a client waits for them, nobody for the log line or the disk
      const ms = performance.now() - this.#began;
      tellVerified(this.#components.log, this, { ms, from: this.#intake.contributors.names });
      await this.#copy.commit();
    } catch (error) {
      if (this.#state === "running") this.#settle("failed", error);
    }
    this.#claim.release({ failed: this.#state === "failed" && !this.#abort.signal.aborted });
    await this.#close();
  }

  // --- filling it ---

  async #fillAndVerify(): Promise<boolean> {
    await this.#filling.fill();
    if (await this.#copy.verify()) return true;
    this.#intake.blame();
    if (!this.#audience.hasBegun) return false;
    await this.#copy.detach();
    this.#released = this.want.size;
    const error = new DistswarmError("DIGEST_MISMATCH", `the digest of ${nameOf(this.want)} did not match`);
    this.#settle("wrong", error);
    throw error;
  }

  // --- the readers ---

  #release(): void {
    const { mayStream } = this.#intake;
    if (mayStream) this.#released = this.#copy.received;
    if (mayStream || this.#audience.hasOthers) this.#changed.fire(); // clients see nothing else before the digest is known
    this.#endIfInVain();
  }

  /** The bytes so far are dropped: nothing of them is given out any more. */
  #takeBack(): void {
    this.#released = 0;
    this.#dropped += 1;
    this.#changed.fire();
  }

  #failureFor(begun: boolean): unknown {
    if (this.#state === "failed") return this.#error;
    return this.#state === "wrong" && !begun ? this.#error : undefined;
  }

  #left(): void {
    this.#copy.readerMoved();
    this.#changed.fire();
    if (this.#state !== "running") return;
    this.#endIfInVain();
    if (!this.#audience.isEmpty) return;
    if (this.want.size - this.#copy.received <= this.#init.finishUpTo) return;
    this.abort(new DistswarmError("NO_SOURCE", "nobody waits for it any more; its partial is kept"));
  }

  /** Bytes that the store cannot take are of use to a client that reads them now, and to nobody else. */
  #endIfInVain(): void {
    if (this.#copy.isKept || this.#audience.clients > 0) return;
    this.abort(this.#copy.problem);
  }

  // --- the end ---

  #settle(state: State, error?: unknown): void {
    this.#state = state;
    this.#error = error;
    if (state === "verified") this.#released = this.want.size;
    this.#changed.fire();
    if (state !== "verified") tellFailed(this.#components.log, this, error);
  }

  /** Gives the disk back: a failed partial at once, so that the next flight can go on with it; else after the readers. */
  async #close(): Promise<void> {
    if (this.#state === "failed") return this.#copy.close({ keep: true });
    void this.#readersGone().then(() => this.#copy.close({ keep: this.#state === "verified" }));
  }

  async #readersGone(): Promise<void> {
    while (!this.#audience.isEmpty) await this.#changed.wait();
  }
}

function startedOver(): Error {
  return new DistswarmError("DIGEST_MISMATCH", "the bytes so far were wrong, or are not kept: begin again");
}
