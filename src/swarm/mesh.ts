import { networkInterfaces } from "node:os";
import type { NoiseStream } from "hyperswarm";
import { messageOf } from "../core/errors.ts";
import { authorityOf } from "../core/net/host.ts";
import { startAll, stopAll, type Startable } from "../core/lifecycle.ts";
import type { Logger } from "../core/logger.ts";
import { OneByOne } from "../core/async/one-by-one.ts";
import { LanScope } from "./discovery/lan-scope.ts";
import { Mdns } from "./discovery/mdns.ts";
import { StaticPeers, type StaticPeer, type StaticPeerStatus } from "./discovery/static-peers.ts";
import { Twin } from "./discovery/twin.ts";
import { Unanswered } from "./discovery/unanswered.ts";
import type { Identity } from "./identity.ts";
import { KnownBoxes, type Found, type KnownBox } from "./known-boxes.ts";
import type { NetworkKey } from "./network-key.ts";
import { noSession } from "./swarm-report.ts";
import { Transport, type Place } from "./transport.ts";

/** How often the addresses of this box are looked at, and lost boxes dialled again. */
const TEND_EVERY_MS = 2000;

/** What a mesh uses. */
interface MeshComponents {
  readonly identity: Identity;
  readonly log: Logger;
  /** Whether there is a session with a box. */
  readonly isConnected: (id: string) => boolean;
  /** Whether a box is not to be dialled now. */
  readonly isShunned: (id: string) => boolean;
  /** Told of each connection, made by either side. */
  readonly connected: (stream: NoiseStream) => void;
  /** Whether a box is listed in `swarm.deny`. */
  readonly isDenied: (id: string) => boolean;
  /** Told when such a box tried to connect. */
  readonly denied: () => void;
}

/** What may be set of a mesh. */
export interface MeshInit {
  readonly networkKey: NetworkKey;
  readonly listen: { readonly host: string; readonly port: number };
  readonly peers: readonly StaticPeer[];
  readonly networks: readonly string[];
  readonly multicast: boolean;
}

/**
 * Finds the other boxes of one network and keeps this box connected to all of them. When the addresses of this box change,
 * all that depends on them is made anew.
 */
export class Mesh implements Startable {
  readonly #components: MeshComponents;
  readonly #init: MeshInit;
  readonly #boxes = new KnownBoxes();
  readonly #staticPeers: StaticPeers;
  readonly #twin = new Twin();
  readonly #unanswered: Unanswered;
  #scope: LanScope | undefined;
  #announcers: Mdns[] = [];
  #transport: Transport | undefined;
  /** The address that the transport is for. */
  #address: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Looks at the addresses, one at a time. */
  readonly #turns = new OneByOne();
  #problem: string | undefined;

  constructor(components: MeshComponents, init: MeshInit) {
    this.#components = components;
    this.#init = init;
    const { log, isConnected, isShunned, isDenied } = components;
    const found = ({ id, host }: { id: string; host: string }, port: number): void =>
      this.learn(id, { host, port }, "static");
    this.#staticPeers = new StaticPeers({ ownId: components.identity.id, log, isConnected, found }, init);
    this.#unanswered = new Unanswered({ isSettled: (id) => isConnected(id) || isShunned(id) || isDenied(id) });
  }

  /** The addresses at which this box offers the swarm. */
  get addresses(): readonly string[] {
    return this.#scope?.addresses.map(({ address }) => address) ?? [];
  }

  /** Why there is none of {@link Mesh.addresses}; undefined where there is one. */
  get unoffered(): string | undefined {
    return this.#scope?.problem;
  }

  /** Why there is no swarm now, or none at some address; undefined when all went well at the last look. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** What is wrong where another box has this box's identity, which lies in `identityFile`; else undefined. */
  twinProblem(identityFile: string): string | undefined {
    return this.#twin.problem(identityFile);
  }

  /** Where boxes announce themselves with which no session comes about. */
  get unanswered(): readonly string[] {
    return this.#unanswered.addresses();
  }

  /** What came of the configured peers. */
  get staticPeers(): readonly StaticPeerStatus[] {
    return this.#staticPeers.statuses();
  }

  /**
   * Begins to look for the others. Without any network it waits for one. One of start and stop at a time. Where this throws,
   * it is tried again with each look at the addresses, until it is stopped.
   *
   * @throws {DistswarmError} `SWARM_UNAVAILABLE`, `ADDRESS_IN_USE`, `INVALID_CONFIG`.
   */
  async start(): Promise<void> {
    if (this.#timer !== undefined) return;
    this.#timer = setInterval(() => void this.#turns.run(() => this.#tendAgain()), TEND_EVERY_MS);
    await this.#staticPeers.start();
    await this.#turns.run(() => this.#tend());
  }

  /** Dials and answers nobody from the moment of the call. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#transport?.retire();
    await this.#staticPeers.stop();
    await this.#turns.idle();
    await stopAll(this.#announcers.splice(0));
    await this.#rebuildTransport(undefined);
  }

  /** Notes that a box may be at a place, and dials it. `teller`: the peer that told of it. */
  learn(id: string, place: Place, found: Found, teller?: string): void {
    if (id === this.#components.identity.id || !this.accepts(place.host)) return;
    if (this.#boxes.learn(id, place, found, teller)) this.#dial(this.#boxes.get(id)!);
  }

  /** Whether a box at this address may be talked to. */
  accepts(host: string): boolean {
    return this.#scope?.accepts(host) ?? false;
  }

  /** How a box was found. */
  foundBy(id: string): Found | undefined {
    return this.#boxes.get(id)?.found;
  }

  #currentScope(): LanScope {
    return new LanScope(networkInterfaces(), this.#init.networks, this.#init.listen.host);
  }

  /** Says what is wrong when it comes up, not each time. */
  async #tendAgain(): Promise<void> {
    const known = this.#problem;
    await this.#tend().catch(() => {}); // it is the problem now
    if (this.#problem !== undefined && this.#problem !== known) {
      this.#components.log.warn(`${this.#problem}; trying again`);
    }
  }

  async #tend(): Promise<void> {
    try {
      await this.#look();
      this.#problem = undefined;
    } catch (error) {
      this.#problem = messageOf(error);
      throw error;
    }
  }

  /** Looks at the addresses, and dials who is not here. */
  async #look(): Promise<void> {
    const scope = this.#currentScope();
    const isSame = this.#scope !== undefined && scope.equals(this.#scope);
    this.#scope = scope;
    if (!isSame && scope.problem !== undefined)
      this.#components.log.info(`no other box is looked for: ${scope.problem}`);
    if (!isSame || this.#transport === undefined) await this.#build();
    this.#unanswered.forgetSettled();
    for (const { id } of this.#boxes.forgetLost(this.#components.isConnected)) this.#transport?.leave(id);
    this.#dialAll();
  }

  /** Makes what the addresses need. What still fits is left as it is: another link must not cost the sessions. */
  async #build(): Promise<void> {
    const { addresses } = this;
    if (!addresses.includes(this.#address ?? "")) await this.#rebuildTransport(addresses[0]);
    await stopAll(this.#announcers.splice(0));
    if (!this.#init.multicast) return;
    this.#announcers = addresses.map((address) => this.#makeMdns(address));
    for (const announcer of this.#announcers) await announcer.start();
  }

  async #rebuildTransport(address: string | undefined): Promise<void> {
    await this.#transport?.stop();
    this.#transport = undefined;
    this.#address = undefined;
    if (address === undefined) return;
    const transport = this.#makeTransport(address);
    await startAll([transport]);
    this.#transport = transport;
    this.#address = address;
    this.#components.log.info({ addresses: this.addresses }, `the swarm is offered at ${address}`);
  }

  #makeTransport(address: string): Transport {
    const { identity, connected, isDenied, denied } = this.#components;
    const { listen } = this.#init;
    return new Transport(
      {
        keyPair: identity.keyPair,
        connected,
        denies: (id) => {
          if (!isDenied(id)) return false;
          denied();
          return true;
        },
      },
      { bind: listen.host, port: listen.port, address },
    );
  }

  #makeMdns(address: string): Mdns {
    const { identity, log } = this.#components;
    const { networkKey, listen } = this.#init;
    const self = { id: identity.id, tag: networkKey.tagFor(identity.keyPair.publicKey), port: listen.port };
    const heard = ({ id, tag, port }: typeof self, host: string): void => {
      if (tag !== networkKey.tagFor(Buffer.from(id, "hex"))) return;
      const place = { host, port };
      if (id !== identity.id) return this.#heard(id, place);
      if (this.#twin.heard(place, address))
        log.warn(`the box at ${host} has the same identity as this one: see distswarm status`);
    };
    return new Mdns({ log, heard }, { self, address });
  }

  #heard(id: string, place: Place): void {
    this.#twin.heardOther(place);
    this.learn(id, place, "mdns");
    if (!this.accepts(place.host) || !this.#unanswered.heard(id, place)) return;
    this.#components.log.warn(noSession(authorityOf(place.host, place.port)));
  }

  #dialAll(): void {
    for (const box of this.#boxes.all()) this.#dial(box);
  }

  #dial(box: KnownBox): void {
    const { isConnected, isDenied, isShunned } = this.#components;
    const { id, places } = box;
    if (isConnected(id)) return;
    if (isDenied(id) || isShunned(id) || !this.#boxes.isDue(box)) return this.#transport?.leave(id);
    this.#transport?.dial(id, places);
  }
}
