import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { join } from "node:path";
import { DistswarmError, messageOf, systemCode } from "../core/errors.ts";
import { readOrCreateSecret, readSecret, replaceSecret } from "./secret-file.ts";

/** The file in `state_dir` that holds the network key: a secret. */
export const NETWORK_KEY_FILE = "network.key";
const KEY_BYTES = 32;
const CHECK_BYTES = 4;
/** The form of the text, in its name; another form gets another prefix. */
const PREFIX = "dsw1";
const HEX_LENGTH = 2 * (KEY_BYTES + CHECK_BYTES);
const TEXT_LENGTH = PREFIX.length + HEX_LENGTH;
const TAG_BYTES = 8;

/** What each keyed hash is for, so that one can never stand for another. */
const TAG_CONTEXT = "distswarm/1 tag";
const PROOF_CONTEXT = "distswarm/1 proof";

/** The ends of a connection: who dialled, and who was dialled. */
export type Role = "initiator" | "responder";

/**
 * What makes boxes one swarm: 32 random bytes that all of them hold.
 *
 * As text: `dsw1`, then 72 hex characters: the key, and the first 4 bytes of its BLAKE2b, so that a typo is told from a
 * wrong key.
 */
export class NetworkKey {
  readonly #bytes: Buffer;

  private constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** A new one. */
  static generate(): NetworkKey {
    return new NetworkKey(randomBytes(KEY_BYTES));
  }

  /**
   * Reads the text form, in either case, with blanks around it.
   *
   * @throws {DistswarmError} `INVALID_NETWORK_KEY` with what is wrong; never with the text itself.
   */
  static parse(text: string): NetworkKey {
    const plain = text.trim().toLowerCase();
    const hex = plain.slice(PREFIX.length);
    if (!plain.startsWith(PREFIX)) throw malformed(`it must begin with ${PREFIX}`);
    if (!/^[0-9a-f]*$/.test(hex)) throw malformed(`after ${PREFIX} only 0-9 and a-f may follow`);
    if (hex.length !== HEX_LENGTH) throw malformed(`it has ${plain.length} characters instead of ${TEXT_LENGTH}`);
    const all = Buffer.from(hex, "hex");
    const bytes = all.subarray(0, KEY_BYTES);
    if (!checkOf(bytes).equals(all.subarray(KEY_BYTES))) throw malformed("a character is wrong: its check fails");
    return new NetworkKey(bytes);
  }

  /** The text form: a secret, for `invite` and the file only. */
  reveal(): string {
    return PREFIX + Buffer.concat([this.#bytes, checkOf(this.#bytes)]).toString("hex");
  }

  /** 16 hex characters by which members know each other's announcements; of no use for another public key. */
  tagFor(publicKey: Buffer): string {
    return this.#keyed(TAG_CONTEXT, publicKey).subarray(0, TAG_BYTES).toString("hex");
  }

  /** 64 bytes that prove to hold the key, good for one end of one connection only. */
  proof(handshakeHash: Buffer, role: Role): Buffer {
    return this.#keyed(PROOF_CONTEXT, Buffer.from(role), handshakeHash);
  }

  /** Whether `proof` is what the end with this role must send. */
  isProof(proof: Buffer, handshakeHash: Buffer, role: Role): boolean {
    const expected = this.proof(handshakeHash, role);
    return proof.length === expected.length && timingSafeEqual(proof, expected);
  }

  #keyed(context: string, ...parts: Buffer[]): Buffer {
    const hmac = createHmac("blake2b512", this.#bytes).update(`${context}\0`);
    for (const part of parts) hmac.update(part).update("\0");
    return hmac.digest();
  }
}

/**
 * Reads `network.key` in `stateDir`, or makes a key of this box's own at the first start: a network of one.
 *
 * @throws {DistswarmError} `INVALID_NETWORK_KEY` when the file cannot be read or holds no key.
 */
export async function loadNetworkKey(stateDir: string): Promise<NetworkKey> {
  return parseFile(stateDir, (path) => readOrCreateSecret(path, () => fileText(NetworkKey.generate())));
}

/** Reads `network.key` in `stateDir`; throws as {@link loadNetworkKey}, also when there is none. */
export async function readNetworkKey(stateDir: string): Promise<NetworkKey> {
  return parseFile(stateDir, readSecret);
}

async function parseFile(stateDir: string, read: (path: string) => Promise<Buffer>): Promise<NetworkKey> {
  const path = join(stateDir, NETWORK_KEY_FILE);
  try {
    return NetworkKey.parse((await read(path)).toString());
  } catch (error) {
    const reason = systemCode(error) === "ENOENT" ? "it is not there" : messageOf(error);
    throw new DistswarmError("INVALID_NETWORK_KEY", `${path}: ${reason}`, { cause: error });
  }
}

/** Puts a key in the place of the one in `stateDir` (0600). */
export async function saveNetworkKey(stateDir: string, key: NetworkKey): Promise<void> {
  await replaceSecret(join(stateDir, NETWORK_KEY_FILE), fileText(key));
}

function fileText(key: NetworkKey): Buffer {
  return Buffer.from(`${key.reveal()}\n`);
}

function checkOf(bytes: Buffer): Buffer {
  return createHash("blake2b512").update(bytes).digest().subarray(0, CHECK_BYTES);
}

function malformed(reason: string): DistswarmError {
  return new DistswarmError("INVALID_NETWORK_KEY", `not a network key: ${reason}`);
}
