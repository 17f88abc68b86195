import { EventEmitter } from "node:events";
import { join } from "node:path";
import type { BlobClaims } from "../core/claim/claims.ts";
import type { Database } from "../core/database.ts";
import type { Digest } from "../core/digest.ts";
import type { Directory, Holder } from "../core/directory.ts";
import type { Startable } from "../core/lifecycle.ts";
import type { Logger } from "../core/logger.ts";
import type { SnapshotAnnouncement } from "../core/snapshots.ts";
import { IDENTITY_FILE, type Identity } from "./identity.ts";
import { LocalHaves } from "./local-haves.ts";
import { helloHost } from "./messages.ts";
import { Network, type NetworkInit } from "./network.ts";
import { PeerTable } from "./peer-table.ts";
import { exposureOf } from "./secret-file.ts";
import { announcementsOf, unitsOf } from "./snapshot-units.ts";
import { noSession, unreached, type SwarmReport } from "./swarm-report.ts";

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
export interface SwarmInit extends NetworkInit {
  /** Ids of boxes that are shut out though they hold the network key. */
  readonly deny: readonly string[];
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
export class Swarm extends EventEmitter<SwarmEvents> implements Directory, Startable {
  readonly #components: SwarmComponents;
  readonly #identityFile: string;
  readonly #local = new LocalHaves();
  readonly #table: PeerTable;
  readonly #network: Network;
  #denied: ReadonlySet<string>;
  #loading: Promise<void> | undefined;

  constructor(components: SwarmComponents, init: SwarmInit) {
    super();
    const { host, version, listen } = init;
    this.#components = components;
    this.#identityFile = join(init.stateDir, IDENTITY_FILE);
    this.#denied = new Set(init.deny);
    this.#table = new PeerTable(
      {
        ownId: components.identity.id,
        local: this.#local,
        log: components.log,
        received: components.received,
        isShutOut: components.isShutOut,
        accepts: (address) => this.accepts(address),
        isDenied: (id) => this.#denied.has(id),
        learn: (id, place, how, teller) => this.#network.mesh.learn(id, place, how, teller),
        arrived: (id, place) => this.#network.remember(id, place),
        announced: (id, units) => void this.emit("announced", id, announcementsOf(units)),
        left: (id) => void this.emit("left", id),
      },
      { host: helloHost(host), version, port: listen.port },
    );
    this.#network = new Network(
      { ...components, table: this.#table, isDenied: (id) => this.#denied.has(id), prepare: () => this.#prepare() },
      init,
    );
  }

  /** See {@link Network.start}: where the native parts do not load, the agent goes on without a swarm. */
  start(): Promise<void> {
    return this.#network.start();
  }

  stop(): Promise<void> {
    return this.#network.stop();
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

  // --- what the data plane asks ---

  /**
   * Who can give a blob, from memory: those who hold it whole, in another order each time so that no box is always asked
   * first, then those who are fetching it. Peers whose TCP port is closed are not among them.
   */
  holders(digest: Digest): Holder[] {
    return this.#table.holders(digest);
  }

  /** See {@link Directory.peer}. */
  peer(id: string): Holder | undefined {
    return this.#table.holder(id, { growing: true });
  }

  /** Whether a box with this key may ask for blobs: it has proved the network key, in a session now or lately. */
  admits(id: string): boolean {
    return this.#table.admits(id);
  }

  /** Whether a box at this address may be talked to: `swarm.networks`. */
  accepts(host: string): boolean {
    return this.#network.mesh.accepts(host);
  }

  /** See {@link Directory.disown}. */
  disown(id: string, digest: Digest): void {
    this.#table.disown(id, digest);
  }

  // --- what the retriever asks ---

  /** One download on the LAN of a blob that nobody has. */
  get blobClaims(): BlobClaims {
    return this.#table.upstreamClaims;
  }

  // --- steering and status ---

  /** See {@link Network.invite}. */
  invite(): string {
    return this.#network.invite();
  }

  /** See {@link Network.join}. */
  join(text: string): Promise<void> {
    return this.#network.join(text);
  }

  /** See {@link Network.lookAtKey}. */
  lookAtKey(): Promise<void> {
    return this.#network.lookAtKey();
  }

  /** Shuts out the boxes with these ids from now on, and no others; who is here is dropped at once. */
  deny(ids: readonly string[]): void {
    this.#denied = new Set(ids);
    for (const id of ids) this.#table.expel(id, "the box is listed in swarm.deny");
  }

  /** What an administrator should know or mend, each one plain line. */
  warnings(): readonly string[] {
    return [
      ...(this.#network.mesh.problem === undefined ? [] : [this.#network.mesh.problem]),
      ...this.#identityProblems(),
      ...this.#network.warnings(),
      ...this.#table.warnings(),
      ...this.#network.mesh.unanswered.map(noSession),
      ...(this.#table.isAlone ? unreached(this.#network.mesh.staticPeers) : []),
    ];
  }

  /** For status and `peers`. */
  status(): SwarmReport {
    return {
      peers: this.#table.statuses((id) => this.#network.mesh.foundBy(id)),
      addresses: this.#network.mesh.addresses,
      port: this.#table.ownPort(),
      rejected: this.#table.rejections.counts(),
      last_rejected: this.#table.rejections.last(),
      static: this.#network.mesh.staticPeers,
      haves: this.#table.haves,
      ...(this.#network.mesh.problem === undefined ? {} : { problem: this.#network.mesh.problem }),
      ...(this.#network.mesh.unoffered === undefined ? {} : { unoffered: this.#network.mesh.unoffered }),
    };
  }

  /** Says what is wrong with this box's key, and reads what it can give, once. */
  async #prepare(): Promise<void> {
    for (const problem of this.#identityProblems()) this.#components.log.warn(problem);
    await (this.#loading ??= this.#load());
  }

  async #load(): Promise<void> {
    for await (const digest of this.#components.haves()) this.#local.add(digest);
  }

  /** Others may read the key of this box, or have it; of the network's key {@link Network.warnings} tells. */
  #identityProblems(): string[] {
    const path = this.#identityFile;
    return [exposureOf(path), this.#network.mesh.twinProblem(path)].filter((problem) => problem !== undefined);
  }
}
