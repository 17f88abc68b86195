import makeMdns, { type MulticastDNS } from "multicast-dns";
import { messageOf } from "../../core/errors.ts";
import type { Startable } from "../../core/lifecycle.ts";
import type { Logger } from "../../core/logger.ts";
import { SERVICE, announcementOf, asksForService, readAnnouncement, type Announced } from "./announcement.ts";

/** When a box asks and announces after its start, in milliseconds. */
const ASK_AT_MS = [0, 250, 1000, 3000];
/** How often it announces itself after that. Nobody asks then: all would answer, and that is the square of them. */
const ANNOUNCE_EVERY_MS = 30_000;
/** At most one answer in this time, whoever asks (RFC 6762, 6): who asks hears the one before, or asks again. */
const ANSWER_EVERY_MS = 1000;

/** What mDNS uses. */
interface MdnsComponents {
  readonly log: Logger;
  /** Told of each announcement that is heard, with the address that it came from. */
  readonly heard: (announced: Announced, address: string) => void;
}

/** What may be set of mDNS. */
interface MdnsInit {
  readonly self: Announced;
  /** The address of this box on the link where it announces itself. */
  readonly address: string;
}

/** Announces this box by multicast DNS on one link, and hears of others. */
export class Mdns implements Startable {
  readonly #components: MdnsComponents;
  readonly #init: MdnsInit;
  #socket: MulticastDNS | undefined;
  #timers: NodeJS.Timeout[] = [];
  #announcedAt = -Infinity;

  constructor(components: MdnsComponents, init: MdnsInit) {
    this.#components = components;
    this.#init = init;
  }

  /** Begins to listen and to announce. A link without multicast costs a warning, not the start. */
  async start(): Promise<void> {
    if (this.#socket !== undefined) return;
    // Bound to its address the socket would hear nothing: multicast is sent to another one.
    const socket = makeMdns({ interface: this.#init.address, bind: "0.0.0.0" });
    this.#socket = socket;
    socket.once("error", (error) =>
      this.#components.log.warn(`no multicast at ${this.#init.address}: ${messageOf(error)}`),
    );
    for (const event of ["error", "warning"] as const) socket.on(event, (error) => this.#complain(error));
    socket.on("query", (packet) => asksForService(packet) && this.#answer());
    socket.on("response", (packet, { address }) => {
      const announced = readAnnouncement(packet);
      if (announced !== undefined) this.#components.heard(announced, address);
    });
    this.#timers = ASK_AT_MS.map((ms) => setTimeout(() => this.#ask(), ms).unref());
    this.#timers.push(setInterval(() => this.#announce(), ANNOUNCE_EVERY_MS).unref());
  }

  async stop(): Promise<void> {
    const socket = this.#socket;
    this.#socket = undefined;
    for (const timer of this.#timers.splice(0)) clearTimeout(timer);
    if (socket !== undefined) await new Promise<void>((resolve) => socket.destroy(resolve));
  }

  #ask(): void {
    this.#announce();
    this.#socket?.query([{ name: SERVICE, type: "PTR" }]);
  }

  #answer(): void {
    if (performance.now() - this.#announcedAt >= ANSWER_EVERY_MS) this.#announce();
  }

  #announce(): void {
    this.#announcedAt = performance.now();
    this.#socket?.respond(announcementOf(this.#init.self));
  }

  #complain(error: unknown): void {
    this.#components.log.debug(`mDNS at ${this.#init.address}: ${messageOf(error)}`);
  }
}
