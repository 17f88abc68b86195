import type { Socket } from "node:net";
import { Crowd } from "../core/net/crowd.ts";

/** Connections without a request, in all and from one address; more than a burst of clients has before its requests are read. */
const MAX_WAITING = 512;
const MAX_WAITING_OF_ADDRESS = 256;

/**
 * The connections on which no request is under way: whoever is in the net can open them, also who is not in `proxy.allow`, and
 * each takes one of the files that the process may have open. Where there are too many the oldest is closed.
 */
export class WaitingClients {
  readonly #crowd = new Crowd<Socket>({ max: MAX_WAITING, maxOfAddress: MAX_WAITING_OF_ADDRESS });

  /** A connection was made. */
  watch(socket: Socket): void {
    this.add(socket);
    socket.once("close", () => this.#crowd.delete(socket));
  }

  /** The last answer on it is complete. */
  add(socket: Socket): void {
    if (!socket.destroyed) this.#crowd.add(socket, socket.remoteAddress ?? "")?.destroy();
  }

  /** A request has come on it. */
  served(socket: Socket): void {
    this.#crowd.delete(socket);
  }
}
