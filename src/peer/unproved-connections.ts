import type { Socket } from "node:net";

/** Connections that have not shown a key yet, in all and from one address: a handshake takes some 20 ms. */
const MAX_UNPROVED = 256;
const MAX_UNPROVED_OF_ADDRESS = 64;

/**
 * The connections that have not shown a key yet. Where there are too many the oldest is cut off: an outsider that holds
 * them open loses them, and who proves its key at once gets through.
 */
export class UnprovedConnections {
  /** By place, the oldest first. */
  readonly #sockets = new Map<string, Socket>();
  readonly #cutOff: (address: string) => void;

  /** `cutOff` is told the address of each connection that is cut off. */
  constructor({ cutOff }: { readonly cutOff: (address: string) => void }) {
    this.#cutOff = cutOff;
  }

  /** A connection has been made. */
  add(socket: Socket): void {
    const place = placeOf(socket);
    this.#sockets.set(place, socket);
    socket.once("close", () => this.#sockets.delete(place));
    const ofAddress = [...this.#sockets.values()].filter((other) => other.remoteAddress === socket.remoteAddress);
    if (ofAddress.length > MAX_UNPROVED_OF_ADDRESS) this.#cut(ofAddress[0]!);
    else if (this.#sockets.size > MAX_UNPROVED) this.#cut(this.#sockets.values().next().value!);
  }

  /** It has shown its key; `socket` may be one on top of the one that was added. */
  proved(socket: Socket): void {
    this.#sockets.delete(placeOf(socket));
  }

  #cut(socket: Socket): void {
    this.#sockets.delete(placeOf(socket));
    this.#cutOff(socket.remoteAddress ?? "");
    socket.destroy();
  }
}

function placeOf({ remoteAddress = "", remotePort = 0 }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
