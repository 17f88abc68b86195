import type { NoiseStream } from "hyperswarm";
import type { PeerStatus } from "../core/agent-api.ts";
import type { Digest } from "../core/digest.ts";
import type { Logger } from "../core/logger.ts";
import { Bouncer } from "./bouncer.ts";
import { prefixOf } from "./digest-set.ts";
import { HaveIndex } from "./have-index.ts";
import type { LocalHaves } from "./local-haves.ts";
import { Members } from "./members.ts";
import type { Addresses, Hello } from "./messages.ts";
import type { NetworkKey } from "./network-key.ts";
import { PeerHaves } from "./peer-haves.ts";
import { PortCheck } from "./port-check.ts";
import type { Rejections } from "./rejections.ts";
import { Session, type SessionHandlers, type SessionInit } from "./session.ts";
import type { SnapshotUnits } from "./snapshot-units.ts";
import { MAX_PEERS, type Place } from "./transport.ts";
import { UpstreamClaims } from "./upstream-claims.ts";
import type { WireEnd } from "./wire.ts";

/** A peer that can give a blob. */
export interface Holder {
  readonly id: string;
  /** The peer's host name, for people. */
  readonly name: string;
  /** Where its data plane is: IPv4 address and TCP port. */
  readonly host: string;
  readonly port: number;
  /** It is still fetching the blob: a growing copy can be read. */
  readonly growing: boolean;
}

/** What the table uses. */
export interface PeerTableComponents {
  readonly ownId: string;
  readonly local: LocalHaves;
  readonly log: Logger;
  /** Bytes of a blob on its way here that peers can read. */
  readonly received: (digest: string) => number;
  /** Whether a box at this address may be talked to. */
  readonly accepts: (host: string) => boolean;
  /** Told of places of members: of one that connected, or that another one told of. */
  readonly learn: (id: string, place: Place, how: "incoming" | "told", teller?: string) => void;
  /** Told of each peer that said who it is. */
  readonly arrived: (id: string, place: Place) => void;
  /** Told of the tree snapshots that a peer keeps, at each change. */
  readonly announced: (id: string, units: SnapshotUnits) => void;
  /** Told of each peer whose session ended. */
  readonly left: (id: string) => void;
}

/** One peer that has proved the network key. */
interface Peer {
  readonly session: Session;
  readonly ended: AbortController;
  /** What this box found of the peer's TCP port. */
  portCheck?: PortCheck;
  /** Whether the peer could reach this box's TCP port; undefined before it has said. */
  reachesUs?: boolean;
}

/** The peers in session, what they hold and are fetching, and who is turned away. */
export class PeerTable {
  readonly upstreamClaims: UpstreamClaims;
  readonly #components: PeerTableComponents;
  readonly #init: SessionInit;
  readonly #peers = new Map<string, Peer>();
  readonly #peerHaves = new Map<string, PeerHaves>();
  readonly #index = new HaveIndex();
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
      nameOf: (id) => this.#peers.get(id)?.session.hello?.host ?? id,
      received: components.received,
    });
  }

  /** Blobs that peers hold, over all peers. */
  get haves(): number {
    return this.#index.size;
  }

  /** How often boxes were turned away, and why. */
  get rejections(): Rejections {
    return this.#bouncer.rejections;
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
    if (this.#bouncer.turnsAway(stream, { isFull: this.#peers.size >= MAX_PEERS })) return;
    const id = stream.remotePublicKey.toString("hex");
    const peerHaves = this.#peerHaves.get(id) ?? new PeerHaves(this.#index, id);
    const handlers: SessionHandlers = {
      proved: (session) => this.#onProved(session, peerHaves),
      greeted: (session, hello) => this.#onGreeted(session, hello),
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

  /** Ends the session with a box, and lets it ask for no more blobs. */
  expel(id: string, reason: string): void {
    this.#members.expel(id);
    this.#peers.get(id)?.session.close("closed", reason);
  }

  /** Forgets all that belongs to one network: members, haves, penalties. */
  forgetNetwork(): void {
    this.#members.clear();
    this.#bouncer.forgive();
    for (const haves of this.#peerHaves.values()) haves.forget();
    this.#peerHaves.clear();
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
    const whole = turned(this.#index.holders(prefixOf(digest)));
    const growing = this.upstreamClaims.givers(digest).filter((id) => !whole.includes(id));
    const holders = [
      ...whole.map((id) => this.holder(id, { growing: false })),
      ...growing.map((id) => this.holder(id, { growing: true })),
    ];
    return holders.filter((holder) => holder !== undefined && this.#problemOf(holder.id) === undefined) as Holder[];
  }

  /** One peer; undefined without a session. */
  holder(id: string, { growing }: { growing: boolean }): Holder | undefined {
    const session = this.#peers.get(id)?.session;
    if (session?.hello === undefined) return undefined;
    return { id, name: session.hello.host, host: session.host, port: session.hello.port, growing };
  }

  /** A peer said that it does not have a blob after all. */
  disown(id: string, digest: Digest): void {
    this.#index.remove(id, prefixOf(digest));
    this.upstreamClaims.disown(id, digest);
  }

  /** For status. `foundBy` knows how a box was found. */
  statuses(foundBy: (id: string) => PeerStatus["found"]): PeerStatus[] {
    return this.#greeted().map(({ id, hello, host, since }) => {
      const problem = this.#problemOf(id);
      return {
        id,
        host: hello!.host,
        address: `${host}:${hello!.port}`,
        distfiles: this.#index.count(id),
        found: foundBy(id) ?? "incoming",
        since: since.toISOString(),
        version: hello!.version,
        ...(problem === undefined ? {} : { problem }),
      };
    });
  }

  /** What an administrator should know, each one plain line. */
  warnings(): string[] {
    const partial = this.#greeted().filter(({ id }) => this.#index.isPartial(id));
    return partial.map(({ hello, host }) => {
      return `not all that ${hello!.host} (${host}) holds is known: peers say that they hold more than this box can remember`;
    });
  }

  /** For status: hosts that could reach this box's TCP port, and that could not. */
  ownPort(): { readonly open: readonly string[]; readonly closed: readonly string[] } {
    const hosts = (reached: boolean): string[] =>
      [...this.#peers.values()]
        .filter(({ reachesUs }) => reachesUs === reached)
        .map(({ session }) => session.hello!.host);
    return { open: hosts(true), closed: hosts(false) };
  }

  // --- sessions ---

  #sessions(): Session[] {
    return [...this.#peers.values()].map(({ session }) => session);
  }

  #greeted(): Session[] {
    return this.#sessions().filter(({ hello }) => hello !== undefined);
  }

  #problemOf(id: string): string | undefined {
    return this.#peers.get(id)?.portCheck?.problem;
  }

  #onProved(session: Session, peerHaves: PeerHaves): void {
    const { id } = session;
    this.#bouncer.unwatch(session);
    this.#peers.get(id)?.session.close("closed", "it connected again");
    this.#peers.set(id, { session, ended: new AbortController() });
    this.#peerHaves.set(id, peerHaves);
    this.#members.joined(id);
    this.#components.learn(id, session, "incoming");
  }

  #onGreeted(session: Session, { host, port }: Hello): void {
    const peer = this.#peers.get(session.id)!;
    peer.portCheck = new PortCheck(
      { id: session.id, name: host, host: session.host, port },
      { signal: peer.ended.signal, looked: (open) => session.tellPort(open) },
    );
    if (this.#snapshots.length > 0) session.tellSnapshots(this.#snapshots);
    this.upstreamClaims.greeted(session.id);
    this.#introduce(session);
    this.#components.arrived(session.id, session);
    this.#components.log.info({ peer: session.id, address: session.host }, `${host} is here`);
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
    peer.ended.abort();
    this.#peers.delete(id);
    this.#members.left(id);
    this.upstreamClaims.gone(id);
    this.#components.left(id);
    this.#peerHaves.get(id)?.onEnd();
    this.#forgetOldHaves();
    this.#resync();
    this.#components.log.info({ peer: id, why, detail }, `${hello?.host ?? host} left`);
  }

  /** A peer whose haves did not fit tells all again in a new session, as soon as there is room for them. */
  #resync(): void {
    const partial = this.#sessions().find(({ id }) => this.#index.isPartial(id));
    if (partial !== undefined && this.#index.hasRoom()) partial.close("closed", "there is room for all that it holds");
  }

  /** What a peer said is kept for as long as it is admitted; it may be back in a moment. */
  #forgetOldHaves(): void {
    for (const [id, haves] of this.#peerHaves) {
      if (this.#members.admits(id)) continue;
      haves.forget();
      this.#peerHaves.delete(id);
    }
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
