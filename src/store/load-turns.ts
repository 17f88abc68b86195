import fastq from "fastq";

/** Loads at once, over all readers. */
const LOADS_AT_ONCE = 2;

/**
 * Whose turn it is to load a chunk. Reading and checking 1 MiB costs about a millisecond of CPU, and handing it to a socket
 * another one: where fifty readers begin in the same moment, the last would wait for the bytes of all others before it is
 * even greeted. So the loop looks after new requests in between, and no more chunks are in memory than sockets can take.
 */
export class LoadTurns {
  readonly #queue = fastq.promise((load: () => Promise<Buffer>) => load(), LOADS_AT_ONCE);

  /** Does one load when its turn comes, first come first served. */
  run(load: () => Promise<Buffer>): Promise<Buffer> {
    return this.#queue.push(load);
  }
}
