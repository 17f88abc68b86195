import { EventEmitter } from "node:events";
import { join } from "node:path";
import type { BlobClaims } from "../core/claims.ts";
import type { Database } from "../core/database.ts";
import type { Digest } from "../core/digest.ts";
import { hasCode, messageOf } from "../core/errors.ts";
import type { Startable } from "../core/lifecycle.ts";
import type { Logger } from "../core/logger.ts";
import { OneByOne } from "../core/one-by-one.ts";
import type { SnapshotAnnouncement } from "../core/snapshots.ts";
import { AddressBook } from "./discovery/address-book.ts";
import { IDENTITY_FILE, type Identity } from "./identity.ts";
import { LocalHaves } from "./local-haves.ts";
import { Mesh, type MeshInit } from "./mesh.ts";
import { helloHost } from "./messages.ts";
import { NetworkKey } from "./network-key.ts";
import { NetworkKeyFile } from "./network-key-file.ts";
import { PeerTable } from "./peer-table.ts";
import type { Holder } from "./peer.ts";
import { exposureOf } from "./secret-file.ts";
import { announcementsOf, unitsOf } from "./snapshot-units.ts";
import { type SwarmReport, unreached } from "./swarm-report.ts";

/** What the swarm uses. */
interface SwarmComponents {
  readonly identity: Identity;
  readonly db: Database;
  readonly log: Logger;
  /** Every blob that this box can give, read once at the first start. */
  readonly haves: () => AsyncIterable<Digest>;
  /** Bytes of a blob on its way here that peers can read; 0 when none is. */
  readonly received: (digest: Digest) => number;
  /** Whether nothing of a subject is taken from a box now: it lied, or is left for a faster one. */
  readonly isShutOut: (id: string, subject: Digest) => boolean;
}

/** What may be set of the swarm. */
export interface SwarmInit extends MeshInit {
  /** Ids of boxes that are shut out though they hold the network key. */
  readonly deny: readonly string[];
  /** Where `network.key` lies. */
  readonly stateDir: string;
  /** The name of this box, for people. */
  readonly host: string;
  readonly version: string;
}

/** Events of the swarm. */
interface SwarmEvents {
  /** All tree snapshots that a peer (by its id) announces now: a word, nothing more. */
  announced: [peer: string, announcements: readonly SnapshotAnnouncement[]];
  /** The session with a peer has ended: what it announced counts no more. */
  left: [peer: string];
}

/**
 * The control plane: finds the other boxes, keeps a session with each, and knows who holds and who is fetching what. It
 * never moves the bytes of a blob.
 */
export class Swarm extends EventEmitter<SwarmEvents> implements Startable {
  readonly #components: SwarmComponents;
  readonly #init: SwarmInit;
  readonly #local = new LocalHaves();
  readonly #book: AddressBook;
  readonly #table: PeerTable;
  readonly #keyFile: NetworkKeyFile;
  #denied: ReadonlySet<string>;
  #mesh: Mesh;
  /** Starting, stopping and changing the network, whoever asks for them at the same time. */
  readonly #changes = new OneByOne();
  #loading: Promise<void> | undefined;
  #isStarted = false;

  constructor(components: SwarmComponents, init: SwarmInit) {
    super();
    const { host, version, listen } = init;
    this.#components = components;
    this.#init = init;
    this.#denied = new Set(init.deny);
    this.#keyFile = new NetworkKeyFile(
      { log: components.log, changed: () => this.#changes.run(() => this.#changeNetwork()) },
      { stateDir: init.stateDir, key: init.networkKey },
    );
    this.#book = new AddressBook(components);
    this.#table = new PeerTable(
      {
        ownId: components.identity.id,
        local: this.#local,
        log: components.log,
        received: components.received,
        isShutOut: components.isShutOut,
        accepts: (address) => this.accepts(address),
        isDenied: (id) => this.#denied.has(id),
        learn: (id, place, how, teller) => this.#mesh.learn(id, place, how, teller),
        arrived: (id, place) =>
          void this.#book.put(id, place).catch((error: unknown) => components.log.warn(messageOf(error))),
        announced: (id, units) => void this.emit("announced", id, announcementsOf(units)),
        left: (id) => void this.emit("left", id),
      },
      { host: helloHost(host), version, port: listen.port },
    );
    this.#mesh = this.#makeMesh();
  }

  /**
   * Begins to look for peers. Where the native parts do not load, it says so and the agent goes on without a swarm.
   *
   * @throws {DistswarmError} `ADDRESS_IN_USE` when the UDP port is taken, `INVALID_CONFIG`.
   */
  start(): Promise<void> {
    return this.#changes.run(async () => {
      if (this.#isStarted) return;
      this.#isStarted = true;
      for (const problem of this.#identityProblems()) this.#components.log.warn(problem);
      await (this.#loading ??= this.#load());
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

  // --- what this box holds, as the store and the retriever tell ---

  /** A blob can be read here from now on. */
  added(digest: Digest): void {
    if (this.#local.add(digest)) this.#table.tellChanged();
  }

  /** A blob is gone. */
  removed(digest: Digest): void {
    if (this.#local.remove(digest)) this.#table.tellChanged();
  }

  // --- tree snapshots ---

  /** These are the tree snapshots that this box keeps, verified: all peers are told, also those that come later. */
  announce(announcements: readonly SnapshotAnnouncement[]): void {
    this.#table.tellSnapshots(unitsOf(announcements));
  }

  /** One download on the LAN of a blob that nobody has. */
  get blobClaims(): BlobClaims {
    return this.#table.upstreamClaims;
  }

  // --- what the data plane asks ---

  /**
   * Who can give a blob, from memory: those who hold it whole, in another order each time so that no box is always asked
   * first, then those who are fetching it. Peers whose TCP port is closed are not among them.
   */
  holders(digest: Digest): Holder[] {
    return this.#table.holders(digest);
  }

  /** The peer with this id, as one that may be fetching a blob; undefined without a session. */
  peer(id: string): Holder | undefined {
    return this.#table.holder(id, { growing: true });
  }

  /** Whether a box with this key may ask for blobs: it has proved the network key, in a session now or lately. */
  admits(id: string): boolean {
    return this.#table.admits(id);
  }

  /** Whether a box at this address may be talked to: `swarm.networks`. */
  accepts(host: string): boolean {
    return this.#mesh.accepts(host);
  }

  /** A peer said that it does not have a blob after all. */
  disown(id: string, digest: Digest): void {
    this.#table.disown(id, digest);
  }

  // --- steering and status ---

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

  /** Shuts out the boxes with these ids from now on, and no others; who is here is dropped at once. */
  deny(ids: readonly string[]): void {
    this.#denied = new Set(ids);
    for (const id of ids) this.#table.expel(id, "the box is listed in swarm.deny");
  }

  /** What an administrator should know or mend, each one plain line. */
  warnings(): readonly string[] {
    return [
      ...(this.#mesh.problem === undefined ? [] : [this.#mesh.problem]),
      ...this.#identityProblems(),
      ...this.#keyFile.warnings(),
      ...this.#table.warnings(),
      ...(this.#table.isAlone ? unreached(this.#mesh.staticPeers) : []),
    ];
  }

  /** For status and `peers`. */
  status(): SwarmReport {
    return {
      peers: this.#table.statuses((id) => this.#mesh.foundBy(id)),
      addresses: this.#mesh.addresses,
      port: this.#table.ownPort(),
      rejected: this.#table.rejections.counts(),
      last_rejected: this.#table.rejections.last(),
      static: this.#mesh.staticPeers,
      haves: this.#table.haves,
      ...(this.#mesh.problem === undefined ? {} : { problem: this.#mesh.problem }),
      ...(this.#mesh.unoffered === undefined ? {} : { unoffered: this.#mesh.unoffered }),
    };
  }

  // --- the mesh ---

  #makeMesh(): Mesh {
    const { identity, log } = this.#components;
    const { key } = this.#keyFile;
    return new Mesh(
      {
        identity,
        log,
        isConnected: (id) => this.#table.isConnected(id),
        isDenied: (id) => this.#denied.has(id),
        isShunned: (id) => this.#table.isShunned(id),
        connected: (stream) => this.#table.connected(stream, key),
        denied: () => this.#table.rejections.count("denied"),
      },
      { ...this.#init, networkKey: key },
    );
  }

  async #changeNetwork(): Promise<void> {
    await this.#stopMesh("the network key has changed");
    this.#table.forgetNetwork();
    await this.#book.clear();
    this.#mesh = this.#makeMesh();
    if (this.#isStarted) await this.#startMesh();
  }

  async #load(): Promise<void> {
    for await (const digest of this.#components.haves()) this.#local.add(digest);
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
    this.#table.closeAll(reason);
    await stopped;
  }

  /** Others may read the key of this box, or have it; of the network's key {@link NetworkKeyFile.warnings} tells. */
  #identityProblems(): string[] {
    const path = join(this.#init.stateDir, IDENTITY_FILE);
    return [exposureOf(path), this.#mesh.twinProblem(path)].filter((problem) => problem !== undefined);
  }
}
