import "reflect-metadata";
import { webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";

/** A key and its certificate, PEM. */
export interface TestCertificate {
  readonly key: string;
  readonly cert: string;
}

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const HOST = "CN=127.0.0.1";
const DAY_MS = 86_400_000;

/** Makes a self-signed certificate for 127.0.0.1 that nobody trusts unless told to. */
export async function makeCertificate(): Promise<TestCertificate> {
  const keys = await makeKeys();
  return certificateOf(keys, { subject: HOST, issuer: HOST, signingKey: keys.privateKey });
}

/** The same by an authority whose own certificate is nowhere to be had. */
export async function makeIssuedCertificate(): Promise<TestCertificate> {
  const { privateKey } = await makeKeys();
  return certificateOf(await makeKeys(), { subject: HOST, issuer: "CN=authority", signingKey: privateKey });
}

function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}

async function certificateOf(
  { publicKey, privateKey }: webcrypto.CryptoKeyPair,
  signed: { subject: string; issuer: string; signingKey: webcrypto.CryptoKey },
): Promise<TestCertificate> {
  const certificate = await x509.X509CertificateGenerator.create({
    ...signed,
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + DAY_MS),
    signingAlgorithm: ALGORITHM,
    publicKey,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: "ip", value: "127.0.0.1" }])],
  });
  const pkcs8 = await webcrypto.subtle.exportKey("pkcs8", privateKey);
  return { key: x509.PemConverter.encode(pkcs8, "PRIVATE KEY"), cert: certificate.toString("pem") };
}
