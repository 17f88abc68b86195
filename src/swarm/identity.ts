import "reflect-metadata"; // @peculiar/x509 throws unless this is imported before it
import { createPrivateKey, createPublicKey, randomBytes, webcrypto, type KeyObject } from "node:crypto";
import { join } from "node:path";
import { X509CertificateGenerator } from "@peculiar/x509";
import { DistswarmError, messageOf } from "../core/errors.ts";
import { readOrCreateSecret } from "./secret-file.ts";

/** The TLS application protocol (ALPN) of a box that only wants to see a certificate: it is refused nothing, and told nothing. */
export const PEEK_PROTOCOL = "distswarm-id";

const IDENTITY_FILE = "identity.key";
/** An Ed25519 seed (RFC 8032, 5.1.5). */
const SEED_BYTES = 32;
/** What stands before the seed in a PKCS #8 private key for Ed25519 (RFC 8410, 7). */
const PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");
/** The dates of the certificate mean nothing to us, so they hold whatever the clock of a box says. */
const NOT_BEFORE = new Date("2020-01-01T00:00:00Z");
const NOT_AFTER = new Date("9999-12-31T23:59:59Z");

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
  return identityFromSeed(seed);
}

/** The identity that a seed of 32 bytes stands for. */
export async function identityFromSeed(seed: Buffer): Promise<Identity> {
  const pkcs8 = Buffer.concat([PKCS8_PREFIX, seed]);
  const privateKey = createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" });
  const publicKey = rawPublicKey(createPublicKey(privateKey))!;
  return {
    id: publicKey.toString("hex"),
    keyPair: { publicKey, secretKey: Buffer.concat([seed, publicKey]) },
    tls: {
      key: privateKey.export({ format: "pem", type: "pkcs8" }) as string,
      cert: await selfSign(pkcs8, publicKey),
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

async function selfSign(pkcs8: Buffer, publicKey: Buffer): Promise<string> {
  const algorithm = { name: "Ed25519" };
  const { subtle } = webcrypto;
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: "CN=distswarm",
    notBefore: NOT_BEFORE,
    notAfter: NOT_AFTER,
    signingAlgorithm: algorithm,
    keys: {
      privateKey: await subtle.importKey("pkcs8", pkcs8, algorithm, false, ["sign"]),
      publicKey: await subtle.importKey("raw", publicKey, algorithm, true, ["verify"]),
    },
  });
  return certificate.toString("pem");
}
