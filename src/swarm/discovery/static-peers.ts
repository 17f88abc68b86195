import { setMaxListeners } from "node:events";
import { isIPv6 } from "node:net";
import { setTimeout } from "node:timers/promises";
import { messageOf } from "../../core/errors.ts";
import { authorityOf } from "../../core/net/host.ts";
import type { Startable } from "../../core/lifecycle.ts";
import type { Logger } from "../../core/logger.ts";
import { peekId, type Peeked } from "./peek.ts";

/** How often a configured peer without a session is asked who it is. */
const ASK_EVERY_MS = 1000;
const ASK_LATER_MS = 10_000;
/** Asked in vain so often, it is asked at the longer interval. */
const ASK_LATER_AFTER = 10;
/** Who has answered so often, and there is still no session, has turned this box away or was turned away. */
const NO_SESSION_AFTER = 3;

/** A configured peer: the port is that of its swarm (UDP) and of its blobs (TCP). */
export interface StaticPeer {
  readonly host: string;
  readonly port: number;
}

/** What came of a configured peer. */
export interface StaticPeerStatus {
  /** As the config has it: `host:port`. */
  readonly address: string;
  /** Who answers there. */
  readonly id?: string;
  /** Why there is no session with it; absent while it is being looked for, and when there is one. */
  readonly problem?: string;
}

/** The last look at a configured peer. */
interface Look {
  id?: string;
  problem?: string;
  /** Looks without a session, one after the other. */
  vain: number;
}

/** What static peers use. */
interface StaticPeersComponents {
  readonly ownId: string;
  readonly log: Logger;
  /** Whether there is a session with the box that answered there last. */
  readonly isConnected: (id: string) => boolean;
  /** Told who a configured peer is, and where. */
  readonly found: (peeked: Peeked, port: number) => void;
}

/** Learns the keys of the configured peers from the certificates at their TCP ports, as long as there is no session. */
export class StaticPeers implements Startable {
  readonly #components: StaticPeersComponents;
  readonly #peers: readonly StaticPeer[];
  #abort: AbortController | undefined;
  #running: Promise<void>[] = [];
  readonly #looks = new Map<StaticPeer, Look>();

  constructor(components: StaticPeersComponents, { peers }: { readonly peers: readonly StaticPeer[] }) {
    this.#components = components;
    this.#peers = peers;
  }

  async start(): Promise<void> {
    if (this.#abort !== undefined) return;
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    setMaxListeners(0, signal); // each peer waits on it
    this.#running = this.#peers.filter(({ host }) => !isIPv6(host)).map((peer) => this.#watch(peer, signal));
  }

  async stop(): Promise<void> {
    this.#abort?.abort();
    this.#abort = undefined;
    await Promise.all(this.#running.splice(0));
  }

  /** What came of each, in the order of the config. */
  statuses(): StaticPeerStatus[] {
    return this.#peers.map((peer) => {
      const { host, port } = peer;
      const { id } = this.#looks.get(peer) ?? {};
      const problem = this.#problemOf(peer);
      const address = authorityOf(host, port);
      return { address, ...(id !== undefined && { id }), ...(problem !== undefined && { problem }) };
    });
  }

  #problemOf(peer: StaticPeer): string | undefined {
    if (isIPv6(peer.host)) return "the swarm knows no IPv6: name it by an IPv4 address";
    const { id, problem, vain } = this.#looks.get(peer) ?? { vain: 0 };
    const { ownId, isConnected } = this.#components;
    if (id === ownId) return "that is this box itself";
    if (id !== undefined && isConnected(id)) return undefined;
    return problem ?? (vain < NO_SESSION_AFTER ? undefined : "it answers, and lets this box into no session");
  }

  async #watch(peer: StaticPeer, signal: AbortSignal): Promise<void> {
    const look: Look = { vain: 0 };
    this.#looks.set(peer, look);
    for (; !signal.aborted; look.vain += 1) {
      if (look.id !== undefined && this.#components.isConnected(look.id)) look.vain = 0;
      else await this.#ask(peer, look, signal);
      const ms = look.vain < ASK_LATER_AFTER ? ASK_EVERY_MS : ASK_LATER_MS;
      await setTimeout(ms, undefined, { signal }).catch(() => {});
    }
  }

  async #ask({ host, port }: StaticPeer, look: Look, signal: AbortSignal): Promise<void> {
    try {
      const peeked = await peekId(host, port, { signal });
      this.#components.found(peeked, port);
      look.id = peeked.id;
      delete look.problem;
    } catch (error) {
      if (signal.aborted) return;
      this.#components.log.debug(`swarm.peers: ${messageOf(error)}`);
      look.problem = messageOf(error);
    }
  }
}
