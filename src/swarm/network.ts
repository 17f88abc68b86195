import type { Database } from "../core/database.ts";
import { hasCode, messageOf } from "../core/errors.ts";
import type { Startable } from "../core/lifecycle.ts";
import type { Logger } from "../core/logger.ts";
import { OneByOne } from "../core/async/one-by-one.ts";
import { AddressBook } from "./discovery/address-book.ts";
import type { Identity } from "./identity.ts";
import { Mesh, type MeshInit } from "./mesh.ts";
import { NetworkKey } from "./network-key.ts";
import { NetworkKeyFile } from "./network-key-file.ts";
import type { PeerTable } from "./peer-table.ts";
import type { Place } from "./transport.ts";

/** What the network uses. */
interface NetworkComponents {
  readonly identity: Identity;
  readonly db: Database;
  readonly log: Logger;
  /** The sessions with its members. */
  readonly table: PeerTable;
  /** Whether a box is listed in `swarm.deny`. */
  readonly isDenied: (id: string) => boolean;
  /** Sees to it that there is something to tell the members; awaited at each start. */
  readonly prepare: () => Promise<void>;
}

/** What may be set of the network. */
export interface NetworkInit extends MeshInit {
  /** Where `network.key` lies. */
  readonly stateDir: string;
}

/**
 * The network that this box is in: its key, what finds its members, and where they were in earlier runs. With another key
 * in the file it is another network, from the first member to the last.
 */
export class Network implements Startable {
  readonly #components: NetworkComponents;
  readonly #init: NetworkInit;
  readonly #book: AddressBook;
  readonly #keyFile: NetworkKeyFile;
  #mesh: Mesh;
  /** Starting, stopping and changing the network, whoever asks for them at the same time. */
  readonly #changes = new OneByOne();
  #isStarted = false;

  constructor(components: NetworkComponents, init: NetworkInit) {
    this.#components = components;
    this.#init = init;
    this.#book = new AddressBook(components);
    this.#keyFile = new NetworkKeyFile(
      { log: components.log, changed: () => this.#changes.run(() => this.#change()) },
      { stateDir: init.stateDir, key: init.networkKey },
    );
    this.#mesh = this.#makeMesh();
  }

  /** What finds the members: another one after each change of the key. */
  get mesh(): Mesh {
    return this.#mesh;
  }

  /**
   * Begins to look for members. Where the native parts do not load, it says so and stays alone.
   *
   * @throws {DistswarmError} `ADDRESS_IN_USE` when the UDP port is taken, `INVALID_CONFIG`.
   */
  start(): Promise<void> {
    return this.#changes.run(async () => {
      if (this.#isStarted) return;
      this.#isStarted = true;
      await this.#components.prepare();
      await this.#startMesh();
      await this.#keyFile.start();
    });
  }

  async stop(): Promise<void> {
    const stopped = this.#changes.run(async () => {
      if (!this.#isStarted) return;
      this.#isStarted = false;
      await this.#stopMesh("the agent is stopping");
    });
    // not in its turn: it may have to wait for a change of the network, which is one
    await stopped.finally(() => this.#keyFile.stop());
  }

  /** The network key as text: a secret. */
  invite(): string {
    return this.#keyFile.key.reveal();
  }

  /**
   * Changes to another network, for good: all sessions end, and the members of the old one are no members any more.
   *
   * @throws {DistswarmError} `INVALID_NETWORK_KEY` with what is wrong with the text; nothing has changed then.
   * `ADDRESS_IN_USE` when the swarm cannot begin anew; that is tried again until it can.
   */
  async join(text: string): Promise<void> {
    await this.#keyFile.replace(NetworkKey.parse(text));
  }

  /** Reads `network.key` now, and changes to its network where it holds another key, as {@link join} does. */
  async lookAtKey(): Promise<void> {
    await this.#keyFile.look();
  }

  /** What is wrong with the key's file, in one line with the mend. */
  warnings(): readonly string[] {
    return this.#keyFile.warnings();
  }

  /** Notes where a member is, for the next start. */
  remember(id: string, place: Place): void {
    const { log } = this.#components;
    void this.#book.put(id, place).catch((error: unknown) => log.warn(messageOf(error)));
  }

  #makeMesh(): Mesh {
    const { identity, log, table, isDenied } = this.#components;
    const { key } = this.#keyFile;
    return new Mesh(
      {
        identity,
        log,
        isConnected: (id) => table.isConnected(id),
        isDenied,
        isShunned: (id) => table.isShunned(id),
        connected: (stream) => table.connected(stream, key),
        denied: () => table.rejections.count("denied"),
      },
      { ...this.#init, networkKey: key },
    );
  }

  async #change(): Promise<void> {
    await this.#stopMesh("the network key has changed");
    this.#components.table.forgetNetwork();
    await this.#book.clear();
    this.#mesh = this.#makeMesh();
    if (this.#isStarted) await this.#startMesh();
  }

  async #startMesh(): Promise<void> {
    try {
      await this.#mesh.start();
    } catch (error) {
      if (!hasCode(error, "SWARM_UNAVAILABLE")) throw error;
      this.#components.log.warn(error.facts, error.message);
      return this.#mesh.stop(); // to try again would be in vain
    }
    for (const { id, host, port } of await this.#book.load()) this.#mesh.learn(id, { host, port }, "remembered");
  }

  async #stopMesh(reason: string): Promise<void> {
    const stopped = this.#mesh.stop(); // first: connections that end are not made anew
    this.#components.table.closeAll(reason);
    await stopped;
  }
}
