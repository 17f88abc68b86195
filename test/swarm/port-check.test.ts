import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer as createTcpServer, type AddressInfo } from "node:net";
import { createServer } from "node:tls";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, onTestFinished, test } from "vitest";
import { identityFromSeed, PEEK_PROTOCOL } from "../../src/swarm/identity.ts";
import { PortCheck } from "../../src/swarm/port-check.ts";
import { freePort } from "../support/free-port.ts";

test("a port that closes after it was open is named, and its peer is told once of each", async () => {
  const identity = await identityFromSeed(randomBytes(32));
  const server = createServer({ ...identity.tls, ALPNProtocols: [PEEK_PROTOCOL] }, (socket) => {
    socket.on("error", () => {}).end();
  });
  const port = await freePort();
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const told: boolean[] = [];
  const ended = new AbortController();
  onTestFinished(() => ended.abort());
  const peer = { id: identity.id, name: "h2", host: "127.0.0.1", port, isTranslated: false };
  const init = { signal: ended.signal, looked: (open: boolean) => void told.push(open), openAgainMs: 20 };
  const check = new PortCheck(peer, init);
  await expect.poll(() => told, { timeout: 5000 }).toEqual([true]);
  server.close();
  await expect.poll(() => check.problem, { timeout: 5000 }).toContain(`TCP port ${port} is closed`);
  expect(told).toEqual([true, false]);
});

test("a port that accepts and says nothing is named soon, though memory is tidied up meanwhile", async () => {
  const server = createTcpServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const ended = new AbortController();
  onTestFinished(() => void server.close());
  onTestFinished(() => ended.abort());
  const { port } = server.address() as AddressInfo;
  const peer = { id: "ab".repeat(32), name: "h2", host: "127.0.0.1", port, isTranslated: false };
  const check = new PortCheck(peer, { signal: ended.signal, looked: () => {} });
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc") as () => void;
  const problem = (): string | undefined => {
    collectGarbage();
    return check.problem;
  };
  await expect.poll(problem, { timeout: 10_000 }).toContain(`TCP port ${port} is closed`);
});

test("of a box behind NAT it says so: where nobody answers, and where the box does whose address it has", async () => {
  const other = await identityFromSeed(randomBytes(32));
  const server = createServer({ ...other.tls, ALPNProtocols: [PEEK_PROTOCOL] }, (socket) => {
    socket.on("error", () => {}).end();
  });
  const port = await freePort();
  const ended = new AbortController();
  onTestFinished(() => ended.abort());
  const peer = { id: "ab".repeat(32), name: "guest", host: "127.0.0.1", port, isTranslated: true };
  const problem = (): Promise<string> =>
    new Promise((resolve) => {
      const check = new PortCheck(peer, { signal: ended.signal, looked: () => resolve(check.problem ?? "none") });
    });
  const behindNat = "guest is behind NAT, and can take files, but give none: give it an address of the LAN";
  expect(await problem()).toBe(`TCP port ${port} is closed at 127.0.0.1: ${behindNat}`);
  server.listen(port, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  expect(await problem()).toBe(`TCP 127.0.0.1:${port} is another box's: ${behindNat}; or look at its swarm.listen`);
});
