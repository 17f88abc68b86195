import { setTimeout } from "node:timers/promises";
import { messageOf } from "../../core/errors.ts";
import type { Startable } from "../../core/lifecycle.ts";
import type { Logger } from "../../core/logger.ts";
import { peekId, type Peeked } from "./peek.ts";

/** How often a configured peer without a session is asked who it is. */
const ASK_EVERY_MS = 1000;
const ASK_LATER_MS = 10_000;
/** Asked in vain so often, it is asked at the longer interval. */
const ASK_LATER_AFTER = 10;

/** A configured peer: the port is that of its swarm (UDP) and of its blobs (TCP). */
export interface StaticPeer {
  readonly host: string;
  readonly port: number;
}

/** What static peers use. */
export interface StaticPeersComponents {
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

  constructor(components: StaticPeersComponents, { peers }: { readonly peers: readonly StaticPeer[] }) {
    this.#components = components;
    this.#peers = peers;
  }

  async start(): Promise<void> {
    if (this.#abort !== undefined) return;
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    this.#running = this.#peers.map((peer) => this.#watch(peer, signal));
  }

  async stop(): Promise<void> {
    this.#abort?.abort();
    this.#abort = undefined;
    await Promise.all(this.#running.splice(0));
  }

  async #watch(peer: StaticPeer, signal: AbortSignal): Promise<void> {
    let id: string | undefined;
    for (let vain = 0; !signal.aborted; vain += 1) {
      if (id !== undefined && this.#components.isConnected(id)) vain = 0;
      else id = (await this.#ask(peer, signal)) ?? id;
      const ms = vain < ASK_LATER_AFTER ? ASK_EVERY_MS : ASK_LATER_MS;
      await setTimeout(ms, undefined, { signal }).catch(() => {});
    }
  }

  async #ask({ host, port }: StaticPeer, signal: AbortSignal): Promise<string | undefined> {
    try {
      const peeked = await peekId(host, port, { signal });
      this.#components.found(peeked, port);
      return peeked.id;
    } catch (error) {
      if (!signal.aborted) this.#components.log.debug(`swarm.peers: ${messageOf(error)}`);
      return undefined;
    }
  }
}
