import { createSocket } from "node:dgram";
import { isIPv4 } from "node:net";
import type HyperDHT from "hyperdht";
import type { ConnectOptions, DhtRequest, KeyPair, PeerQuery } from "hyperdht";
import type Hyperswarm from "hyperswarm";
import type { NoiseStream } from "hyperswarm";
import { DistswarmError, messageOf } from "../core/errors.ts";
import type { Startable } from "../core/lifecycle.ts";
import { importNative } from "../core/native.ts";
import { swarmPortError } from "../core/net/swarm-port.ts";

/** Peers at most: a full mesh for all the fleets that we serve now. */
export const MAX_PEERS = 256;
/** Hyperswarm counts each connection four times against its limit when peers are joined by key. */
const HYPERSWARM_MAX_PEERS = 4 * MAX_PEERS + 1;
/** Dials at once: a dead box must not hold up the others. */
const MAX_PARALLEL_DIALS = 16;
/** With these a healed host is back in about 2 s; with the stock ones it had one of three sessions after 90 s. */
const DIAL_BACKOFFS_MS = [500, 1000, 2000, 4000] as const;

/** Where a box is: IPv4 address, and UDP port of its swarm. */
export interface Place {
  readonly host: string;
  readonly port: number;
}

/** Where each box is dialled, by the hex of its key. */
type Places = Map<string, readonly Place[]>;

/** What a transport uses. */
interface TransportComponents {
  readonly keyPair: KeyPair;
  /** Whether this key may never connect. */
  readonly denies: (id: string) => boolean;
  /** Told of each connection with a box of a proved public key. */
  readonly connected: (stream: NoiseStream) => void;
}

/** What may be set of a transport. */
interface TransportInit {
  /** The address to bind to: `0.0.0.0`, since a node bound to one address does not survive its change. */
  readonly bind: string;
  readonly port: number;
  /** The address of this box, by which others know it. */
  readonly address: string;
}

/**
 * Hyperswarm without its DHT: boxes are dialled by key at the places that discovery found, and no node is asked for any.
 * For one address of this box: on a change make a new one.
 */
export class Transport implements Startable {
  readonly #components: TransportComponents;
  readonly #init: TransportInit;
  readonly #places: Places = new Map();
  #swarm: Hyperswarm | undefined;
  #isRetired = false;

  constructor(components: TransportComponents, init: TransportInit) {
    this.#components = components;
    this.#init = init;
  }

  /**
   * Begins to listen.
   *
   * @throws {DistswarmError} `SWARM_UNAVAILABLE` when the native parts do not load here; `ADDRESS_IN_USE`; `INVALID_CONFIG`
   * for an address that is not IPv4.
   */
  async start(): Promise<void> {
    if (this.#swarm !== undefined) return;
    const native = await loadNative();
    await checkPort(this.#init);
    const { keyPair, denies, connected } = this.#components;
    const { port, address, bind } = this.#init;
    const { HyperDHT } = native;
    const node = aloneNode(HyperDHT, { places: this.#places, ownTarget: HyperDHT.hash(keyPair.publicKey) });
    const dht = node.bootstrapper(port, address, { host: bind, ephemeral: true });
    await dht.bind();
    this.#swarm = new native.Hyperswarm({
      dht,
      keyPair,
      maxPeers: HYPERSWARM_MAX_PEERS,
      maxParallel: MAX_PARALLEL_DIALS,
      backoffs: DIAL_BACKOFFS_MS,
      firewall: (key) => this.#isRetired || denies(key.toString("hex")),
    });
    this.#swarm.on("connection", connected);
    this.#swarm.on("ban", (peer) => peer.ban(false)); // whom we deny may change
    await this.#swarm.listen();
  }

  /**
   * Dials nobody and answers nobody any more; connections stay. Before they are closed: Hyperswarm would make each of them
   * anew at once, and where this box is gone by then, the other one waits for it for seconds.
   */
  retire(): void {
    this.#isRetired = true;
    for (const id of this.#places.keys()) this.leave(id);
  }

  /** Closes all connections, at once: to say good-bye takes seconds where the network is gone. */
  async stop(): Promise<void> {
    this.retire();
    const swarm = this.#swarm;
    this.#swarm = undefined;
    for (const connection of swarm?.connections ?? []) connection.destroy();
    await swarm?.destroy();
  }

  /**
   * Keeps dialling a box at these places until it is connected, and again
   * when it is lost. May be called again and again.
   */
  dial(id: string, places: readonly Place[]): void {
    if (this.#isRetired) return;
    this.#places.set(id, places);
    this.#swarm?.joinPeer(Buffer.from(id, "hex"));
  }

  /** Stops dialling a box. */
  leave(id: string): void {
    this.#places.delete(id);
    this.#swarm?.leavePeer(Buffer.from(id, "hex"));
  }
}

/**
 * A node without a DHT. It dials each key where it is, and looks nobody up: among more boxes than a look-up asks (20) it does
 * not find every one, and each dial of a box that is off would ask twenty others for it.
 *
 * It answers nobody but who dials this box. A node of a DHT keeps what any stranger gives it, gives it to whoever is named as
 * the asker, tells of the other nodes that it knows, and passes messages on to where it is told.
 */
function aloneNode(
  native: typeof HyperDHT,
  { places, ownTarget }: { readonly places: Places; readonly ownTarget: Buffer },
): typeof HyperDHT {
  return class extends native {
    override _onrequest(request: DhtRequest, isExternal: boolean): void {
      if (request.internal || request.command !== PEER_HANDSHAKE) return;
      request.from.id = null; // it would be taken for a node, and pinged from now on
      if (request.target?.equals(ownTarget) === true) super._onrequest(request, isExternal);
      else request.reply(null, NOTHING_MORE); // who dials a box that was here before need not wait
    }

    override findPeer(): PeerQuery {
      return FINDS_NOBODY;
    }

    override connect(key: Buffer, options?: ConnectOptions): NoiseStream {
      return super.connect(key, { ...options, relayAddresses: places.get(key.toString("hex")) ?? [] });
    }
  };
}

/** The command by which a box is dialled (`COMMANDS` of hyperdht). */
const PEER_HANDSHAKE = 0;
const NOTHING_MORE = { token: false, closerNodes: false };

/** A look-up that asks nobody. */
const FINDS_NOBODY: PeerQuery = {
  closestReplies: [],
  closestNodes: [],
  finished: async () => {},
  destroy: () => {},
  async *[Symbol.asyncIterator]() {},
};

/** The native parts load when the swarm starts, so that an agent without them still is a cache. */
async function loadNative(): Promise<{ HyperDHT: typeof HyperDHT; Hyperswarm: typeof Hyperswarm }> {
  try {
    const [dht, swarm] = await importNative(() => Promise.all([import("hyperdht"), import("hyperswarm")]));
    return { HyperDHT: dht.default, Hyperswarm: swarm.default };
  } catch (error) {
    const platform = `${process.platform} ${process.arch}`;
    throw new DistswarmError(
      "SWARM_UNAVAILABLE",
      `the native parts of the swarm do not load on this platform (${platform}): this box is a cache for itself only`,
      { cause: error, facts: { reason: messageOf(error) } },
    );
  }
}

/** A DHT node that failed to bind cannot be ended, so the port is tried first. */
async function checkPort({ bind, port }: TransportInit): Promise<void> {
  if (!isIPv4(bind))
    throw new DistswarmError("INVALID_CONFIG", `swarm.listen: ${bind} is no IPv4 address; the swarm needs one`);
  const socket = createSocket("udp4");
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.bind({ port, address: bind, exclusive: true }, resolve);
    });
  } catch (error) {
    throw swarmPortError(`UDP ${bind}:${port}`, error);
  } finally {
    socket.close();
  }
}
