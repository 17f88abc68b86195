import type { Digest } from "../../src/core/digest.ts";
import type { Want } from "../../src/core/distfile.ts";
import type { ClaimBox, ClaimLan } from "./claim-lan.ts";

/** What a box gives of a blob now. */
export interface Given {
  readonly received: number;
  readonly isRoot: boolean;
  read(position: number, length: number): Promise<Buffer>;
  close(): void;
}

/** A box of a simulated LAN, as its sources and the members that mean ill see it. */
export interface SimulatedBox {
  readonly lan: SimulatedLan;
  readonly self: ClaimBox;
  /** Whom it reads from and waits for. */
  source: SimulatedBox | undefined;
  /** Upstream is giving it bytes, or is about to. */
  isAtUpstream: boolean;
  /** Set where it means ill: how it answers who wants to read. */
  readonly evil: { readonly answers: "not at all" | "that it is busy" | "that it lacks it" } | undefined;
  /** It is gone, and nobody has noticed. */
  readonly isGoneUnnoticed: boolean;
  /** Its program is gone: whoever reads from it sees that, if the line is not. */
  readonly hasClosed: boolean;
  /** Whether it holds a blob, whose bytes are right. */
  has(digest: Digest): boolean;
  /** What it can give of a blob; undefined when it has nothing of it. */
  open(digest: Digest): Given | undefined;
  reaches(box: SimulatedBox): boolean;
}

/** A mirror of a simulated world. */
export interface SimulatedMirror {
  readonly name: string;
  /** Boxes that it does not answer. */
  readonly refused: ReadonlySet<SimulatedBox>;
  /** The next download that comes past this byte gets it wrong; undefined: none does. */
  wrongAt: number | undefined;
}

/** A simulated LAN. */
export interface SimulatedLan {
  readonly claims: ClaimLan;
  readonly boxes: readonly SimulatedBox[];
  /** Of each blob, in bytes. */
  readonly size: number;
  /** The blob that is wanted now. */
  readonly wanted: Want;
  /** In the order in which they are asked. */
  readonly mirrors: readonly SimulatedMirror[];
  /** Boxes whose upstream sends nothing now. */
  readonly silent: ReadonlySet<SimulatedBox>;
  boxOf(id: string): SimulatedBox;
  /** The box that reads from a box now, beside the one that asks. */
  readerOf(giver: SimulatedBox, asking: SimulatedBox): SimulatedBox | undefined;
  /** Whether a connection was broken off, which both ends see. */
  hasReset(a: SimulatedBox, b: SimulatedBox): boolean;
  /** Upstream gave a box a byte. */
  upstreamGave(box: SimulatedBox, which: { readonly isFirst: boolean }): void;
  /** A box reads from another one from now on. */
  follows(box: SimulatedBox, giver: SimulatedBox): void;
}
