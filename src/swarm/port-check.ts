import { setTimeout } from "node:timers/promises";
import { hasCode } from "../core/errors.ts";
import { peekId } from "./discovery/peek.ts";

/** How soon a closed port is tried again. */
const CHECK_AGAIN_MS = 30_000;

/** The TCP port of a peer, as it says. */
export interface PeerPort {
  readonly id: string;
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

/**
 * Looks whether a peer's TCP port can be reached and shows the peer's key; looks again as long as it does not, until the
 * signal aborts. A box whose UDP port is open and whose TCP port is not is in the swarm, but gives nothing.
 */
export class PortCheck {
  /** What is wrong, with the mend; undefined when all is well, or before the first look has ended. */
  problem: string | undefined;

  /** `looked` is told after each look whether the port is open: the peer cannot see its own firewall. */
  constructor(
    peer: PeerPort,
    { signal, looked }: { readonly signal: AbortSignal; readonly looked: (open: boolean) => void },
  ) {
    void this.#watch(peer, signal, looked);
  }

  async #watch(peer: PeerPort, signal: AbortSignal, looked: (open: boolean) => void): Promise<void> {
    do {
      this.problem = await look(peer, signal);
      if (signal.aborted) return;
      looked(this.problem === undefined);
      if (this.problem === undefined) return;
      await setTimeout(CHECK_AGAIN_MS, undefined, { signal, ref: false }).catch(() => {});
    } while (!signal.aborted);
  }
}

async function look({ id, name, host, port }: PeerPort, signal: AbortSignal): Promise<string | undefined> {
  try {
    const seen = await peekId(host, port, { signal });
    if (seen.id === id) return undefined;
    return `TCP ${host}:${port} answers with the key of another box: look at swarm.listen of ${name}`;
  } catch (error) {
    if (signal.aborted) return undefined;
    if (hasCode(error, "UNTRUSTED")) return `TCP port ${port} is another program's: look at swarm.listen of ${name}`;
    return `TCP port ${port} is closed: open it in the firewall of ${name}`;
  }
}
