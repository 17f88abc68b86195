/**
 * A map of at most so many entries: the one set longest ago is forgotten for one too many. For what strangers can make this
 * box remember. It iterates from the oldest to the newest; setting an entry again makes it the newest.
 */
export class BoundedMap<K, V> extends Map<K, V> {
  readonly #max: number;

  /** @param max entries, at least 1. */
  constructor(max: number) {
    super();
    this.#max = max;
  }

  override set(key: K, value: V): this {
    this.delete(key);
    super.set(key, value);
    if (this.size > this.#max) this.delete(this.keys().next().value!);
    return this;
  }
}
