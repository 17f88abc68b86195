/**
 * Shares the cost of one retrieval among the clients that it serves: each byte counts once as come from its source, for
 * whoever is given it first. What is given beyond that cost nobody anything.
 */
export class Charges {
  #left: number;

  /** `size`: of the blob, in bytes. */
  constructor(size: number) {
    this.#left = size;
  }

  /** Told how many bytes a client was given: how many of these it is charged with. */
  charge(given: number): number {
    const charged = Math.min(given, this.#left);
    this.#left -= charged;
    return charged;
  }
}
