import { EventEmitter } from "node:events";
import type { BlobClaims } from "../core/claim/claims.ts";
import type { Database } from "../core/database.ts";
import type { Digest } from "../core/digest.ts";
import { messageOf } from "../core/errors.ts";
import type { GrowingCopy } from "../core/growing-copy.ts";
import type { Startable } from "../core/lifecycle.ts";
import type { Logger } from "../core/logger.ts";
import {
  SNAPSHOT_PARTS,
  type SnapshotAnnouncement,
  type SnapshotContent,
  type SnapshotFile,
  type SnapshotServer,
  type SnapshotStatus,
} from "../core/snapshots.ts";
import type { SourceFinder } from "../core/source.ts";
import type { TransferStatus } from "../core/report/transfer-status.ts";
import { Adoption } from "./adoption.ts";
import { Fetcher } from "./fetcher.ts";
import { Guard } from "./guard.ts";
import { Keyring } from "./keyring.ts";
import { parseFileName, unitName } from "./name.ts";
import { Opener } from "./opener.ts";
import { Poller } from "./poller.ts";
import { Puller } from "./puller.ts";
import { Replicator } from "./replicator.ts";
import { Rumours } from "./rumours.ts";
import { announcementOf, Shelf, type ShelfStore, type ShelvedUnit } from "./shelf.ts";
import { Staging } from "./staging.ts";
import type { SnapshotUpstream } from "./upstream-task.ts";

/** How often the keyring and DISTDIR are looked at, and what failed is tried again, in milliseconds. */
const TICK_MS = 60_000;

/** Defaults of {@link SnapshotsInit}. Bytes, and bytes a second. */
const VERIFY_FIRST_BYTES = 16 * 2 ** 20;
const REPLICATE_RATE = 16 * 2 ** 20;

/** What the stage uses. */
export interface SnapshotsComponents {
  /** Started before, stopped after. It must not evict what {@link Snapshots.protects}. */
  readonly store: ShelfStore;
  readonly db: Database;
  readonly upstream: SnapshotUpstream;
  /** Finds peers that hold a blob. */
  readonly peers: SourceFinder;
  /** Ids of all peers with a session now. */
  readonly peerIds: () => readonly string[];
  /** One upstream download on the LAN. @default each box for itself */
  readonly claims?: BlobClaims;
  readonly log: Logger;
}

/** What may be set. */
export interface SnapshotsInit {
  /** This box. */
  readonly id: string;
  /** The keyring file, armored. */
  readonly keyring: string;
  /** A directory for what is not verified yet. */
  readonly stagingDir: string;
  /** How many units are kept, the newest. @default 2 */
  readonly keep?: number;
  /** Tarballs from upstream up to this size wait for their verification. Bytes. @default 16 MiB */
  readonly verifyFirst?: number;
  /** Pull newer announced units in the background. @default true */
  readonly replicate?: boolean;
  /** Bytes a second of a pull that nobody waits for. @default 16 MiB */
  readonly replicateRate?: number;
  /** Take turns with the other boxes in looking for the new day's snapshot. @default false */
  readonly poll?: boolean;
  /** DISTDIR, whose snapshots are adopted. @default none */
  readonly distdir?: string;
  /** Milliseconds since 1970. @default Date.now */
  readonly now?: () => number;
}

/**
 * The tree snapshots of this box: verified, kept, given to clients and told to peers. `changed` is emitted when the
 * announcements are not what they were. Stopped, it is of no more use.
 */
export class Snapshots extends EventEmitter<{ changed: [] }> implements Startable, SnapshotServer {
  readonly #log: Logger;
  readonly #rumours: Rumours;
  readonly #staging: Staging;
  readonly #shelf: Shelf;
  readonly #guard: Guard;
  readonly #fetcher: Fetcher;
  readonly #opener: Opener;
  readonly #puller: Puller;
  readonly #replicator: Replicator | undefined;
  readonly #poller: Poller | undefined;
  readonly #adoption: Adoption | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;

  constructor(components: SnapshotsComponents, init: SnapshotsInit) {
    super();
    const { store, db, upstream, peers, peerIds, claims, log } = components;
    const { keep = 2, verifyFirst = VERIFY_FIRST_BYTES, replicateRate = REPLICATE_RATE, now = Date.now } = init;
    this.#log = log;
    this.#rumours = new Rumours({ now });
    this.#staging = new Staging({ dir: init.stagingDir });
    this.#shelf = new Shelf({ store, db, log, changed: () => this.emit("changed") }, { keep });
    const shared = { shelf: this.#shelf, rumours: this.#rumours, upstream, log };
    const keyring = new Keyring({ path: init.keyring, now });
    this.#guard = new Guard({ ...shared, keyring, store, changed: () => this.#keysChanged() }, { now });
    this.#fetcher = new Fetcher({ ...shared, store, staging: this.#staging, peers, claims }, { verifyFirst });
    const parts = { ...shared, fetcher: this.#fetcher, judgement: (date: string) => this.#guard.judgement(date) };
    this.#opener = new Opener(parts, { now });
    this.#puller = new Puller({ ...parts, guard: this.#guard }, { now });
    if (init.replicate ?? true) this.#replicator = new Replicator(parts, { rate: replicateRate });
    if (init.poll) this.#poller = new Poller({ ...parts, boxes: () => [init.id, ...peerIds()] }, { id: init.id, now });
    if (init.distdir !== undefined) this.#adoption = new Adoption(parts, { dir: init.distdir });
  }

  /** Finds what the last run kept, sweeps what it left half done, and looks at the keyring. Never needs the network. */
  async start(): Promise<void> {
    if (this.#timer !== undefined) return;
    await this.#shelf.start();
    await this.#sweep().catch((error: unknown) => {
      this.#log.warn(`tree snapshots cannot be staged, they pass through and are not kept: ${messageOf(error)}`);
    });
    await this.#guard.look();
    this.#timer = setInterval(() => void this.tick(), TICK_MS).unref();
    void this.tick();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await Promise.all([this.#replicator?.stop(), this.#fetcher.stop()]);
    await this.#looking;
    await this.#poller?.stop();
    await this.#shelf.stop();
  }

  /** See {@link SnapshotServer.find}. */
  async find(name: string): Promise<SnapshotFile | undefined> {
    const asked = parseFileName(name);
    if (asked === undefined || (await this.#guard.judgement(asked.date)) === undefined) return undefined;
    return this.#shelf.find(asked);
  }

  /** See {@link SnapshotServer.open}. */
  async open(name: string, { signal }: { signal: AbortSignal }): Promise<SnapshotContent | undefined> {
    const asked = parseFileName(name);
    return asked && this.#opener.open(asked, signal);
  }

  /** What this box keeps, verified: to be told to the peers at each `changed`. */
  announcements(): readonly SnapshotAnnouncement[] {
    return this.#trusted().map(announcementOf);
  }

  /** A peer's present announcements, all of them, unvalidated as they came off the wire; what is malformed is ignored. */
  heard(peer: string, announcements: unknown): void {
    const heard = this.#rumours.heard(peer, announcements);
    const ignored = Array.isArray(announcements) ? announcements.length - heard.length : 1;
    if (ignored > 0)
      this.#log.warn({ peer }, `ignored ${ignored} announced (MALFORMED): not named or sized as tree snapshots are`);
    this.#replicator?.kick();
  }

  /** The session with a peer has ended. */
  gone(peer: string): void {
    this.#rumours.gone(peer);
  }

  /** Whether a blob belongs to a kept unit: the store must not evict it. */
  protects(digest: Digest): boolean {
    return this.#shelf.protects(digest);
  }

  /** A tarball on its way here, for a peer that asks for it by its {@link subjectOf}; undefined when there is none. */
  openGrowing(subject: Digest): GrowingCopy | undefined {
    return this.#fetcher.transfers.openGrowing(subject);
  }

  /** Bytes of it that peers can read now. */
  received(subject: Digest): number {
    return this.#fetcher.transfers.received(subject);
  }

  /** The kept units, newest first. */
  list(): SnapshotStatus[] {
    return this.#shelf.units().map((unit) => this.#status(unit));
  }

  /** What is on its way here. */
  transfers(): readonly TransferStatus[] {
    return this.#fetcher.transfers.list();
  }

  /** What an administrator should mend, each one plain line. */
  warnings(): string[] {
    return this.#guard.reason === undefined ? [] : [this.#guard.reason];
  }

  /** See {@link Puller.pull}. */
  async pull(date: string | undefined, { signal }: { signal: AbortSignal }): Promise<SnapshotStatus> {
    return this.#status(await this.#puller.pull(date, signal));
  }

  /**
   * Looks at the keyring and DISTDIR, tries again what failed, and polls, which holds up no look after this one: what it
   * downloads may be slow, and the keys count all the time. Done each minute. Never throws.
   */
  async tick(): Promise<void> {
    this.#looking ??= this.#look()
      .catch((error: unknown) => this.#log.error({ err: error }, "tree snapshots: the regular look failed"))
      .finally(() => (this.#looking = undefined));
    await this.#looking;
    await this.#poller?.tick();
  }

  #trusted(): ShelvedUnit[] {
    return this.#shelf.units().filter((unit) => this.#guard.trusts(unit));
  }

  #status(unit: ShelvedUnit): SnapshotStatus {
    return {
      name: unitName(unit.date),
      date: unit.date,
      size: SNAPSHOT_PARTS.reduce((sum, part) => sum + unit.files[part].size, 0),
      verified: this.#guard.trusts(unit),
      signed_by: unit.signedBy,
      key: unit.key,
      signed_at: new Date(unit.signedAt).toISOString(),
      peers: this.#rumours.peersWith(unit),
    };
  }

  /** Throws system errors: a directory that cannot be used is no end, requests pass through then. */
  #sweep(): Promise<void> {
    return this.#staging.sweep((date) => !this.#shelf.has(date) && this.#shelf.hasRoomFor(date));
  }

  #keysChanged(): void {
    this.#rumours.forgive();
    this.#opener.forgive();
    this.#adoption?.forgive();
    this.emit("changed");
  }

  async #look(): Promise<void> {
    await this.#guard.look();
    await this.#sweep().catch(() => {}); // said at the start
    await this.#adoption?.look();
    this.#replicator?.kick();
  }
}
