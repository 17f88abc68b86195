import { createPrivateKey, createPublicKey, randomBytes, X509Certificate, type KeyObject } from "node:crypto";
import { join } from "node:path";
import { DistswarmError, messageOf } from "../core/errors.ts";
import { readRegularText, writeRegular } from "../core/fs/regular-file.ts";
import { readOrCreateSecret } from "./secret-file.ts";

/**
 * The TLS application protocol (ALPN) of a box that only wants to see a
 * certificate: it is refused nothing, and told nothing.
 */
export const PEEK_PROTOCOL = "distswarm-id";

/** The file in `state_dir` that holds the seed of this box's identity: a secret. */
export const IDENTITY_FILE = "identity.key";
const CERTIFICATE_FILE = "identity.crt";
/** An Ed25519 seed (RFC 8032, 5.1.5). */
const SEED_BYTES = 32;
/** What stands before the seed in a PKCS #8 private key for Ed25519 (RFC 8410, 7). */
const PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");

/** Who this box is: one Ed25519 key pair, as Hyperswarm and as TLS want it. */
export interface Identity {
  /** The public key as 64 lower-case hex characters. */
  readonly id: string;
  /** For Hyperswarm: 32 bytes, and 64 bytes of seed and public key. */
  readonly keyPair: { readonly publicKey: Buffer; readonly secretKey: Buffer };
  /** For TLS, as PEM: the private key and a self-signed certificate that says nothing but the public key. */
  readonly tls: { readonly key: string; readonly cert: string };
}

/**
 * Reads `identity.key` in `stateDir`, or makes it (0600) at the first start.
 *
 * @throws {DistswarmError} `IDENTITY_UNUSABLE` when it cannot be read, made, or has another size than 32 bytes.
 */
export async function loadIdentity(stateDir: string): Promise<Identity> {
  const path = join(stateDir, IDENTITY_FILE);
  const seed = await readOrCreateSecret(path, () => randomBytes(SEED_BYTES)).catch((error: unknown) => {
    throw new DistswarmError("IDENTITY_UNUSABLE", `cannot read or make ${path}: ${messageOf(error)}`, { cause: error });
  });
  if (seed.length !== SEED_BYTES) {
    throw new DistswarmError(
      "IDENTITY_UNUSABLE",
      `${path} has ${seed.length} bytes instead of ${SEED_BYTES}: restore it, or remove it to become a new box`,
    );
  }
  return identityFromSeed(seed, { certificateFile: join(stateDir, CERTIFICATE_FILE) });
}

/** The identity that a seed of 32 bytes stands for. Its certificate is kept in `certificateFile`, where one is named. */
export async function identityFromSeed(seed: Buffer, init: { certificateFile?: string } = {}): Promise<Identity> {
  const pkcs8 = Buffer.concat([PKCS8_PREFIX, seed]);
  const privateKey = createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" });
  const publicKey = rawPublicKey(createPublicKey(privateKey))!;
  return {
    id: publicKey.toString("hex"),
    keyPair: { publicKey, secretKey: Buffer.concat([seed, publicKey]) },
    tls: {
      key: privateKey.export({ format: "pem", type: "pkcs8" }) as string,
      cert: await certificateOf(pkcs8, publicKey, init.certificateFile),
    },
  };
}

/** The id in the public key of a certificate, or undefined when that is no Ed25519 key. */
export function idOfKey(key: KeyObject): string | undefined {
  return rawPublicKey(key)?.toString("hex");
}

function rawPublicKey(key: KeyObject): Buffer | undefined {
  if (key.asymmetricKeyType !== "ed25519") return undefined;
  return Buffer.from(key.export({ format: "jwk" }).x!, "base64url");
}

/** A certificate made before, while it is this key's; else a new one, which is written down. It is no secret. */
async function certificateOf(pkcs8: Buffer, publicKey: Buffer, file: string | undefined): Promise<string> {
  const saved = file && (await readRegularText(file).catch(() => undefined));
  if (saved && isFor(saved, publicKey)) return saved;
  const { selfSign } = await import("./certificate.ts"); // slow to load, and needed once
  const certificate = await selfSign(pkcs8, publicKey);
  if (file) await writeRegular(file, certificate).catch(() => {}); // then it is made again at the next start
  return certificate;
}

function isFor(pem: string, publicKey: Buffer): boolean {
  try {
    return idOfKey(new X509Certificate(pem).publicKey) === publicKey.toString("hex");
  } catch {
    return false;
  }
}
