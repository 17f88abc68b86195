import { EventEmitter } from "node:events";
import { viaOf } from "../core/net/agent-names.ts";
import type { UpstreamAnswer } from "../core/upstream.ts";

/**
 * Agents named at most, and how often a request is sent for them: who may ask here can make up names. A circle of more
 * breaks when the servers' time is over.
 */
const MAX_NAMED = 64;

/** A request, with a `Via` field (name and value in turn) of its own. */
export type SendNaming = (via: readonly string[], signal: AbortSignal) => Promise<UpstreamAnswer>;

/**
 * Which other agents wait here for what. Whoever is asked for it upstream is told, as if each of them had sent the
 * request: an agent that would be asked for what it waits for here says so (508) instead of waiting, too.
 */
export class WaitingAgents {
  readonly #self: string;
  readonly #waiting = new Map<string, Set<readonly string[]>>();
  readonly #joined = new EventEmitter<Record<string, [agents: readonly string[]]>>().setMaxListeners(0);

  /** `self`: the name of this agent. */
  constructor({ self }: { self: string }) {
    this.#self = self;
  }

  /** Takes note that agents wait for `what`, until the returned function is called. */
  add(what: string, agents: readonly string[]): () => void {
    if (agents.length === 0) return () => {};
    const all = this.#waiting.get(what) ?? new Set();
    const entry = [...agents];
    this.#waiting.set(what, all.add(entry));
    this.#joined.emit(what, entry);
    return () => {
      all.delete(entry);
      if (all.size === 0 && this.#waiting.get(what) === all) this.#waiting.delete(what);
    };
  }

  /** Whether an agent waits for `what` now. */
  isAwaited(what: string): boolean {
    return this.#waiting.has(what);
  }

  /** Has `joined` called whenever agents begin to wait for `what`, until the returned function is called. */
  onJoined(what: string, joined: (agents: readonly string[]) => void): () => void {
    this.#joined.on(what, joined);
    return () => this.#joined.off(what, joined);
  }

  /** The field that names those who wait for `what` now, name and value in turn; empty when nobody does. */
  via(what: string): readonly string[] {
    return fieldOf(this.#of(what));
  }

  /**
   * Sends a request for `what` to a server that may be an agent, too. Two that ask each other in the same moment cannot
   * know that they wait for each other: so it is sent again as soon as an agent whose name comes before ours begins to
   * wait. In a circle of agents the first name goes round, and comes to the one that bears it.
   */
  async send(what: string, signal: AbortSignal, send: SendNaming): Promise<UpstreamAnswer> {
    for (let sent = 1; ; sent += 1) {
      const named = this.#of(what);
      const again = new AbortController();
      const listened = this.onJoined(what, (agents) => {
        const isNews = agents.some((name) => name < this.#self && !named.includes(name));
        if (isNews && sent < MAX_NAMED) again.abort();
      });
      try {
        const answer = await send(fieldOf(named), AbortSignal.any([signal, again.signal]));
        if (!again.signal.aborted) return answer;
        answer.body.destroy();
      } catch (error) {
        if (signal.aborted || !again.signal.aborted) throw error;
      } finally {
        listened();
      }
    }
  }

  #of(what: string): readonly string[] {
    return [...new Set([...(this.#waiting.get(what) ?? [])].flat())].slice(0, MAX_NAMED);
  }
}

function fieldOf(agents: readonly string[]): readonly string[] {
  return agents.length === 0 ? [] : ["Via", viaOf(...agents)];
}
