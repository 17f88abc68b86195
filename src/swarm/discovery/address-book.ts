import type { Database } from "../../core/database.ts";

/** Boxes remembered at most, and for how long. */
const MAX_BOXES = 256;
const REMEMBER_MS = 30 * 24 * 3600 * 1000;
/** Those beyond that are forgotten at every so many notes, and at the start. */
const TIDY_EVERY = 64;

/** Where a member was seen last. */
interface Remembered {
  readonly host: string;
  readonly port: number;
  /** Milliseconds since 1970. */
  readonly seen: number;
}

/** Where members were in earlier runs, by id: one of them leads to the rest. */
export class AddressBook {
  readonly #records;
  #notes = 0;

  constructor({ db }: { readonly db: Database }) {
    this.#records = db.sublevel<string, Remembered>("swarm-boxes", { valueEncoding: "json" });
  }

  /** Notes where a member is now. */
  async put(id: string, place: { host: string; port: number }): Promise<void> {
    await this.#records.put(id, { host: place.host, port: place.port, seen: Date.now() });
    this.#notes += 1;
    if (this.#notes % TIDY_EVERY === 0) await this.load();
  }

  /** Those seen lately, last seen first; the others are forgotten. */
  async load(): Promise<(Remembered & { readonly id: string })[]> {
    const all = (await this.#records.iterator().all()).map(([id, record]) => ({ ...record, id }));
    all.sort((a, b) => b.seen - a.seen);
    const oldest = Date.now() - REMEMBER_MS;
    const kept = all.filter(({ seen }, index) => seen > oldest && index < MAX_BOXES);
    const stale = all.slice(kept.length);
    await this.#records.batch(stale.map(({ id }) => ({ type: "del" as const, key: id })));
    return kept;
  }

  /** Forgets all: they were members of another network. */
  async clear(): Promise<void> {
    await this.#records.clear();
  }
}
