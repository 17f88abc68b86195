import type { NoiseStream } from "hyperswarm";
import { Crowd } from "../core/net/crowd.ts";
import type { Logger } from "../core/logger.ts";
import { NowAndThen } from "../core/async/now-and-then.ts";
import { Penalties } from "./penalties.ts";
import { Rejections, type Rejection } from "./rejections.ts";
import type { Session } from "./session.ts";
import type { WireEnd } from "./wire.ts";

/** A peer that broke a rule is neither dialled nor let in for so long. */
const RULE_PENALTY_MS = 300_000;
/** A box without our key is not dialled for so long; it may come by itself when it has it. */
const STRANGER_PENALTY_MS = 60_000;
/** One that says nothing, or nothing that can be read, is not dialled for so long: it may be a member that is busy. */
const SILENT_PENALTY_MS = 3000;
/**
 * Connections that have proved nothing yet have places of their own, in all
 * and for one address: a fleet may start at once.
 */
const MAX_UNPROVED = 256;
const MAX_UNPROVED_OF_ADDRESS = 64;
/** Boxes that are turned away are spoken of at most this often for each reason. */
const WARN_EVERY_MS = 10_000;

/** What counts as a fault of who was at the other end. */
type Fault = Exclude<WireEnd, "left" | "left-unproved" | "closed">;

/** What each fault counts as, and for how long who is at fault is shunned. */
const CONSEQUENCES: Readonly<Record<Fault, { readonly rejection: Rejection; readonly penaltyMs: number }>> = {
  silent: { rejection: "silent", penaltyMs: SILENT_PENALTY_MS },
  "other-protocol": { rejection: "other_protocol", penaltyMs: STRANGER_PENALTY_MS },
  "wrong-proof": { rejection: "wrong_proof", penaltyMs: STRANGER_PENALTY_MS },
  garbled: { rejection: "rule", penaltyMs: SILENT_PENALTY_MS },
  rule: { rejection: "rule", penaltyMs: RULE_PENALTY_MS },
};

/** What the bouncer uses. */
interface BouncerComponents {
  readonly log: Logger;
  /** Whether a box at this address may be talked to. */
  readonly accepts: (host: string) => boolean;
  /** Whether a box is listed in `swarm.deny`. */
  readonly isDenied: (id: string) => boolean;
}

/** Turns boxes away, counts why, and keeps those who have proved nothing from the places of members. */
export class Bouncer {
  readonly rejections = new Rejections();
  readonly #components: BouncerComponents;
  readonly #unproved = new Crowd<Session>({ max: MAX_UNPROVED, maxOfAddress: MAX_UNPROVED_OF_ADDRESS });
  /** By fault: a short penalty takes nothing off a longer one for something else. */
  readonly #penalties: Readonly<Record<Fault, Penalties>> = {
    silent: new Penalties(),
    "other-protocol": new Penalties(),
    "wrong-proof": new Penalties(),
    garbled: new Penalties(),
    rule: new Penalties(),
  };
  readonly #warnings = new NowAndThen({ everyMs: WARN_EVERY_MS });

  constructor(components: BouncerComponents) {
    this.#components = components;
  }

  /** The sessions that have proved nothing yet. */
  get unproved(): Iterable<Session> {
    return this.#unproved;
  }

  /** Whether a box is not to be dialled now. */
  isShunned(id: string): boolean {
    return Object.values(this.#penalties).some((penalties) => penalties.has(id));
  }

  /** Whether a new connection was turned away; `isFull`: all places of members are taken, and none is its own. */
  turnsAway(stream: NoiseStream, { isFull }: { isFull: boolean }): boolean {
    const rejection = this.#rejectionOf(stream, isFull);
    if (rejection === undefined) return false;
    this.rejections.count(rejection, stream.rawStream.remoteHost);
    stream.on("error", () => {}).destroy();
    return true;
  }

  /** A session has begun, and proved nothing yet; another one may have to go for it. */
  watch(session: Session): void {
    const leaving = this.#unproved.add(session, session.host);
    if (leaving === undefined) return;
    this.rejections.count("full", leaving.host);
    leaving.close("closed", "too many connections prove nothing");
  }

  /** It has proved the network key, or has ended. */
  unwatch(session: Session): void {
    this.#unproved.delete(session);
  }

  /** A box has proved the network key, and the last place of members was taken meanwhile. */
  turnAwayForWantOfRoom(session: Session): void {
    this.rejections.count("full", session.host);
    session.close("closed", "there are as many peers as can be");
  }

  /** Counts what ended a session, and shuns who is at fault. */
  judge({ id, host }: Session, why: WireEnd, detail: string): void {
    if (why === "left" || why === "closed") return;
    if (why === "left-unproved") return this.rejections.count("no_proof", host); // no penalty: it may be a member in a hurry
    const { rejection, penaltyMs } = CONSEQUENCES[why];
    this.rejections.count(rejection, host);
    this.#penalties[why].add(id, penaltyMs);
    if (!this.#warnings.isTime({ reason: why, whom: host })) return;
    this.#components.log.warn({ peer: id, address: host }, `turned away the box at ${host}: ${detail}`);
  }

  /** There is a new network key: all may try again. */
  forgive(): void {
    for (const penalties of Object.values(this.#penalties)) penalties.clear();
  }

  #rejectionOf({ remotePublicKey, rawStream }: NoiseStream, isFull: boolean): Rejection | undefined {
    const id = remotePublicKey.toString("hex");
    if (!this.#components.accepts(rawStream.remoteHost)) return "outside";
    if (this.#components.isDenied(id)) return "denied"; // the list may have changed during its handshake
    if (this.#penalties.rule.has(id)) return "rule"; // all others may come by themselves
    return isFull ? "full" : undefined;
  }
}
