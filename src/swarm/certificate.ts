import "reflect-metadata"; // @peculiar/x509 throws unless this is imported before it
import { webcrypto } from "node:crypto";
import { X509CertificateGenerator } from "@peculiar/x509";

/** The dates of the certificate mean nothing to us, so they hold whatever the clock of a box says. */
const NOT_BEFORE = new Date("2020-01-01T00:00:00Z");
const NOT_AFTER = new Date("9999-12-31T23:59:59Z");

/** A self-signed certificate (PEM) that says nothing but the public key; `pkcs8` is the private key in DER. */
export async function selfSign(pkcs8: Buffer, publicKey: Buffer): Promise<string> {
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
