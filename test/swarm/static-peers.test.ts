import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { NetworkKey } from "../../src/swarm/network-key.ts";
import { makeBox, type Box, type BoxOptions } from "./boxes.ts";
import { freePort } from "../support/free-port.ts";

async function start(options: BoxOptions): Promise<Box> {
  const box = await makeBox(options);
  onTestFinished(() => box.remove());
  await box.swarm.start();
  return box;
}

test("of swarm.peers the status says which are not reached, and why", async () => {
  const networkKey = NetworkKey.generate();
  const [member, stranger] = [await start({ networkKey }), await start({})];
  const ports = [member.port, stranger.port, await freePort()];
  const peers = ports.map((port) => ({ host: "127.0.0.1", port }));
  const box = await start({ networkKey, peers: [...peers, { host: "no-such-host.invalid", port: 8481 }] });
  await expect
    .poll(() => box.swarm.status().static.map(({ problem }) => problem))
    .toEqual([
      undefined,
      "it answers, and lets this box into no session",
      expect.stringContaining("ECONNREFUSED"),
      expect.stringMatching(/no-such-host\.invalid/),
    ]);
  expect(box.swarm.warnings()).toEqual([]); // one of them is here
  const alone = await start({ networkKey, peers: [{ host: "127.0.0.1", port: ports[2]! }] });
  await expect
    .poll(() => alone.swarm.warnings())
    .toEqual([expect.stringMatching(/^no peer is here; swarm\.peers: 127\./)]);
  const wrongFamily = await start({ networkKey, peers: [{ host: "fd77::1", port: 8481 }] });
  expect(wrongFamily.swarm.warnings()).toEqual([
    "no peer is here; swarm.peers: [fd77::1]:8481: the swarm knows no IPv6: name it by an IPv4 address",
  ]);
  const { last_rejected } = stranger.swarm.status();
  expect(Object.values(last_rejected)).toContainEqual({ at: expect.stringMatching(/Z$/), address: "127.0.0.1" });
});

test("of one that hangs up at once it says that it leaves this box out", async () => {
  const server = createServer((socket) => socket.resetAndDestroy()).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const box = await start({ peers: [{ host: "127.0.0.1", port }] });
  await expect
    .poll(() => box.swarm.status().static.map(({ problem }) => problem))
    .toEqual([expect.stringMatching(/^TCP 127\.0\.0\.1:\d+: it hangs up: its swarm\.networks leave this box out/)]);
});

test("many swarm.peers that are off warn of no leak", async () => {
  const warned: Error[] = [];
  const note = (warning: Error): void => void warned.push(warning);
  process.on("warning", note);
  onTestFinished(() => void process.off("warning", note));
  const port = await freePort();
  const box = await start({ peers: Array.from({ length: 30 }, () => ({ host: "127.0.0.1", port })) });
  const problems = (): unknown[] => box.swarm.status().static.map(({ problem }) => problem);
  await expect.poll(problems).toEqual(Array.from({ length: 30 }, () => expect.stringContaining("ECONNREFUSED")));
  expect(warned).toEqual([]);
});
