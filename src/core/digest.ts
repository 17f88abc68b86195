import { createHash } from "node:crypto";
import { DistswarmError } from "./errors.ts";

declare const digestBrand: unique symbol;

/**
 * A BLAKE2b-512 digest as 128 lower-case hex characters: the content address of a blob, and what a Manifest
 * `DIST` line calls BLAKE2B (GLEP 74). Only {@link parseDigest} and {@link DigestHash} make one.
 */
export type Digest = string & { readonly [digestBrand]: true };

/** Hex characters in a {@link Digest}: 64 bytes. */
export const DIGEST_HEX_LENGTH = 128;

const DIGEST_PATTERN = /^[0-9a-f]{128}$/;

/** Whether `text` is a digest as we write it: 128 lower-case hex characters. */
export function isDigest(text: string): text is Digest {
  return DIGEST_PATTERN.test(text);
}

/**
 * Reads a digest in either case.
 *
 * @throws {DistswarmError} `INVALID_DIGEST` when it is not 128 hex characters.
 */
export function parseDigest(text: string): Digest {
  const lower = text.toLowerCase();
  if (isDigest(lower)) return lower;
  throw new DistswarmError("INVALID_DIGEST", `not a BLAKE2B digest (128 hex characters): ${text.slice(0, 140)}`);
}

/** A running BLAKE2b-512 over the bytes given to {@link DigestHash.update}. */
export class DigestHash {
  readonly #hash = createHash("blake2b512");

  /** Adds bytes. */
  update(bytes: Uint8Array): this {
    this.#hash.update(bytes);
    return this;
  }

  /** Ends the hash; it takes no more bytes afterwards. */
  digest(): Digest {
    return this.#hash.digest("hex") as Digest;
  }
}

/** The digest of `bytes`. */
export function digestOf(bytes: Uint8Array): Digest {
  return new DigestHash().update(bytes).digest();
}
