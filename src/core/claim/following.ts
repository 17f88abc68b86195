import type { RivalClaim } from "./claims.ts";

/**
 * A box that is followed for so long without a byte, though it says that it has some or claims anew, gives none. Longer than
 * a claim is silent before another box takes over: that is the way when upstream gives it nothing.
 */
const IN_VAIN_MS = 8000;

/** What it costs to give way to another box: upstream is opened anew when that one gives nothing. */
const GIVING_WAY_MS = 2000;

/** How long other boxes are followed without a byte of theirs: all of them since the last one, and each by itself. */
export class Following {
  readonly #now: () => number;
  /** Whom the time since the last look is put down to. */
  #rival: RivalClaim | undefined;
  #couldGive = false;
  #lookedAt = 0;
  /** Milliseconds without a byte, over all boxes. */
  #idleMs = 0;
  /** Milliseconds in which a box could have given some, by its id. */
  readonly #inVainMs = new Map<string, number>();

  /** `now`: milliseconds since some moment. */
  constructor({ now }: { readonly now: () => number }) {
    this.#now = now;
  }

  /** Milliseconds in which other boxes have been followed since they gave a byte. */
  get idleMs(): number {
    this.#count();
    return this.#idleMs;
  }

  /** From now on this box is followed, or none, with `received` bytes here. */
  look(rival: RivalClaim | undefined, received: number): void {
    this.#count();
    this.#rival = rival;
    // one that has fewer bytes than are here may be on its way to them; one without any has nothing to show for its claim
    this.#couldGive = rival !== undefined && (rival.received > received || rival.received === 0);
  }

  /** A claim was given up for that of a box. */
  gaveWay(id: string): void {
    this.#charge(id, GIVING_WAY_MS);
  }

  /** Other boxes gave bytes. What upstream gave meanwhile tells nothing of them. */
  grew(): void {
    this.#lookedAt = this.#now();
    this.#idleMs = 0;
    this.#inVainMs.clear();
  }

  /** Whether a box has been followed in vain. */
  isInVain(id: string): boolean {
    this.#count();
    return (this.#inVainMs.get(id) ?? 0) > IN_VAIN_MS;
  }

  /** A box has been judged by it. */
  forget(id: string): void {
    this.#inVainMs.delete(id);
  }

  #count(): void {
    const now = this.#now();
    const ms = now - this.#lookedAt;
    this.#lookedAt = now;
    if (this.#rival === undefined) return;
    this.#idleMs += ms;
    if (this.#couldGive) this.#charge(this.#rival.id, ms);
  }

  #charge(id: string, ms: number): void {
    this.#inVainMs.set(id, (this.#inVainMs.get(id) ?? 0) + ms);
  }
}
