import type { Socket } from "node:net";
import { Crowd } from "../core/net/crowd.ts";

/**
 * Connections without a request, in all and from one address. After a pause the agent takes 511 at once (the backlog of the
 * doors), whose requests it has yet to read: those of a burst of clients must not be closed.
 */
const MAX_WAITING = 1024;
const MAX_WAITING_OF_ADDRESS = 768;

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
