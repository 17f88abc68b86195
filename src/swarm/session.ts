import type { NoiseStream } from "hyperswarm";
import { messageOf } from "../core/errors.ts";
import { OneByOne } from "../core/async/one-by-one.ts";
import type { LocalHaves } from "./local-haves.ts";
import {
  MAX_ADDRESSES,
  MAX_PREFIXES,
  RuleBroken,
  type Addresses,
  type Hello,
  type Message,
  type PortSeen,
  type SnapshotsMessage,
  type UpstreamMessage,
} from "./messages.ts";
import type { NetworkKey } from "./network-key.ts";
import type { PeerHaves } from "./peer-haves.ts";
import { Wire, type WireEnd } from "./wire.ts";

/** Changes are told together with those that follow within this time. */
const CHANGE_DELAY_MS = 200;
/** After an introduction the next ones wait for so long, and are told together: where a fleet starts, all come at once. */
const INTRODUCE_EVERY_MS = 200;
/** What may wait to be told to a peer that does not read; each is a few hundred bytes of memory. */
const MAX_WAITING = 10_000;

/** What a session uses. */
interface SessionComponents {
  readonly stream: NoiseStream;
  readonly key: NetworkKey;
  /** What this box holds. */
  readonly local: LocalHaves;
  /** What is known of what the peer holds. */
  readonly peerHaves: PeerHaves;
}

/** What a session says of itself in its hello. */
export type SessionInit = Pick<Hello, "host" | "version" | "port">;

/** What happens in a session. `ended` is the last call, and comes once. */
export interface SessionHandlers {
  /** The peer holds the network key. */
  proved(session: Session): void;
  /** It said who it is. */
  greeted(session: Session, hello: Hello): void;
  /** It told what it holds, or a part of it. */
  toldHaves(session: Session): void;
  /** It told where others are. */
  told(session: Session, addresses: Addresses): void;
  /** It told which tree snapshots it keeps. */
  announced(session: Session, snapshots: SnapshotsMessage): void;
  /** It told of a claim: its own, or that it knows of one of this box. */
  claimedUpstream(session: Session, message: UpstreamMessage): void;
  /** It has tried this box's TCP port. */
  sawPort(session: Session, seen: PortSeen): void;
  ended(session: Session, why: WireEnd, detail: string): void;
}

/** The state held with one peer over one connection: who it is, and both sides' haves kept in step. */
export class Session {
  /** The peer's public key as 64 hex characters. */
  readonly id: string;
  /** Where it is: IPv4 address, and UDP port of its swarm. */
  readonly host: string;
  readonly port: number;
  readonly #began = { date: Date.now(), at: performance.now() };
  readonly #components: SessionComponents;
  readonly #init: SessionInit;
  readonly #handlers: SessionHandlers;
  readonly #wire: Wire;
  #hello: Hello | undefined;
  /** Up to which change the peer knows our haves; undefined: it needs the full list. */
  #told: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Where others are, as the peer is to be told soon. */
  readonly #places: Addresses["peers"] = [];
  #introducing: NodeJS.Timeout | undefined;
  readonly #sends = new OneByOne();
  #waiting = 0;

  constructor(components: SessionComponents, init: SessionInit, handlers: SessionHandlers) {
    const { stream } = components;
    this.#components = components;
    this.#init = init;
    this.#handlers = handlers;
    this.id = stream.remotePublicKey.toString("hex");
    this.host = stream.rawStream.remoteHost;
    this.port = stream.rawStream.remotePort;
    this.#wire = new Wire(stream, components.key, {
      proved: () => this.#onProved(),
      message: (message) => this.#onMessage(message),
      ended: (why, detail) => this.#onEnded(why, detail),
    });
  }

  /** When it began, by the clock as it is set now; the same each time while nobody sets that. */
  get since(): Date {
    const { date, at } = this.#began;
    const setBySeconds = Math.round((Date.now() - date - (performance.now() - at)) / 1000);
    return new Date(date + 1000 * setBySeconds);
  }

  /** What the peer said of itself; undefined before. */
  get hello(): Hello | undefined {
    return this.#hello;
  }

  /** Tells the peer what changed here, soon. */
  changed(): void {
    if (this.#hello === undefined) return;
    this.#timer ??= setTimeout(() => this.#enqueue(() => this.#tellHaves()), CHANGE_DELAY_MS);
  }

  /** Tells the peer where others are, at once or soon. */
  tellAddresses(places: Addresses["peers"]): void {
    this.#places.push(...places);
    if (this.#introducing === undefined) this.#introduce();
  }

  /** Tells the peer which tree snapshots are here; before that its files: who hears of one asks for them at once. */
  tellSnapshots(units: SnapshotsMessage["units"]): void {
    if (this.#hello === undefined) return;
    this.#enqueue(() => this.#tellHaves());
    this.#enqueue(() => this.#wire.send({ type: "snapshots", units }));
  }

  /** Tells the peer who asks upstream for what; before that, where this is here, that it is. */
  tellUpstream(message: UpstreamMessage): void {
    if (this.#components.local.has(message.subject)) this.#enqueue(() => this.#tellWaiting());
    this.#enqueue(() => this.#wire.send(message));
  }

  /** Tells the peer whether its TCP port could be reached from here. */
  tellPort(open: boolean): void {
    this.#enqueue(() => this.#wire.send({ type: "port-seen", open }));
  }

  /** Ends the session. */
  close(why: WireEnd, detail: string): void {
    this.#wire.close(why, detail);
  }

  #onProved(): void {
    const { local, peerHaves } = this.#components;
    const { known } = peerHaves;
    const hello: Hello = { type: "hello", ...this.#init, instance: local.instance, ...(known && { known }) };
    this.#enqueue(() => this.#wire.send(hello));
    this.#handlers.proved(this);
  }

  #onMessage(message: Message): void {
    const { peerHaves } = this.#components;
    if (message.type === "hello") return this.#onHello(message);
    if (this.#hello === undefined) throw new RuleBroken(`${message.type} before hello`);
    if (message.type === "haves") return this.#onHaves(() => peerHaves.onHaves(message));
    if (message.type === "change") return this.#onHaves(() => peerHaves.onChange(message));
    if (message.type === "addresses") return this.#handlers.told(this, message);
    if (message.type === "snapshots") return this.#handlers.announced(this, message);
    if (message.type === "port-seen") return this.#handlers.sawPort(this, message);
    this.#handlers.claimedUpstream(this, message);
  }

  #onHello(hello: Hello): void {
    if (this.#hello !== undefined) throw new RuleBroken("hello twice");
    const { local, peerHaves } = this.#components;
    this.#hello = hello;
    peerHaves.onHello(hello);
    if (hello.known?.instance.equals(local.instance) === true) this.#told = hello.known.sequence;
    this.#enqueue(() => this.#tellHaves());
    this.#handlers.greeted(this, hello);
  }

  #onHaves(takeIn: () => void): void {
    takeIn();
    this.#handlers.toldHaves(this);
  }

  #onEnded(why: WireEnd, detail: string): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#introducing);
    this.#handlers.ended(this, why, why === "rule" ? `${detail}${this.#otherVersion()}` : detail);
  }

  /** What it runs, where that may be why it does not keep to the rules of this version. */
  #otherVersion(): string {
    const { version = this.#init.version } = this.#hello ?? {};
    return version === this.#init.version ? "" : `; it runs version ${version}, this box ${this.#init.version}`;
  }

  #introduce(): void {
    const peers = this.#places.splice(0, MAX_ADDRESSES);
    this.#introducing = peers.length > 0 ? setTimeout(() => this.#introduce(), INTRODUCE_EVERY_MS) : undefined;
    if (peers.length > 0) this.#enqueue(() => this.#wire.send({ type: "addresses", peers }));
  }

  /** One thing after the other, each when there is room for it. */
  #enqueue(send: () => Promise<void>): void {
    if (this.#waiting >= MAX_WAITING) return this.close("closed", "it does not read what it is told");
    this.#waiting += 1;
    void this.#sends
      .run(send)
      .catch((error: unknown) => this.close("closed", messageOf(error)))
      .finally(() => (this.#waiting -= 1));
  }

  /** Tells what waits to be told together with what follows. */
  async #tellWaiting(): Promise<void> {
    if (this.#timer !== undefined) await this.#tellHaves();
  }

  async #tellHaves(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const change = this.#told === undefined ? undefined : this.#components.local.changesSince(this.#told);
    if (change === undefined) return this.#tellAll();
    this.#told = change.sequence;
    await this.#wire.send({ type: "change", ...change });
  }

  async #tellAll(): Promise<void> {
    const { sequence } = this.#components.local;
    const parts = this.#components.local.parts(MAX_PREFIXES);
    this.#told = sequence;
    for (const [number, prefixes] of parts.entries()) {
      const place = { first: number === 0, last: number === parts.length - 1 };
      await this.#wire.send({ type: "haves", sequence, prefixes, ...place });
    }
  }
}
