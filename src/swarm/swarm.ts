import type { NoiseStream } from "hyperswarm";
import type { PeerStatus } from "../core/agent-api.ts";
import type { Database } from "../core/database.ts";
import type { Digest } from "../core/digest.ts";
import { hasCode, messageOf } from "../core/errors.ts";
import type { Startable } from "../core/lifecycle.ts";
import type { Logger } from "../core/logger.ts";
import { Claims } from "./claims.ts";
import { prefixOf } from "./digest-set.ts";
import { AddressBook } from "./discovery/address-book.ts";
import { HaveIndex } from "./have-index.ts";
import type { Identity } from "./identity.ts";
import { LocalHaves } from "./local-haves.ts";
import { Members } from "./members.ts";
import { Mesh, type MeshInit } from "./mesh.ts";
import type { Addresses, Claim, Hello } from "./messages.ts";
import { NetworkKey, saveNetworkKey } from "./network-key.ts";
import { PeerHaves } from "./peer-haves.ts";
import { Penalties } from "./penalties.ts";
import { PortCheck } from "./port-check.ts";
import { Rejections, type Rejection } from "./rejections.ts";
import { Session } from "./session.ts";
import { MAX_PEERS } from "./transport.ts";
import type { WireEnd } from "./wire.ts";

/** A peer that broke a rule is neither dialled nor let in for so long. */
const RULE_PENALTY_MS = 300_000;
/** A box without our key is not dialled for so long; it may come by itself when it has it. */
const STRANGER_PENALTY_MS = 60_000;

/** What the swarm uses. */
export interface SwarmComponents {
  readonly identity: Identity;
  readonly db: Database;
  readonly log: Logger;
  /** Every blob that this box can give, read once at each start. */
  readonly haves: () => AsyncIterable<Digest>;
}

/** What may be set of the swarm. */
export interface SwarmInit extends MeshInit {
  /** Where `network.key` lies. */
  readonly stateDir: string;
  /** The name of this box, for people. */
  readonly host: string;
  readonly version: string;
}

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

/** The swarm's part of the status. */
export interface SwarmStatus {
  readonly peers: readonly PeerStatus[];
  /** The addresses at which this box offers the swarm; empty without a network. */
  readonly addresses: readonly string[];
  readonly rejected: Readonly<Record<Rejection, number>>;
  /** Blobs that peers hold, over all peers. */
  readonly haves: number;
  /** Why there is no swarm, when there is none. */
  readonly problem?: string;
}

/** One peer that has proved the network key. */
interface Peer {
  readonly session: Session;
  readonly ended: AbortController;
  portCheck?: PortCheck;
}

/**
 * The control plane: finds the other boxes, keeps a session with each, and knows who holds and who is fetching what. It
 * never moves the bytes of a blob.
 */
export class Swarm implements Startable {
  readonly #components: SwarmComponents;
  readonly #init: SwarmInit;
  readonly #local = new LocalHaves();
  readonly #index = new HaveIndex();
  readonly #claims = new Claims();
  readonly #members = new Members();
  readonly #penalties = new Penalties();
  readonly #strangers = new Penalties();
  readonly #rejections = new Rejections();
  readonly #book: AddressBook;
  readonly #peers = new Map<string, Peer>();
  readonly #peerHaves = new Map<string, PeerHaves>();
  readonly #unproved = new Set<Session>();
  #key: NetworkKey;
  #mesh: Mesh;
  #loading: Promise<void> | undefined;
  #isStarted = false;
  #problem: string | undefined;

  constructor(components: SwarmComponents, init: SwarmInit) {
    this.#components = components;
    this.#init = init;
    this.#key = init.networkKey;
    this.#book = new AddressBook(components);
    this.#mesh = this.#makeMesh();
  }

  /**
   * Begins to look for peers. Where the native parts do not load, it says so and the agent goes on without a swarm.
   *
   * @throws {DistswarmError} `ADDRESS_IN_USE` when the UDP port is taken, `INVALID_CONFIG`.
   */
  async start(): Promise<void> {
    if (this.#isStarted) return;
    this.#isStarted = true;
    await (this.#loading ??= this.#load());
    await this.#startMesh();
  }

  async stop(): Promise<void> {
    if (!this.#isStarted) return;
    this.#isStarted = false;
    await this.#stopMesh("the agent is stopping");
  }

  // --- what this box holds, as the store and the retriever tell ---

  /** A blob can be read here from now on. */
  added(digest: Digest): void {
    if (this.#local.add(digest)) this.#eachSession((session) => session.changed());
  }

  /** A blob is gone. */
  removed(digest: Digest): void {
    if (this.#local.remove(digest)) this.#eachSession((session) => session.changed());
  }

  /** This box is fetching a blob (`on`), or not any more: peers may read it as it grows. */
  claim(digest: Digest, on: boolean): void {
    if (this.#claims.setOwn(digest, on)) this.#eachSession((session) => session.tellClaim(digest, on));
  }

  // --- what the data plane asks ---

  /**
   * Who can give a blob, from memory: those who hold it whole, in another order each time so that no box is always asked
   * first, then those who are fetching it. Peers whose TCP port is closed are not among them.
   */
  holders(digest: Digest): Holder[] {
    const whole = turned(this.#index.holders(prefixOf(digest)));
    const growing = this.#claims.claimants(digest).filter((id) => !whole.includes(id));
    return [...whole.map((id) => this.#holder(id, false)), ...growing.map((id) => this.#holder(id, true))].filter(
      (holder) => holder !== undefined && !this.#isClosed(holder.id),
    ) as Holder[];
  }

  /** The peer with this id, as one that may be fetching a blob; undefined without a session. */
  peer(id: string): Holder | undefined {
    return this.#holder(id, true);
  }

  /** Whether a box with this key may ask for blobs. */
  admits(id: string): boolean {
    return this.#members.admits(id);
  }

  /** Whether a box at this address may be talked to: `swarm.networks`. */
  accepts(host: string): boolean {
    return this.#mesh.accepts(host);
  }

  /** A peer said that it does not have a blob after all. */
  disown(id: string, digest: Digest): void {
    this.#index.remove(id, prefixOf(digest));
    this.#claims.set(id, digest, false);
  }

  // --- steering and status ---

  /** The network key as text: a secret. */
  invite(): string {
    return this.#key.reveal();
  }

  /**
   * Changes to another network, for good: all sessions end, and the members of the old one are no members any more.
   *
   * @throws {DistswarmError} `INVALID_NETWORK_KEY` with what is wrong with the text; nothing has changed then.
   */
  async join(text: string): Promise<void> {
    const key = NetworkKey.parse(text);
    await saveNetworkKey(this.#init.stateDir, key);
    await this.setNetworkKey(key);
  }

  /** Changes to another network without writing it down. */
  async setNetworkKey(key: NetworkKey): Promise<void> {
    await this.#stopMesh("the network key has changed");
    this.#key = key;
    this.#forgetNetwork();
    await this.#book.clear();
    this.#mesh = this.#makeMesh();
    if (this.#isStarted) await this.#startMesh();
  }

  /** For status and `peers`; what the data plane knows of them is not in it. */
  status(): SwarmStatus {
    return {
      peers: [...this.#peers.values()].map((peer) => this.#statusOf(peer)).filter((status) => status !== undefined),
      addresses: this.#mesh.addresses,
      rejected: this.#rejections.counts(),
      haves: this.#index.size,
      ...(this.#problem === undefined ? {} : { problem: this.#problem }),
    };
  }

  // --- the mesh ---

  #makeMesh(): Mesh {
    const { identity, log } = this.#components;
    return new Mesh(
      {
        identity,
        log,
        isConnected: (id) => this.#peers.has(id),
        isShunned: (id) => this.#penalties.has(id) || this.#strangers.has(id),
        connected: (stream) => this.#onConnected(stream),
        denied: () => this.#rejections.count("denied"),
      },
      { ...this.#init, networkKey: this.#key },
    );
  }

  async #load(): Promise<void> {
    for await (const digest of this.#components.haves()) this.#local.add(digest);
  }

  async #startMesh(): Promise<void> {
    try {
      await this.#mesh.start();
      this.#problem = undefined;
    } catch (error) {
      if (!hasCode(error, "SWARM_UNAVAILABLE")) throw error;
      this.#problem = error.message;
      this.#components.log.warn(error.facts, error.message);
      return;
    }
    for (const { id, host, port } of await this.#book.load()) this.#mesh.learn(id, { host, port }, "remembered");
  }

  async #stopMesh(reason: string): Promise<void> {
    for (const session of this.#unproved) session.close("closed", reason);
    this.#eachSession((session) => session.close("closed", reason));
    await this.#mesh.stop();
  }

  #forgetNetwork(): void {
    this.#members.clear();
    this.#penalties.clear();
    this.#strangers.clear();
    for (const haves of this.#peerHaves.values()) haves.forget();
    this.#peerHaves.clear();
  }

  // --- sessions ---

  #onConnected(stream: NoiseStream): void {
    const rejection = this.#rejectionOf(stream);
    if (rejection !== undefined) {
      this.#rejections.count(rejection);
      stream.on("error", () => {}).destroy();
      return;
    }
    const peerHaves = this.#peerHavesOf(stream.remotePublicKey.toString("hex"));
    const { host, version, listen } = this.#init;
    const session = new Session(
      { stream, key: this.#key, local: this.#local, peerHaves },
      { host, version, port: listen.port },
      {
        proved: (session) => this.#onProved(session),
        greeted: (session, hello) => this.#onGreeted(session, hello),
        claimed: (session, claim) => this.#onClaimed(session, claim),
        told: (session, addresses) => this.#onTold(session, addresses),
        ended: (session, why, detail) => this.#onEnded(session, why, detail),
      },
    );
    this.#unproved.add(session);
  }

  #rejectionOf({ remotePublicKey, rawStream }: NoiseStream): Rejection | undefined {
    if (!this.#mesh.accepts(rawStream.remoteHost)) return "outside";
    if (this.#penalties.has(remotePublicKey.toString("hex"))) return "rule";
    if (this.#peers.size + this.#unproved.size >= MAX_PEERS) return "full";
    return undefined;
  }

  #onProved(session: Session): void {
    this.#unproved.delete(session);
    this.#peers.get(session.id)?.session.close("closed", "it connected again");
    this.#peers.set(session.id, { session, ended: new AbortController() });
    this.#members.joined(session.id);
    this.#mesh.learn(session.id, session, "incoming");
  }

  #onGreeted(session: Session, { host, port }: Hello): void {
    const { log } = this.#components;
    const peer = this.#peers.get(session.id)!;
    peer.portCheck = new PortCheck({ id: session.id, name: host, host: session.host, port }, peer.ended);
    for (const digest of this.#claims.own()) session.tellClaim(digest, true);
    this.#introduce(session);
    void this.#book.put(session.id, session).catch((error: unknown) => log.warn(messageOf(error)));
    log.info({ peer: session.id, address: session.host }, `${host} is here`);
  }

  /** Tells a new peer of the others, and the others of it. */
  #introduce(newcomer: Session): void {
    const others = [...this.#peers.values()].map(({ session }) => session).filter(({ id }) => id !== newcomer.id);
    newcomer.tellAddresses(others.map(placeOf));
    for (const other of others) other.tellAddresses([placeOf(newcomer)]);
  }

  #onClaimed(session: Session, { digest, on }: Claim): void {
    this.#claims.set(session.id, digest.toString("hex"), on);
  }

  #onTold(_session: Session, { peers }: Addresses): void {
    for (const { id, host, port } of peers) this.#mesh.learn(id.toString("hex"), { host, port }, "told");
  }

  #onEnded(session: Session, why: WireEnd, detail: string): void {
    this.#unproved.delete(session);
    this.#punish(session, why, detail);
    const peer = this.#peers.get(session.id);
    if (peer?.session !== session) return;
    peer.ended.abort();
    this.#peers.delete(session.id);
    this.#members.left(session.id);
    this.#claims.drop(session.id);
    this.#peerHaves.get(session.id)?.onEnd();
    this.#components.log.info({ peer: session.id, why, detail }, `${session.hello?.host ?? session.host} left`);
  }

  #punish({ id, host }: Session, why: WireEnd, detail: string): void {
    if (why === "left" || why === "closed") return;
    this.#rejections.count(REJECTION_OF[why]);
    if (why === "rule") this.#penalties.add(id, RULE_PENALTY_MS);
    else this.#strangers.add(id, STRANGER_PENALTY_MS);
    if (why === "rule") this.#members.expel(id);
    this.#components.log.warn({ peer: id, address: host }, `turned away the box at ${host}: ${detail}`);
  }

  #peerHavesOf(id: string): PeerHaves {
    let haves = this.#peerHaves.get(id);
    if (haves === undefined) this.#peerHaves.set(id, (haves = new PeerHaves(this.#index, id)));
    return haves;
  }

  #eachSession(tell: (session: Session) => void): void {
    for (const { session } of this.#peers.values()) tell(session);
  }

  // --- views ---

  #holder(id: string, growing: boolean): Holder | undefined {
    const session = this.#peers.get(id)?.session;
    if (session?.hello === undefined) return undefined;
    return { id, name: session.hello.host, host: session.host, port: session.hello.port, growing };
  }

  #isClosed(id: string): boolean {
    return this.#peers.get(id)?.portCheck?.problem !== undefined;
  }

  #statusOf({ session, portCheck }: Peer): PeerStatus | undefined {
    const { id, hello, host } = session;
    if (hello === undefined) return undefined;
    return {
      id,
      host: hello.host,
      address: `${host}:${hello.port}`,
      distfiles: this.#index.count(id),
      found: this.#mesh.foundBy(id) ?? "incoming",
      since: session.since.toISOString(),
      version: hello.version,
      ...(portCheck?.problem === undefined ? {} : { problem: portCheck.problem }),
    };
  }
}

/** What each fault of a connection counts as. */
const REJECTION_OF = { "no-proof": "no_proof", "wrong-proof": "wrong_proof", rule: "rule" } as const;

function placeOf({ id, host, port }: Session): Addresses["peers"][number] {
  return { id: Buffer.from(id, "hex"), host, port };
}

/** The same ring of items, begun somewhere. */
function turned<T>(items: readonly T[]): T[] {
  const start = Math.floor(Math.random() * items.length);
  return [...items.slice(start), ...items.slice(0, start)];
}
