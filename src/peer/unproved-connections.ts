import type { Socket } from "node:net";
import { Crowd } from "../core/crowd.ts";

/** Connections that have not shown a key yet, in all and from one address: a handshake takes some 20 ms. */
const MAX_UNPROVED = 256;
const MAX_UNPROVED_OF_ADDRESS = 64;

/** The connections that have not shown a key yet, by place: an outsider that holds them open loses them. */
export class UnprovedConnections {
  readonly #crowd = new Crowd<string>({ max: MAX_UNPROVED, maxOfAddress: MAX_UNPROVED_OF_ADDRESS });
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
    socket.once("close", () => this.#forget(place));
    const leaving = this.#crowd.add(place, socket.remoteAddress ?? "");
    if (leaving !== undefined) this.#cut(leaving);
  }

  /** It has shown its key; `socket` may be one on top of the one that was added. */
  proved(socket: Socket): void {
    this.#forget(placeOf(socket));
  }

  #cut(place: string): void {
    const socket = this.#sockets.get(place)!;
    this.#forget(place);
    this.#cutOff(socket.remoteAddress ?? "");
    socket.destroy();
  }

  #forget(place: string): void {
    this.#crowd.delete(place);
    this.#sockets.delete(place);
  }
}

function placeOf({ remoteAddress = "", remotePort = 0 }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
