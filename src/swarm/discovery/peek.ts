import { once } from "node:events";
import { connect } from "node:tls";
import { SourceError, messageOf, systemCode } from "../../core/errors.ts";
import { LinkedAbort } from "../../core/async/linked-abort.ts";
import { abortable } from "../../core/async/pulse.ts";
import { PEEK_PROTOCOL, idOfKey } from "../identity.ts";
import { addressOf } from "./name-look-up.ts";

/** No dial is given up before this: a box that compiles is slow, not dead. */
const PEEK_TIMEOUT_MS = 3000;

/** What an agent does with who comes from elsewhere, before it has heard a word. */
const HANGS_UP = "it hangs up: its swarm.networks leave this box out (virtual links and VPNs must be named there)";

/** Who answers at a TCP port, and where. */
export interface Peeked {
  readonly id: string;
  /** IPv4 address that a host name stood for. */
  readonly host: string;
}

/**
 * Reads whose certificate a box shows at its TCP port, and says nothing there. TLS proves that the box holds the key.
 *
 * @throws {SourceError} `REFUSED` when nobody answers there, `UNTRUSTED` when it is no agent; the signal's reason.
 */
export async function peekId(host: string, port: number, { signal }: { signal: AbortSignal }): Promise<Peeked> {
  const limit = AbortSignal.timeout(PEEK_TIMEOUT_MS);
  const either = new LinkedAbort([signal, limit]);
  try {
    const address = await abortable(addressOf(host), either.signal); // a name server may take half a minute
    return { host: address, id: await readId(address, port, either.signal) };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof SourceError) throw error;
    const why = limit.aborted ? "no answer" : systemCode(error) === "ECONNRESET" ? HANGS_UP : messageOf(error);
    throw new SourceError("REFUSED", `TCP ${host}:${port}: ${why}`, { cause: error });
  } finally {
    either.unlink();
  }
}

async function readId(host: string, port: number, signal: AbortSignal): Promise<string> {
  const socket = connect({
    host,
    port,
    minVersion: "TLSv1.3",
    rejectUnauthorized: false, // what counts is the key in the certificate
    ALPNProtocols: [PEEK_PROTOCOL],
  });
  try {
    await once(socket, "secureConnect", { signal });
    const certificate = socket.getPeerX509Certificate();
    const id = certificate && idOfKey(certificate.publicKey);
    if (id === undefined) throw new SourceError("UNTRUSTED", `${host}:${port} is no distswarm agent`);
    return id;
  } finally {
    socket.destroy();
  }
}
