import type { Source } from "../core/source.ts";
import type { RacingWay } from "./race.ts";
import type { Opponent } from "./trial.ts";

/** What does not prove faster within so many milliseconds of being asked is not. */
const TRIAL_MS = 3000;

/** A source that gives, against which others are raced. */
export class Giver {
  readonly source: Source;
  /** Bytes a second that it gave when that began. */
  readonly rate: number;
  /** Resolves when nothing more comes from it. */
  readonly ended: Promise<void>;
  #isOver = false;

  constructor(source: Source, { rate, ended }: { readonly rate: number; readonly ended: Promise<void> }) {
    this.source = source;
    this.rate = rate;
    this.ended = ended.then(() => void (this.#isOver = true));
  }

  /** Whether nothing more comes from it. */
  get isOver(): boolean {
    return this.#isOver;
  }
}

/** A newcomer's race against the source that gives, as long as it is not decided. */
export class Duel implements Opponent {
  readonly #giver: Giver;
  readonly #way: RacingWay;
  readonly #decided: (outcome: { readonly isWon: boolean }) => void;
  #timer: NodeJS.Timeout | undefined;
  #isDecided = false;
  /** Whether the newcomer gives now: it was faster, or the other one broke off. */
  isWon = false;

  /** `way`: the newcomer's. `decided` is told when one has turned out to be faster; not when one of them breaks off. */
  constructor(
    giver: Giver,
    way: RacingWay,
    { decided }: { readonly decided: (outcome: { readonly isWon: boolean }) => void },
  ) {
    this.#giver = giver;
    this.#way = way;
    this.#decided = decided;
    // the newcomer is all there is then: it has the time that it would have alone
    void giver.ended.then(() => clearTimeout(this.#timer));
  }

  /** See {@link Opponent.rate}. */
  get rate(): number {
    return this.#giver.rate;
  }

  /** See {@link Opponent.asked}. */
  asked(): void {
    if (!this.isOver()) this.#timer ??= setTimeout(() => this.prevailed(), TRIAL_MS);
  }

  /** See {@link Opponent.isOver}. */
  isOver(): boolean {
    return this.#giver.isOver;
  }

  /** See {@link Opponent.outpaced}. */
  async outpaced(): Promise<void> {
    const { source, ended } = this.#giver;
    this.#way.brought();
    clearTimeout(this.#timer);
    this.isWon = true;
    if (this.isOver()) return;
    source.outpaced?.();
    this.#decide({ isWon: true });
    await ended;
  }

  /** See {@link Opponent.prevailed}. */
  prevailed(): Error {
    const reason = new Error(`no faster than ${this.#giver.source.label}`);
    this.#decide({ isWon: false });
    this.#way.giveUp(reason);
    return reason;
  }

  /** It is over, unless it is won: what the newcomer has yet to bring is not wanted. */
  end(): void {
    clearTimeout(this.#timer);
    this.#way.giveUp(new Error("not needed any more"));
  }

  #decide(outcome: { readonly isWon: boolean }): void {
    if (!this.#isDecided) this.#decided(outcome);
    this.#isDecided = true;
  }
}
