import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { pipeline, type Duplex } from "node:stream";
import { viaOf } from "../core/net/agent-names.ts";
import { DistswarmError } from "../core/errors.ts";
import { breakOff } from "../core/net/break-off.ts";
import { isGuest } from "./own-address.ts";
import { parseAuthority, type Authority } from "./request-target.ts";

/** Opens a connection to a host outside, through the upstream proxy where one is set: that one is told the `Via`. */
type Dial = (to: Authority, options: { readonly via: string; readonly isGuest: boolean }) => Promise<Duplex>;

/** Where tunnels may lead, and what they are told. */
interface ConnectTunnelInit {
  readonly ports: readonly number[];
  /** The name of this agent in `Via` fields. */
  readonly via: string;
}

/**
 * `CONNECT`: a blind tunnel to allowed ports. Gentoo's own check of its signing keys fails behind a proxy without it.
 */
export class ConnectTunnel {
  readonly #dial: Dial;
  readonly #ports: ReadonlySet<number>;
  readonly #via: string;
  readonly #open = new Set<Duplex>();

  constructor(dial: Dial, init: ConnectTunnelInit) {
    this.#dial = dial;
    this.#ports = new Set(init.ports);
    this.#via = viaOf(init.via);
  }

  /**
   * Serves one `CONNECT`. Throws what went wrong before the tunnel was open.
   *
   * @throws {DistswarmError} `NOT_PERMITTED` for a port that is not allowed.
   */
  async serve(request: IncomingMessage, client: Duplex, head: Buffer): Promise<void> {
    this.#open.add(client);
    client.once("close", () => this.#open.delete(client));
    const to = this.#allowed(request.url ?? "");
    const via = [request.headers.via ?? [], this.#via].flat().join(", ");
    join(request.socket, await this.#dial(to, { via, isGuest: isGuest(request) }), head);
  }

  /** Ends all tunnels. */
  close(): void {
    for (const client of this.#open) client.destroy();
  }

  #allowed(target: string): Authority {
    const to = parseAuthority(target);
    if (this.#ports.has(to.port)) return to;
    const allowed = [...this.#ports].join(", ");
    throw new DistswarmError(
      "NOT_PERMITTED",
      `CONNECT to port ${to.port} is not allowed: proxy.connect_ports has ${allowed}`,
    );
  }
}

/** What breaks on the server's side is passed on as broken: its end would pass for that of the bytes. */
function join(client: Socket, server: Duplex, head: Buffer): void {
  client.setMaxListeners(0); // each way listens for its close several times, of which Node warned at every tunnel
  server.once("error", () => breakOff(client));
  client.write("HTTP/1.1 200 Connection established\r\n\r\n");
  if (head.length > 0) server.write(head);
  const end = (): void => {
    client.destroy();
    server.destroy();
  };
  pipeline(client, server, () => {}).once("error", end);
  pipeline(server, client, end);
  client.once("close", end);
}
