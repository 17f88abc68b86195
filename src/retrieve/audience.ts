import type { FlightReader } from "./flight-reader.ts";

/** Who waits for the bytes of a flight: clients, who read it, and others, who want it to go on. */
export class Audience {
  readonly #readers = new Set<FlightReader>();
  /** Peers, and those who only want it kept. */
  #others = 0;

  /** How many clients read it. */
  get clients(): number {
    return this.#readers.size;
  }

  /** Whether somebody wants it to go on without reading it as a client does. */
  get hasOthers(): boolean {
    return this.#others > 0;
  }

  get isEmpty(): boolean {
    return this.#readers.size + this.#others === 0;
  }

  /** Whether a client may have got bytes of it. */
  get hasBegun(): boolean {
    return [...this.#readers].some((reader) => reader.begun);
  }

  /** The next byte of each client. */
  get positions(): readonly number[] {
    return [...this.#readers].map((reader) => reader.position);
  }

  add(reader: FlightReader): void {
    this.#readers.add(reader);
  }

  remove(reader: FlightReader): void {
    this.#readers.delete(reader);
  }

  /** One more who only wants it to go on. */
  hold(): void {
    this.#others += 1;
  }

  /** One of these has left. */
  letGo(): void {
    this.#others -= 1;
  }
}
