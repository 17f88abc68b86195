import type { NoiseStream } from "hyperswarm";
import type { Digest } from "../core/digest.ts";
import type { Holder } from "../core/directory.ts";
import type { Logger } from "../core/logger.ts";
import type { PeerStatus } from "../core/report/swarm-status.ts";
import { Bouncer } from "./bouncer.ts";
import { HavesOfPeers } from "./haves-of-peers.ts";
import type { LocalHaves } from "./local-haves.ts";
import { Members } from "./members.ts";
import type { Addresses, Hello } from "./messages.ts";
import type { NetworkKey } from "./network-key.ts";
import type { PeerHaves } from "./peer-haves.ts";
import { ownPort, type OwnPort, partialWarning, statusOf } from "./peer-report.ts";
import { Peer } from "./peer.ts";
import type { Rejections } from "./rejections.ts";
import { Session, type SessionHandlers, type SessionInit } from "./session.ts";
import type { SnapshotUnits } from "./snapshot-units.ts";
import { MAX_PEERS, type Place } from "./transport.ts";
import { UpstreamClaims } from "./upstream-claims.ts";
import type { WireEnd } from "./wire.ts";

/** What the table uses. */
interface PeerTableComponents {
  readonly ownId: string;
  readonly local: LocalHaves;
  readonly log: Logger;
  /** Bytes of a blob on its way here that peers can read. */
  readonly received: (digest: Digest) => number;
  /** Whether a box at this address may be talked to. */
  readonly accepts: (host: string) => boolean;
  /** Whether a box is listed in `swarm.deny`. */
  readonly isDenied: (id: string) => boolean;
  /** Whether nothing of a subject is taken from a box now: it lied, or is left for a faster one. */
  readonly isShutOut: (id: string, subject: Digest) => boolean;
  /** Told of places of members: of one that connected, or that another one told of. */
  readonly learn: (id: string, place: Place, how: "incoming" | "told", teller?: string) => void;
  /** Told of each peer that said who it is. */
  readonly arrived: (id: string, place: Place) => void;
  /** Told of the tree snapshots that a peer keeps, at each change. */
  readonly announced: (id: string, units: SnapshotUnits) => void;
  /** Told of each peer whose session ended. */
  readonly left: (id: string) => void;
}

/** The peers in session: who comes, goes and is turned away, and what is passed on between them and this box. */
export class PeerTable {
  readonly upstreamClaims: UpstreamClaims;
  readonly #components: PeerTableComponents;
  readonly #init: SessionInit;
  readonly #peers = new Map<string, Peer>();
  readonly #haves = new HavesOfPeers();
  readonly #members = new Members();
  readonly #bouncer: Bouncer;
  #snapshots: SnapshotUnits = [];

  constructor(components: PeerTableComponents, init: SessionInit) {
    this.#components = components;
    this.#bouncer = new Bouncer(components);
    this.#init = init;
    this.upstreamClaims = new UpstreamClaims({
      ownId: components.ownId,
      peers: () => this.#greeted().map(({ id }) => id),
      tell: (id, message) => this.#peers.get(id)?.session.tellUpstream(message),
      nameOf: (id) => this.#peers.get(id)?.hello?.host ?? id,
      canRead: (id, subject) => this.#hasOpenPort(id) && !components.isShutOut(id, subject),
      received: components.received,
    });
  }

  /** Blobs that peers hold, over all peers. */
  get haves(): number {
    return this.#haves.size;
  }

  /** How often boxes were turned away, and why. */
  get rejections(): Rejections {
    return this.#bouncer.rejections;
  }

  /** Whether no peer has said who it is. */
  get isAlone(): boolean {
    return this.#greeted().length === 0;
  }

  /** Whether there is a session with a box. */
  isConnected(id: string): boolean {
    return this.#peers.has(id);
  }

  /** Whether a box is not to be dialled now. */
  isShunned(id: string): boolean {
    return this.#bouncer.isShunned(id);
  }

  /** Whether a box is a member: in session, or lately. */
  admits(id: string): boolean {
    return this.#members.admits(id);
  }

  // --- connections ---

  /** Begins a session on a new connection, or turns it away. */
  connected(stream: NoiseStream, key: NetworkKey): void {
    const id = stream.remotePublicKey.toString("hex");
    if (this.#bouncer.turnsAway(stream, { isFull: !this.#hasPlaceFor(id) })) return;
    const peerHaves = this.#haves.of(id);
    const handlers: SessionHandlers = {
      proved: (session) => this.#onProved(session, peerHaves),
      greeted: (session, hello) => this.#onGreeted(session, hello),
      toldHaves: ({ id }) => this.upstreamClaims.toldHaves(id, (subject) => this.#haves.has(id, subject)),
      told: ({ id }, { peers }) => this.#onTold(id, peers),
      announced: ({ id }, { units }) => this.#components.announced(id, units),
      claimedUpstream: ({ id }, message) => this.upstreamClaims.heard(id, message),
      sawPort: ({ id }, { open }) => void (this.#peers.get(id)!.reachesUs = open),
      ended: (session, why, detail) => this.#onEnded(session, why, detail),
    };
    const session = new Session({ stream, key, local: this.#components.local, peerHaves }, this.#init, handlers);
    this.#bouncer.watch(session);
  }

  /** Ends all sessions. */
  closeAll(reason: string): void {
    for (const session of [...this.#bouncer.unproved, ...this.#sessions()]) session.close("closed", reason);
  }

  /** Ends the sessions with a box, also those that have proved nothing yet, and lets it ask for no more blobs. */
  expel(id: string, reason: string): void {
    this.#members.expel(id);
    const sessions = [...this.#bouncer.unproved, ...this.#sessions()];
    for (const session of sessions) if (session.id === id) session.close("closed", reason);
  }

  /** Forgets all that belongs to one network: members, haves, penalties. */
  forgetNetwork(): void {
    this.#members.clear();
    this.#bouncer.forgive();
    this.#haves.forget();
  }

  // --- what this box tells ---

  /** Tells the peers that what this box holds has changed. */
  tellChanged(): void {
    for (const session of this.#sessions()) session.changed();
  }

  /** Tells the peers which tree snapshots this box keeps; those that come later too. */
  tellSnapshots(units: SnapshotUnits): void {
    this.#snapshots = units;
    for (const session of this.#sessions()) session.tellSnapshots(units);
  }

  // --- what peers hold ---

  /** Who can give a blob: see `Swarm.holders`. */
  holders(digest: Digest): Holder[] {
    if (this.#peers.size === 0) return []; // a box alone asks this several times a file
    const whole = turned(this.#haves.holders(digest));
    const growing = this.upstreamClaims.givers(digest).filter((id) => !whole.includes(id));
    const holders = [
      ...whole.flatMap((id) => this.holder(id, { growing: false }) ?? []),
      ...growing.flatMap((id) => this.holder(id, { growing: true }) ?? []),
    ];
    return holders.filter(({ id }) => this.#hasOpenPort(id));
  }

  /** One peer; undefined without a session. */
  holder(id: string, { growing }: { growing: boolean }): Holder | undefined {
    return this.#peers.get(id)?.holder({ growing });
  }

  /** A peer said that it does not have a blob after all. */
  disown(id: string, digest: Digest): void {
    this.#haves.disown(id, digest);
    this.upstreamClaims.disown(id, digest);
  }

  // --- for status ---

  /** All peers. `foundBy` knows how a box was found. */
  statuses(foundBy: (id: string) => PeerStatus["found"]): PeerStatus[] {
    return this.#greeted().map((peer) =>
      statusOf(peer, { distfiles: this.#haves.count(peer.id), found: foundBy(peer.id) }),
    );
  }

  /** What an administrator should know, each one plain line. */
  warnings(): string[] {
    return this.#greeted()
      .filter(({ id }) => this.#haves.isPartial(id))
      .map(partialWarning);
  }

  /** Hosts that could reach this box's TCP port, and that could not. */
  ownPort(): OwnPort {
    return ownPort(this.#greeted());
  }

  // --- sessions ---

  #sessions(): Session[] {
    return [...this.#peers.values()].map(({ session }) => session);
  }

  #greeted(): Peer[] {
    return [...this.#peers.values()].filter(({ hello }) => hello !== undefined);
  }

  #hasPlaceFor(id: string): boolean {
    return this.#peers.has(id) || this.#peers.size < MAX_PEERS;
  }

  #hasOpenPort(id: string): boolean {
    return this.#peers.get(id)?.problem === undefined;
  }

  #onProved(session: Session, peerHaves: PeerHaves): void {
    const { id } = session;
    this.#bouncer.unwatch(session);
    if (!this.#hasPlaceFor(id)) return this.#bouncer.turnAwayForWantOfRoom(session);
    const former = this.#peers.get(id);
    if (former !== undefined) {
      this.#remove(former);
      former.session.close("closed", "it connected again");
    }
    this.#peers.set(id, new Peer(session));
    this.#haves.joined(id, peerHaves);
    this.#members.joined(id);
    this.#components.learn(id, session, "incoming");
  }

  #onGreeted(session: Session, hello: Hello): void {
    this.#peers.get(session.id)!.watchPort(hello);
    if (this.#snapshots.length > 0) session.tellSnapshots(this.#snapshots);
    this.upstreamClaims.greeted(session.id);
    this.#introduce(session);
    this.#components.arrived(session.id, session);
    this.#components.log.info({ peer: session.id, address: session.host }, `${hello.host} is here`);
  }

  /** Tells a new peer of the others, and the others of it. */
  #introduce(newcomer: Session): void {
    const others = this.#sessions().filter(({ id }) => id !== newcomer.id);
    newcomer.tellAddresses(others.map(placeOf));
    for (const other of others) other.tellAddresses([placeOf(newcomer)]);
  }

  #onTold(teller: string, peers: Addresses["peers"]): void {
    for (const { id, host, port } of peers) this.#components.learn(id.toString("hex"), { host, port }, "told", teller);
  }

  #onEnded(session: Session, why: WireEnd, detail: string): void {
    this.#bouncer.unwatch(session);
    this.#bouncer.judge(session, why, detail);
    if (why === "rule") this.#members.expel(session.id);
    const { id, hello, host } = session;
    const peer = this.#peers.get(id);
    if (peer?.session !== session) return;
    this.#remove(peer);
    this.#resync();
    this.#components.log.info({ peer: id, why, detail }, `${hello?.host ?? host} left`);
  }

  /** The session with a peer is over, or about to be. */
  #remove(peer: Peer): void {
    const { id } = peer;
    peer.end();
    this.#peers.delete(id);
    this.#members.left(id);
    this.upstreamClaims.gone(id);
    this.#components.left(id);
    this.#haves.left(id, (other) => this.#members.admits(other));
  }

  /** A peer whose haves did not fit tells all again in a new session, as soon as there is room for them. */
  #resync(): void {
    const partial = this.#sessions().find(({ id }) => this.#haves.isPartial(id));
    if (partial !== undefined && this.#haves.hasRoom()) partial.close("closed", "there is room for all that it holds");
  }
}

function placeOf({ id, host, port }: Session): Addresses["peers"][number] {
  return { id: Buffer.from(id, "hex"), host, port };
}

/** The same ring of items, begun somewhere. */
function turned<T>(items: readonly T[]): T[] {
  const start = Math.floor(Math.random() * items.length);
  return [...items.slice(start), ...items.slice(0, start)];
}
