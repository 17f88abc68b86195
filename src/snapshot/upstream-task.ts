import { stat } from "node:fs/promises";
import type { BlobClaims } from "../core/claim/claims.ts";
import { systemCode } from "../core/errors.ts";
import { FlightClaim } from "../core/claim/flight-claim.ts";
import { LinkedAbort } from "../core/async/linked-abort.ts";
import { abortable, Pulse } from "../core/async/pulse.ts";
import type { PassingBody } from "../core/snapshots.ts";
import type { Turn } from "../core/claim/turn.ts";
import type { Upstream } from "../core/upstream.ts";
import { ClaimedFlight, type ClaimedFlightComponents } from "./claimed-flight.ts";
import { Follower, type FollowerComponents } from "./follower.ts";
import { fileName, mirrorPathOf, subjectOf } from "./name.ts";
import { makeStagingDir } from "./staging.ts";
import type { UpstreamFlightInit } from "./upstream-flight.ts";

/**
 * Other boxes are given so long, then this one downloads beside them: one may give a byte now and then for ever. A
 * tarball that takes an honest box longer comes at under 100 KB/s.
 */
const FOLLOW_AT_MOST_MS = 10 * 60_000;

/** The mirrors, and who waits here as at a mirror. */
export type SnapshotUpstream = Pick<Upstream, "mirrorPath" | "isAwaited" | "onAwaited">;

/** What an upstream task uses. */
interface UpstreamTaskComponents
  extends Omit<ClaimedFlightComponents, "claim">, Omit<FollowerComponents, "claim" | "transfers"> {
  readonly upstream: SnapshotUpstream;
  /** One upstream download on the LAN; without it, each box for itself. */
  readonly claims?: BlobClaims | undefined;
  /** Resolves when a peer announces the unit anew. */
  readonly announced: (signal: AbortSignal) => Promise<void>;
  /** Whether peers gave the unit, and it is on the shelf. */
  readonly pullFromPeers: () => Promise<boolean>;
}

/** What may be set of an upstream task. */
interface UpstreamTaskInit extends UpstreamFlightInit {
  /** Milliseconds since some moment, for what other boxes are given time for. @default those of the system */
  readonly now?: () => number;
}

/**
 * Gets one unit from upstream onto the shelf, however many clients of this box wait for it. Where boxes claim, one of them
 * downloads it; the others take from that one what it has so far, and the unit when it is verified there.
 */
export class UpstreamTask {
  readonly #components: UpstreamTaskComponents;
  readonly #init: UpstreamTaskInit;
  readonly #changed = new Pulse();
  readonly #claim: FlightClaim | undefined;
  readonly #follower: Follower | undefined;
  readonly #now: () => number;
  /** What agents that have this box as a mirror ask for. */
  readonly #path: string;
  #followedUntil: number | undefined;
  #flight: ClaimedFlight | undefined;
  #ended = false;
  /** Resolves when the unit is on the shelf. Throws as {@link UpstreamFlight.run}, and what the shelf throws. */
  readonly done: Promise<void>;

  /** Begins at once. */
  constructor(components: UpstreamTaskComponents, init: UpstreamTaskInit) {
    const { claims, log } = components;
    const { judgement, paths, transfers, now = () => performance.now() } = init;
    const { date } = judgement;
    const want = { digest: subjectOf(date), size: Infinity, names: [fileName(date, "tarball")], packages: [] };
    this.#components = components;
    this.#init = init;
    this.#now = now;
    this.#path = mirrorPathOf(date, "tarball");
    this.#claim = claims && new FlightClaim({ claims, log }, want, { now });
    this.#follower =
      this.#claim && new Follower({ ...components, transfers, claim: this.#claim }, { date, path: paths.tarball });
    this.done = this.#run().finally(() => {
      this.#ended = true;
      this.#changed.fire();
    });
    this.done.catch(() => {}); // told to who waits for it
  }

  /** The tarball as it passes; undefined when the unit is on the shelf instead. Throws as {@link done}. */
  async passing(signal: AbortSignal): Promise<PassingBody | undefined> {
    while (!this.#ended) {
      const flight = this.#flight;
      if (flight === undefined || flight.isGivenUp) {
        await this.#changed.wait(signal);
        continue;
      }
      const body = await flight.passing(signal);
      if (body !== undefined) return body;
      if (!flight.isGivenUp) break;
    }
    await abortable(this.done, signal);
    return undefined;
  }

  /** The unit is on the shelf, and so announced, before the claim ends: who waits for that finds it. */
  async #run(): Promise<void> {
    let failed = true;
    try {
      await makeStagingDir(this.#init.paths);
      while (!(await this.#step()));
      failed = false;
    } finally {
      this.#claim?.release({ failed: failed && !this.#init.signal.aborted });
    }
  }

  /** Whether the unit is on the shelf; what peers announce by now comes before all else. */
  async #step(): Promise<boolean> {
    if (await this.#components.pullFromPeers()) return true;
    const turn = this.#turn(await sizeOf(this.#init.paths.tarball));
    if (turn === "ours" || turn === "alone") return this.#download();
    await this.#follow();
    return false;
  }

  /** Where agents wait here that have this box as a mirror, no other box is followed: it may be one of them. */
  #turn(received: number): Turn {
    const isPatient = this.#followedUntil === undefined || this.#now() < this.#followedUntil;
    const isAwaited = this.#components.upstream.isAwaited(this.#path);
    return (isPatient ? this.#claim?.turn(received, isAwaited) : undefined) ?? "alone";
  }

  #download(): Promise<boolean> {
    const flight = new ClaimedFlight({ ...this.#components, claim: this.#claim }, this.#init);
    this.#flight = flight;
    this.#changed.fire();
    return flight.run();
  }

  /**
   * Follows until another box announces the unit, or it is for this one to download: also as soon as an agent begins to
   * wait here for it while nobody gives anything.
   */
  async #follow(): Promise<void> {
    const { signal } = this.#init;
    const { upstream, announced } = this.#components;
    this.#followedUntil ??= this.#now() + FOLLOW_AT_MOST_MS;
    const until = new LinkedAbort([signal]);
    const enough = (): void => until.abort(new Error("followed long enough"));
    const timer = setTimeout(enough, this.#followedUntil - this.#now());
    const ended = upstream.onAwaited(this.#path, () => {
      if (this.#follower?.hasTaken !== true) enough();
    });
    announced(until.signal).then(enough, () => {}); // it ended before
    try {
      await this.#follower?.follow((received) => this.#turn(received), until.signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!until.signal.aborted) throw error;
    } finally {
      ended();
      clearTimeout(timer);
      until.unlink();
      enough();
    }
  }
}

/** Bytes of a file; 0 where there is none. Throws other system errors. */
async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    (error: unknown) => {
      if (systemCode(error) === "ENOENT") return 0;
      throw error;
    },
  );
}
