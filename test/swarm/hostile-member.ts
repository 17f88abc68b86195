import type { UpstreamMessage } from "../../src/swarm/messages.ts";
import type { SimulatedBox, SimulatedLan } from "./simulated-lan.ts";

/** A claim is told anew just before it counts no more. */
const ANEW_MS = 4900;
const TELLING_MS = 1000;
/** What one that claims and releases in turn keeps a claim for, at most. */
const TURN_MS = 500;
const ACK_MS = 1;

/** How a member means ill by its claims. */
export type Evil = (member: HostileMember) => void;

/** A member that claims what others want, gives nothing, and answers as it likes. */
export class HostileMember {
  readonly lan: SimulatedLan;
  readonly random: () => number;
  /** See {@link SimulatedBox.evil}. */
  readonly answers: NonNullable<SimulatedBox["evil"]>["answers"];
  /** What it is told. */
  hears: (message: UpstreamMessage) => void = () => {};
  acknowledges = true;
  readonly #box: SimulatedBox;
  #number = 0;

  constructor(box: SimulatedBox, evil: Evil, random: () => number) {
    this.#box = box;
    this.lan = box.lan;
    this.random = random;
    this.answers = (["not at all", "that it is busy", "that it lacks it"] as const)[Math.floor(3 * random())]!;
    box.self.heard = (from, message) => this.#heard(from, message);
    evil(this);
  }

  /** Claims the blob that is wanted now: anew, or as it did before. */
  claim({ base, received, anew }: { base: number; received: number; anew: boolean }): void {
    if (anew) this.#number += 1;
    this.#tell({ type: "upstream-claim", subject: this.lan.wanted.digest, number: this.#number, base, received });
  }

  /** Says that a claim of it has ended; `failed`: with all sources. */
  end({ failed }: { failed: boolean } = { failed: false }): void {
    this.#tell({ type: "upstream-end", subject: this.lan.wanted.digest, failed });
  }

  /** Does something again and again, for ever. */
  every(ms: number, act: () => void): void {
    act();
    this.lan.claims.clock.at(this.lan.claims.now + ms, () => this.every(ms, act));
  }

  #heard(from: string, message: UpstreamMessage): void {
    this.hears(message);
    if (message.type !== "upstream-claim" || !this.acknowledges) return;
    const { subject, number } = message;
    const to = this.lan.boxOf(from).self;
    this.lan.claims.clock.at(this.lan.claims.now + ACK_MS, () =>
      this.lan.claims.say(this.#box.self, to, { type: "upstream-ack", subject, number, received: this.lan.size }),
    );
  }

  #tell(message: UpstreamMessage): void {
    for (const { self } of this.lan.boxes)
      if (self !== this.#box.self) this.lan.claims.say(this.#box.self, self, message);
  }
}

/** Claims again and again, and never has a byte. */
export const idles: Evil = (member) => member.every(ANEW_MS, () => member.claim({ base: 0, received: 0, anew: true }));

/** Says that it has had nearly all from the start, and gets on. */
export const boasts: Evil = (member) => {
  const { size } = member.lan;
  let turns = 0;
  member.every(TELLING_MS, () => {
    turns += 1;
    member.claim({ base: size - 1, received: size - (turns % 2), anew: turns % 10 === 1 });
  });
};

/** Says what cannot be true. */
export const exaggerates: Evil = (member) =>
  member.every(TELLING_MS, () =>
    member.claim({ base: Number.MAX_SAFE_INTEGER, received: Number.MAX_SAFE_INTEGER, anew: true }),
  );

/** Claims better as soon as another box claims or gets on, and lets go of that again. */
export const takesTurns: Evil = (member) => {
  const { claims, size } = member.lan;
  let isClaimed = false;
  const end = (): void => {
    isClaimed = false;
    member.end();
  };
  member.hears = ({ type }) => {
    if (type !== "upstream-claim" || isClaimed) return;
    isClaimed = true;
    member.claim({ base: size - 1, received: size, anew: true });
    claims.clock.at(claims.now + TURN_MS * member.random(), end);
  };
};

/** Claims, and says that all its sources failed, again and again. */
export const fails: Evil = (member) =>
  member.every(TURN_MS, () => {
    member.claim({ base: 0, received: 0, anew: true });
    const { claims } = member.lan;
    claims.clock.at(claims.now + (TURN_MS / 2) * member.random(), () => member.end({ failed: true }));
  });

/** Lets every claim wait, and claims itself. */
export const neverAcknowledges: Evil = (member) => {
  member.acknowledges = false;
  idles(member);
};
