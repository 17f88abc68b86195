import { once } from "node:events";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import { startBox, type Box } from "../support/box.ts";
import { closeAfterEach } from "../support/close-after-each.ts";
import { freePort } from "../support/free-port.ts";
import { pathByDigest, testFile } from "../support/repository.ts";
import { startMirror, well, type MockMirror } from "../support/zoo/zoo.ts";
import { startProxy } from "../upstream/test-proxy.ts";

const file = testFile("tool-1.0.tar.gz", 300_000);

const open = closeAfterEach();

function portOf(url: string): number {
  return Number(new URL(url).port);
}

async function boxBehind(proxy: string, no_proxy: readonly string[] = []): Promise<{ box: Box; mirror: MockMirror }> {
  const mirror = await startMirror(well, { [file.name]: file.bytes });
  open.push(mirror);
  const box = await startBox({
    files: [file],
    config: {
      proxy: { connect_ports: [portOf(mirror.url)] },
      upstream: { mirrors: [mirror.url], proxy, no_proxy: [...no_proxy] },
    },
  });
  open.push(box);
  return { box, mirror };
}

async function expectGiven(box: Box): Promise<void> {
  const answer = await fetch(box.url + pathByDigest(file));
  expect(digestOf(Buffer.from(await answer.arrayBuffer()))).toBe(file.digest);
}

test("an agent behind a proxy asks mirrors, and opens tunnels, through it", async () => {
  const proxy = await startProxy();
  const { box, mirror } = await boxBehind(proxy.url);
  await expectGiven(box);
  expect(proxy.requests.map(({ method, target }) => `${method} ${target}`)).toEqual(
    mirror.requests.map(({ method, url }) => `${method} ${mirror.url}${url}`),
  );
  const socket = connect(portOf(box.url), "127.0.0.1");
  open.push({ close: async () => void socket.destroy() });
  const target = `127.0.0.1:${portOf(mirror.url)}`;
  socket.write(`CONNECT ${target} HTTP/1.1\r\n\r\n`);
  expect(String(await once(socket, "data"))).toMatch(/^HTTP\/1.1 200 /);
  expect(proxy.requests.at(-1)).toMatchObject({ method: "CONNECT", target });
});

test("what upstream.no_proxy names it asks straight", async () => {
  const proxy = await startProxy();
  const { box } = await boxBehind(proxy.url, ["127.0.0.1"]);
  await expectGiven(box);
  expect(proxy.requests).toEqual([]);
});

test("a proxy that refuses is an answer that says so, and the agent goes on", async () => {
  const proxy = await startProxy({ refusal: 407 });
  const { box, mirror } = await boxBehind(proxy.url);
  const path = pathByDigest(file);
  const answer = await fetch(box.url + path);
  expect([answer.status, await answer.text()]).toEqual([502, expect.stringContaining("407")]);
  expect(mirror.requests).toEqual([]);
  expect((await fetch(box.url)).status).toBe(200);
});

test("of two agents that are each other's proxy, the first hears of a tunnel again, and refuses it", async () => {
  const ports = [await freePort(), await freePort()];
  for (const [at, port] of ports.entries()) {
    const upstream = { proxy: `http://127.0.0.1:${ports[1 - at]}`, header_timeout: "10min" };
    open.push(await startBox({ config: { proxy: { listen: [`127.0.0.1:${port}`] }, upstream } }));
  }
  const socket = connect(ports[0]!, "127.0.0.1");
  open.push({ close: async () => void socket.destroy() });
  socket.write("CONNECT mirror.invalid:443 HTTP/1.1\r\n\r\n");
  expect(String(await once(socket, "data"))).toMatch(/^HTTP\/1.1 502 .*answered 502 to CONNECT mirror.invalid:443/s);
});
