import { once } from "node:events";
import { connect, type LookupFunction } from "node:net";
import { expect, onTestFinished, test, vi } from "vitest";
import { HttpClient } from "../../src/upstream/http-client.ts";
import { faultOf, reasonOf } from "../../src/upstream/http-fault.ts";
import * as zoo from "../support/zoo/zoo.ts";
import { closeAfter, mirrorOf, noSignal } from "./harness.ts";

/** Gives a name two addresses of the box itself. */
const twoAddresses: LookupFunction = (_host, _options, done) =>
  done(null, [
    { address: "127.0.0.1", family: 4 },
    { address: "127.0.0.2", family: 4 },
  ]);

test("of a server with several addresses, all of which fail, the error says how each did", async () => {
  const port = Number(new URL(await zoo.refusingMirror()).port);
  const socket = connect({ host: "mirror.example", port, autoSelectFamily: true, lookup: twoAddresses });
  const [error] = (await once(socket, "error")) as [unknown];
  expect(reasonOf(error)).toBe(`connect ECONNREFUSED 127.0.0.1:${port}; connect ECONNREFUSED 127.0.0.2:${port}`);
});

test("of a server that speaks no TLS where https is asked for, the error says so in one line", async () => {
  const mirror = await mirrorOf(zoo.well, {});
  const client = new HttpClient();
  closeAfter(() => client.close());
  const url = `${mirror.url.replace("http:", "https:")}/f`;
  const request = client.request({ method: "GET", url, headers: [], signal: noSignal() });
  await expect(request).rejects.toMatchObject({
    code: "REFUSED",
    message: expect.stringMatching(/^https:\S+: no connection \(TLS: [a-z ]+\)$/), // of which OpenSSLs have their own
  });
});

test.for([
  ["CERT_HAS_EXPIRED", "certificate has expired"],
  ["CERT_NOT_YET_VALID", "certificate is not yet valid"],
])("of a certificate of another time (%s), the error says what time it is here", ([code, words]) => {
  vi.useFakeTimers({ toFake: ["Date"], now: 0 });
  onTestFinished(() => void vi.useRealTimers());
  const { message } = faultOf(Object.assign(new Error(words), { code }), "headers", "https://mirror.example/f");
  expect(message).toBe(
    `https://mirror.example/f: its certificate is not trusted (${words}; the clock of this box says 1970-01-01)`,
  );
});
