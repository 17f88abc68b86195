import HyperDHT, { type ConnectOptions, type KeyPair } from "hyperdht";
import type { NoiseStream } from "hyperswarm";
import { placeOf, type Box } from "./boxes.ts";
import type { Contact } from "./outsider.ts";
import { freePort } from "../support/free-port.ts";

/** What of HyperDHT only an outsider needs. */
interface DhtNode {
  bind(): Promise<void>;
  connect(key: Buffer, options: ConnectOptions & { keyPair: KeyPair }): NoiseStream;
  destroy(options: { force: boolean }): Promise<void>;
}
const native = HyperDHT as unknown as {
  bootstrapper(port: number, address: string, options: { host: string }): DhtNode;
  keyPair(): KeyPair;
};

/**
 * One node that holds any number of connections to a box, each with a key pair
 * of its own, and dials again when it loses one.
 */
export class Crowd {
  readonly #node: DhtNode;
  readonly #box: Box;
  readonly #behave: (contact: Contact) => void;
  /** Messages that it was told, over all connections. */
  told = 0;
  #isStopped = false;

  private constructor(node: DhtNode, box: Box, behave: (contact: Contact) => void) {
    this.#node = node;
    this.#box = box;
    this.#behave = behave;
  }

  /** Starts one; `behave` says what it does on each connection, by default nothing. */
  static async start(box: Box, behave: (contact: Contact) => void = () => {}): Promise<Crowd> {
    const node = native.bootstrapper(await freePort(), "127.0.0.1", { host: "127.0.0.1" });
    await node.bind();
    return new Crowd(node, box, behave);
  }

  /** Makes one connection more. */
  connect(): void {
    const relayAddresses = [placeOf(this.#box)]; // where it is
    const stream = this.#node.connect(this.#box.identity.keyPair.publicKey, {
      keyPair: native.keyPair(),
      relayAddresses,
    });
    const closed = new Promise<void>((resolve) => void stream.once("close", resolve));
    stream.on("error", () => {});
    stream.once("open", () => {
      stream.on("data", () => (this.told += 1));
      this.#behave({ stream, heard: [], closed });
    });
    void closed.then(() => this.#isStopped || this.connect());
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#node.destroy({ force: true });
  }
}
