/**
 * Those who have not shown yet who they are, bounded in all and for each address. Where there are too many the oldest has
 * to go: who waits in vain loses its place, and who shows at once what it has gets through.
 */
export class Crowd<T> implements Iterable<T> {
  readonly #max: number;
  readonly #maxOfAddress: number;
  /** The oldest first. */
  readonly #addresses = new Map<T, string>();

  constructor(init: { readonly max: number; readonly maxOfAddress: number }) {
    this.#max = init.max;
    this.#maxOfAddress = init.maxOfAddress;
  }

  /** Takes one in. Returns who has to go for it: the oldest of its address, else of all; it is not in the crowd any more. */
  add(one: T, address: string): T | undefined {
    this.#addresses.set(one, address);
    const all = [...this.#addresses];
    const ofAddress = all.filter(([, other]) => other === address);
    const tooMany = ofAddress.length > this.#maxOfAddress ? ofAddress : all.length > this.#max ? all : [];
    const leaving = tooMany[0]?.[0];
    if (leaving !== undefined) this.delete(leaving);
    return leaving;
  }

  /** It has shown who it is, or has left. */
  delete(one: T): void {
    this.#addresses.delete(one);
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#addresses.keys();
  }
}
