import type { IncomingMessage } from "node:http";
import { Duplex } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Upstream } from "../../src/core/upstream.ts";
import { ConnectTunnel } from "../../src/proxy/connect-tunnel.ts";
import { ForwardDoor } from "../../src/proxy/forward-door.ts";
import { isGuest } from "../../src/proxy/own-address.ts";
import type { Exchange } from "../../src/proxy/reply.ts";
import { dialer } from "../../src/upstream/dial.ts";
import { HttpClient } from "../../src/upstream/http-client.ts";
import { redirect, startMirror, well, type MockMirror } from "../support/zoo/zoo.ts";
import { foreignAddress } from "../support/foreign-address.ts";

/** What listens on this box's loopback: not for other boxes. */
let inside: MockMirror;
let port: number;
beforeAll(async () => {
  inside = await startMirror(well, { "/admin": Buffer.from("for this box alone") });
  port = Number(new URL(inside.url).port);
});
afterAll(() => inside.close());

/** A GET for the proxy from a client at an address. */
function requestFrom(remoteAddress: string, url = "/"): IncomingMessage {
  return { method: "GET", url, headers: {}, rawHeaders: [], socket: { remoteAddress } } as unknown as IncomingMessage;
}

/** What the forward proxy's request comes to, for a client at an address: the status of the answer. */
async function forwarded(url: string, from: string, followRedirects = false): Promise<number> {
  const client = new HttpClient();
  let status = 0;
  const upstream = {
    isMirror: () => false,
    forward: (request: Parameters<Upstream["forward"]>[0]) => client.request({ ...request, followRedirects }),
  };
  const door = new ForwardDoor({
    upstream,
    resolver: { nameInUrl: async () => undefined },
    index: { byName: async () => [] },
    pass: {
      answer: async (_: Exchange, asking: ReturnType<Upstream["forward"]>) => {
        const answer = await asking;
        answer.body.destroy();
        status = answer.status;
      },
    },
  } as unknown as ConstructorParameters<typeof ForwardDoor>[0]);
  const request = requestFrom(from);
  const { socket } = request;
  const exchange = { request, socket, signal: new AbortController().signal } as Exchange;
  const { pathname: path } = new URL(url);
  await door.answer(exchange, { url: new URL(url), path }).finally(() => client.close());
  return status;
}

const GUEST = foreignAddress();

test.each([
  ["127.0.0.1", false],
  ["::1", false],
  ["::ffff:127.0.0.1", false],
  [GUEST, true],
  [`::ffff:${GUEST}`, true],
  ["2001:db8::9", true],
])("a client at %s is on another box: %s", (address, is) => {
  expect(isGuest(requestFrom(address))).toBe(is);
});

/** Spellings of loopback, and names that lead there. */
const INSIDE = ["127.0.0.1", "127.1", "127.9.9.9", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "localhost", "2130706433"];

describe("a client on another box is led by the proxy to nothing that is for this box alone:", () => {
  test.each([...INSIDE, "169.254.169.254", "[fe80::1]"])("not to %s", async (host) => {
    const asked = inside.requests.length;
    await expect(forwarded(`http://${host}:${port}/admin`, GUEST)).rejects.toMatchObject({
      code: "REFUSED",
      message: expect.stringContaining("for this box alone"),
    });
    expect(inside.requests.length).toBe(asked);
  });

  test("nor by a redirect", async () => {
    const mirror = await startMirror(redirect(`http://localhost:${port}/admin`), { "/f": Buffer.from("f") });
    const client = new HttpClient();
    const signal = new AbortController().signal;
    const request = { method: "GET", url: `${mirror.url}/f`, headers: [], signal, followRedirects: true };
    const asked = inside.requests.length;
    await expect(client.request({ ...request, isGuest: true })).rejects.toThrow("for this box alone");
    expect(inside.requests.length).toBe(asked);
    await Promise.all([client.close(), mirror.close()]);
  });

  test.each([...INSIDE, "169.254.169.254"])("nor by CONNECT to %s", async (host) => {
    const tunnel = new ConnectTunnel(dialer({ timeoutMs: 10_000 }), { ports: [port], via: "a" });
    const serving = tunnel.serve(requestFrom(GUEST, `${host}:${port}`), new Duplex(), Buffer.alloc(0));
    await expect(serving).rejects.toThrow("for this box alone");
  });
});

test("a client on this box is led there as before", async () => {
  expect(await forwarded(`http://localhost:${port}/admin`, "127.0.0.1")).toBe(200);
});
