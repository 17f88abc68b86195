import type { BlobStore, Ingest } from "../core/blob-store.ts";
import type { Distfile } from "../core/distfile.ts";
import { messageOf } from "../core/errors.ts";
import type { Startable } from "../core/lifecycle.ts";
import type { Logger } from "../core/logger.ts";
import { Pulse } from "../core/async/pulse.ts";
import type { Tap } from "./pass-reply.ts";

/** A passing body that is being taken into the store beside the client. */
export interface Keeping {
  readonly tap: Tap;
  /** The body has ended: it is kept if its digest is right, else dropped. */
  end(): Promise<void>;
  /** The body broke off, or the client left. */
  cancel(): Promise<void>;
}

/** What the keeper uses of the store. */
type KeeperStore = Pick<BlobStore, "find" | "isIngesting" | "ingest">;

/**
 * Keeps a body that passes through and turns out to have a known digest: what was asked for under a URL that tells
 * nothing (an overlay's SRC_URI) but ends in a distfile's name and has its size.
 */
export class Keeper implements Startable {
  readonly #store: KeeperStore;
  readonly #log: Logger;
  /** Bodies that are being kept, until they are committed or dropped. */
  #underWay = 0;
  readonly #ended = new Pulse();

  constructor(components: { store: KeeperStore; log: Logger }) {
    this.#store = components.store;
    this.#log = components.log;
  }

  async start(): Promise<void> {}

  /** Waits for all that is being kept, as the store must outlast it; with the doors closed nothing lasts long. */
  async stop(): Promise<void> {
    while (this.#underWay > 0) await this.#ended.wait();
  }

  /**
   * Begins to keep a body of `length` bytes that may be one of `candidates`; undefined when none fits, or it is here.
   */
  async begin(candidates: readonly Distfile[], length: number): Promise<Keeping | undefined> {
    const fits = candidates.filter((candidate) => candidate.size === length);
    const [only] = fits;
    if (only === undefined || fits.length > 1) return undefined;
    this.#underWay += 1;
    const ingest = await this.#open(only);
    if (ingest !== undefined) return this.#keeping(only, ingest);
    this.#end();
    return undefined;
  }

  #end(): void {
    this.#underWay -= 1;
    this.#ended.fire();
  }

  async #open(distfile: Distfile): Promise<Ingest | undefined> {
    try {
      if ((await this.#store.find(distfile.digest)) !== undefined) return undefined;
      // The client does not wait for anybody else's download of the same file. No time passes from here to the turn.
      if (this.#store.isIngesting(distfile.digest)) return undefined;
      return await this.#begunAnew(await this.#store.ingest(distfile));
    } catch (error) {
      this.#log.debug(`${distfile.name} passes through without being kept: ${messageOf(error)}`);
      return undefined;
    }
  }

  async #begunAnew(ingest: Ingest): Promise<Ingest> {
    try {
      if (ingest.received > 0) await ingest.restart();
      return ingest;
    } catch (error) {
      await ingest.close({ keep: false });
      throw error;
    }
  }

  #keeping(distfile: Distfile, ingest: Ingest): Keeping {
    let whole = true;
    const finish = (keep: boolean): Promise<void> =>
      this.#finish(distfile, ingest, keep && whole).finally(() => this.#end());
    return {
      tap: (chunk) =>
        ingest.write(chunk).catch(() => {
          whole = false; // the client's bytes matter more than our copy
        }),
      end: () => finish(true),
      cancel: () => finish(false),
    };
  }

  async #finish(distfile: Distfile, ingest: Ingest, whole: boolean): Promise<void> {
    try {
      if (whole && (await ingest.verify())) {
        await ingest.commit();
        this.#log.info(`${distfile.name}: passed through and kept`);
      }
    } catch (error) {
      this.#log.warn(`${distfile.name} passed through but was not kept: ${messageOf(error)}`);
    } finally {
      await ingest.close({ keep: false }).catch((error: unknown) => this.#log.warn(messageOf(error)));
    }
  }
}
