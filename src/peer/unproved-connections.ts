import type { Socket } from "node:net";
import { Crowd } from "../core/net/crowd.ts";

/** Connections that have not shown a key yet, in all and from one address: a handshake takes some 20 ms. */
const MAX_UNPROVED = 256;
const MAX_UNPROVED_OF_ADDRESS = 64;
/** A box that compiles is slow; the end that dials gives up only after this (`peer-connection.ts`). */
const HANDSHAKE_TIMEOUT_MS = 3000;

/** A connection that may still show its key, until then. */
interface Unproved {
  readonly socket: Socket;
  readonly late: NodeJS.Timeout;
}

/** The connections that have not shown a key yet, by place: an outsider that holds them open loses them. */
export class UnprovedConnections {
  readonly #crowd = new Crowd<string>({ max: MAX_UNPROVED, maxOfAddress: MAX_UNPROVED_OF_ADDRESS });
  readonly #unproved = new Map<string, Unproved>();
  readonly #cutOff: (address: string) => void;

  /** `cutOff` is told the address of each connection that is cut off. */
  constructor({ cutOff }: { readonly cutOff: (address: string) => void }) {
    this.#cutOff = cutOff;
  }

  /** A connection has been made. */
  add(socket: Socket): void {
    const place = placeOf(socket);
    this.#forget(place); // one that was broken off, and dialled anew from the same port: its `close` is still to come
    // not by Node's handshakeTimeout: who that has cut off has no address any more
    const late = setTimeout(() => this.#cut(place), HANDSHAKE_TIMEOUT_MS);
    this.#unproved.set(place, { socket, late });
    socket.once("close", () => this.#unproved.get(place)?.socket === socket && this.#forget(place));
    const leaving = this.#crowd.add(place, socket.remoteAddress ?? "");
    if (leaving !== undefined) this.#cut(leaving);
  }

  /** It has shown its key; `socket` may be one on top of the one that was added. */
  proved(socket: Socket): void {
    this.#forget(placeOf(socket));
  }

  #cut(place: string): void {
    const { socket } = this.#unproved.get(place)!;
    this.#forget(place);
    this.#cutOff(socket.remoteAddress ?? "");
    socket.destroy();
  }

  #forget(place: string): void {
    clearTimeout(this.#unproved.get(place)?.late);
    this.#crowd.delete(place);
    this.#unproved.delete(place);
  }
}

function placeOf({ remoteAddress = "", remotePort = 0 }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
