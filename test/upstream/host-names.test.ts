import dns, { type LookupAddress } from "node:dns";
import { afterEach, expect, test, vi } from "vitest";
import { dialer } from "../../src/upstream/dial.ts";
import { HostNames } from "../../src/upstream/host-names.ts";
import { HttpClient } from "../../src/upstream/http-client.ts";
import { rawServer } from "../support/raw-server.ts";
import { closeAfter, noSignal, readAll } from "./harness.ts";

const HERE = [{ address: "127.0.0.1", family: 4 }];
/** How long a connection may take, and how long name servers take here: as where the first one is gone. Milliseconds. */
const CONNECT_MS = 100;
const LOOKUP_MS = 300;

afterEach(() => {
  vi.restoreAllMocks();
});

type Done = (error: Error | null, addresses: readonly LookupAddress[]) => void;

/** Name servers that answer so; the spy tells how often they were asked. */
function nameServers(answer: (done: Done) => void) {
  return vi
    .spyOn(dns, "lookup")
    .mockImplementation(((_host: string, _options: object, done: Done) => answer(done)) as typeof dns.lookup);
}

function slowly(done: Done): void {
  setTimeout(() => done(null, HERE), LOOKUP_MS);
}

/** A server under a name that has to be looked up. */
async function namedServer(): Promise<string> {
  const { port } = new URL(await rawServer("HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody"));
  return `http://mirror.example:${port}/`;
}

test("name servers may take longer than a connection", async () => {
  const url = await namedServer();
  nameServers(slowly);
  const client = new HttpClient({ headerTimeoutMs: CONNECT_MS });
  closeAfter(() => client.close());
  const { body } = await client.request({ method: "GET", url, headers: [], signal: noSignal() });
  expect((await readAll(body)).toString()).toBe("body");
});

test("also for a tunnel, and for the proxy that one goes through", async () => {
  const { host, hostname, port } = new URL(await namedServer());
  nameServers(slowly);
  const to = { host: hostname, port: Number(port) };
  const straight = await dialer({ timeoutMs: CONNECT_MS })(to);
  straight.destroy();
  const through = await dialer({ timeoutMs: CONNECT_MS, proxy: `http://${host}` })({ host: "far.example", port: 443 });
  through.destroy();
});

test("who asks for the same host shares one look-up, and so does who comes a moment later", async () => {
  const asked = nameServers(slowly);
  const names = new HostNames();
  await Promise.all([names.ready("mirror.example"), names.ready("mirror.example")]);
  await names.ready("mirror.example");
  expect(asked).toHaveBeenCalledOnce();
  await names.ready("other.example");
  expect(asked).toHaveBeenCalledTimes(2);
});

test("an error is told, and the next one asks again", async () => {
  const names = new HostNames();
  nameServers((done) => done(Object.assign(new Error("try again"), { code: "EAI_AGAIN" }), []));
  await expect(names.ready("mirror.example")).rejects.toMatchObject({ code: "EAI_AGAIN" });
  nameServers((done) => done(null, HERE));
  await names.ready("mirror.example");
});

test("an address is not looked up", async () => {
  const asked = nameServers(slowly);
  for (const host of ["192.0.2.1", "2001:db8::1"]) await new HostNames().ready(host);
  expect(asked).not.toHaveBeenCalled();
});
