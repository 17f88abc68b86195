import type { NoiseStream } from "hyperswarm";
import { Crowd } from "../core/crowd.ts";
import type { Logger } from "../core/logger.ts";
import { Penalties } from "./penalties.ts";
import { Rejections, type Rejection } from "./rejections.ts";
import type { Session } from "./session.ts";
import type { WireEnd } from "./wire.ts";

/** A peer that broke a rule is neither dialled nor let in for so long. */
const RULE_PENALTY_MS = 300_000;
/** A box without our key is not dialled for so long; it may come by itself when it has it. */
const STRANGER_PENALTY_MS = 60_000;
/** Connections that have proved nothing yet have places of their own, in all and for one address. */
const MAX_UNPROVED = 64;
const MAX_UNPROVED_OF_ADDRESS = 32;
/** Boxes without our key are spoken of at most this often: an outsider must not fill the log. */
const WARN_EVERY_MS = 10_000;

/** What each fault of a connection counts as. */
const REJECTION_OF = { "no-proof": "no_proof", "wrong-proof": "wrong_proof", rule: "rule" } as const;

/** What the bouncer uses. */
export interface BouncerComponents {
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
  readonly #penalties = new Penalties();
  readonly #strangers = new Penalties();
  #warnedAt = -Infinity;

  constructor(components: BouncerComponents) {
    this.#components = components;
  }

  /** The sessions that have proved nothing yet. */
  get unproved(): Iterable<Session> {
    return this.#unproved;
  }

  /** Whether a box is not to be dialled now. */
  isShunned(id: string): boolean {
    return this.#penalties.has(id) || this.#strangers.has(id);
  }

  /** Whether a new connection was turned away; `isFull`: all places of members are taken. */
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

  /** Counts what ended a session, and shuns who is at fault. */
  judge({ id, host }: Session, why: WireEnd, detail: string): void {
    if (why === "left" || why === "closed") return;
    if (why === "left-unproved") return this.rejections.count("no_proof", host); // no penalty: it may be a member in a hurry
    this.rejections.count(REJECTION_OF[why], host);
    if (why === "rule") this.#penalties.add(id, RULE_PENALTY_MS);
    else this.#strangers.add(id, STRANGER_PENALTY_MS);
    if (why !== "rule" && performance.now() - this.#warnedAt < WARN_EVERY_MS) return;
    this.#warnedAt = performance.now();
    this.#components.log.warn({ peer: id, address: host }, `turned away the box at ${host}: ${detail}`);
  }

  /** There is a new network key: all may try again. */
  forgive(): void {
    this.#penalties.clear();
    this.#strangers.clear();
  }

  #rejectionOf({ remotePublicKey, rawStream }: NoiseStream, isFull: boolean): Rejection | undefined {
    const id = remotePublicKey.toString("hex");
    if (!this.#components.accepts(rawStream.remoteHost)) return "outside";
    if (this.#components.isDenied(id)) return "denied"; // the list may have changed during its handshake
    if (this.#penalties.has(id)) return "rule";
    return isFull ? "full" : undefined;
  }
}
