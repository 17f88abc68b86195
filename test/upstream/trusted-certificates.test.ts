import { randomBytes } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as tlsOfNode from "node:tls";
import { beforeAll, expect, test, vi } from "vitest";
import { dialer } from "../../src/upstream/dial.ts";
import { HttpClient, type HttpClientOptions } from "../../src/upstream/http-client.ts";
import { TrustedCertificates } from "../../src/upstream/trusted-certificates.ts";
import { named } from "../support/skipped.ts";
import { tempDir } from "../support/temp-dir.ts";
import { makeCertificate, makeIssuedCertificate, type TestCertificate } from "../support/zoo/certificate.ts";
import * as zoo from "../support/zoo/zoo.ts";
import { closeAfter, mirrorOf, noSignal, readAll, trusting } from "./harness.ts";
import { startProxy } from "./test-proxy.ts";

const FILE = randomBytes(1000);
const TLS_FAILS = { code: "UNTRUSTED" };

let tls: TestCertificate;
beforeAll(async () => {
  tls = await makeCertificate();
});

/** A client, and a way to ask it for the file of a mirror with this certificate. */
async function asking(options: HttpClientOptions, certificate = tls): Promise<() => Promise<Buffer>> {
  const mirror = await mirrorOf(zoo.well, { "/f": FILE }, { tls: certificate });
  const client = new HttpClient(options);
  closeAfter(() => client.close());
  return async () => {
    const headers = ["Accept", "*/*"];
    const answer = await client.request({ method: "GET", url: `${mirror.url}/f`, headers, signal: noSignal() });
    return readAll(answer.body);
  };
}

test("an authority that the system trusts is trusted", async () => {
  const fetch = await asking({ trusted: await trusting(tls) });
  expect((await fetch()).equals(FILE)).toBe(true);
});

test("so is a certificate or an authority below one that the system does not have", async () => {
  const issued = await makeIssuedCertificate();
  const fetch = await asking({ trusted: await trusting(issued) }, issued);
  expect((await fetch()).equals(FILE)).toBe(true);
});

test("what the administrator adds or takes away counts from the next connection on", async () => {
  const bundle = join(await tempDir(), "ca-certificates.crt");
  const trusted = new TrustedCertificates(bundle);
  const fetch = await asking({ trusted });
  await expect(fetch()).rejects.toMatchObject(TLS_FAILS);
  await writeFile(bundle, tls.cert);
  expect((await fetch()).equals(FILE)).toBe(true);
  await rm(bundle);
  await expect((await asking({ trusted }))()).rejects.toMatchObject(TLS_FAILS);
});

test("a file that holds no certificate costs none of the others", async () => {
  const bundle = join(await tempDir(), "ca-certificates.crt");
  await writeFile(bundle, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\nnonsense\n");
  await expect((await asking({ trusted: new TrustedCertificates(bundle) }))()).rejects.toMatchObject(TLS_FAILS);
});

test("the file is read again when it has changed, and not before", async () => {
  const trusted = await trusting(tls);
  expect(trusted.secureContext).toBe(trusted.secureContext);
});

const tellsItself = "getCACertificates" in tlsOfNode ? "this Node reads that at its start" : undefined;
test.skipIf(tellsItself !== undefined)(named("NODE_EXTRA_CA_CERTS counts, too", tellsItself), async () => {
  const extra = join(await tempDir(), "extra.crt");
  await writeFile(extra, tls.cert);
  vi.stubEnv("NODE_EXTRA_CA_CERTS", extra);
  const fetch = await asking({ trusted: new TrustedCertificates("/nonexistent") });
  expect((await fetch()).equals(FILE)).toBe(true);
  vi.unstubAllEnvs();
});

test("a proxy that is reached by https is held against them, for requests and for tunnels", async () => {
  const proxy = await startProxy({ tls });
  const plain = await mirrorOf(zoo.well, { "/f": FILE });
  const trusted = await trusting(tls);
  const fetch = await asking({ proxy: proxy.url, trusted });
  expect((await fetch()).equals(FILE)).toBe(true);
  const to = { host: "127.0.0.1", port: Number(new URL(plain.url).port) };
  const socket = await dialer({ proxy: proxy.url, trusted, timeoutMs: 10_000 })(to);
  socket.write("GET /f HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  expect((await readAll(socket)).length).toBeGreaterThan(FILE.length);
  await expect((await asking({ proxy: proxy.url }))()).rejects.toMatchObject({ code: "REFUSED" });
});
