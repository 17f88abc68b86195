import { setTimeout } from "node:timers/promises";
import { hasCode } from "../core/errors.ts";
import { peekId } from "./discovery/peek.ts";

/** How soon a closed port is tried again, and an open one: one handshake, also when a firewall is closed later. */
const CLOSED_AGAIN_MS = 30_000;
const OPEN_AGAIN_MS = 120_000;

/** The TCP port of a peer, as it says. */
interface PeerPort {
  readonly id: string;
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Whether its swarm is heard from another port: NAT stands between. */
  readonly isTranslated: boolean;
}

/** What may be set of a port check. */
interface PortCheckInit {
  readonly signal: AbortSignal;
  /** Told whether the port is open, first and at each change: the peer cannot see its own firewall. */
  readonly looked: (open: boolean) => void;
  /** How soon an open port is looked at again, in milliseconds. @default 2 min */
  readonly openAgainMs?: number;
}

/**
 * Looks now and then whether a peer's TCP port can be reached and shows the peer's key, until the signal aborts. A box
 * whose UDP port is open and whose TCP port is not is in the swarm, but gives nothing.
 */
export class PortCheck {
  /** What is wrong, with the mend; undefined when all is well, or before the first look has ended. */
  problem: string | undefined;

  /** Begins at once. */
  constructor(peer: PeerPort, init: PortCheckInit) {
    void this.#watch(peer, init);
  }

  async #watch(peer: PeerPort, { signal, looked, openAgainMs = OPEN_AGAIN_MS }: PortCheckInit): Promise<void> {
    let wasOpen: boolean | undefined;
    do {
      this.problem = await look(peer, signal);
      if (signal.aborted) return;
      const isOpen = this.problem === undefined;
      if (isOpen !== wasOpen) looked(isOpen);
      wasOpen = isOpen;
      const pause = isOpen ? openAgainMs : CLOSED_AGAIN_MS;
      await setTimeout(pause, undefined, { signal, ref: false }).catch(() => {});
    } while (!signal.aborted);
  }
}

async function look(
  { id, name, host, port, isTranslated }: PeerPort,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const seen = await peekId(host, port, { signal });
    if (seen.id === id) return undefined;
    return `TCP ${host}:${port} is another box's: ${behindNat(name)}; or look at its swarm.listen`;
  } catch (error) {
    if (signal.aborted) return undefined;
    if (hasCode(error, "UNTRUSTED")) return `TCP port ${port} is another program's: look at swarm.listen of ${name}`;
    if (isTranslated) return `TCP port ${port} is closed at ${host}: ${behindNat(name)}`;
    return `TCP port ${port} is closed: open it in the firewall of ${name}`;
  }
}

function behindNat(name: string): string {
  return `${name} is behind NAT, and can take files, but give none: give it an address of the LAN`;
}
