import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { request } from "node:https";
import { connect as connectPlain } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import { peekId } from "../../src/swarm/discovery/peek.ts";
import type { Identity } from "../../src/swarm/identity.ts";
import { logInto } from "../support/log-lines.ts";
import { makeIdentity, startServing, type ServingBox } from "./rig.ts";

const FILE = randomBytes(3 * 2 ** 20 + 17);
const PATH = `/blobs/${digestOf(FILE)}`;
/** A TLS alert is 7 bytes. */
const BYTES_OF_AN_ALERT = 8;

interface Got {
  readonly status: number | undefined;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: Buffer;
}

/** One request as a box with this identity makes it. */
async function get(box: ServingBox, path: string, who: Identity | undefined, headers = {}): Promise<Got> {
  const { host, port } = box.holder;
  const asked = request({ host, port, path, headers, agent: false, rejectUnauthorized: false, ...who?.tls });
  asked.end();
  const [answer] = await once(asked, "response");
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return { status: answer.statusCode, headers: answer.headers, body: Buffer.concat(chunks) };
}

describe("the data plane gives blobs", () => {
  let box: ServingBox;
  afterEach(() => box.stop());

  it("whole, and in ranges, with the digest as ETag", async () => {
    box = await startServing([FILE]);
    const member = await makeIdentity();
    const whole = await get(box, PATH, member);
    expect(whole.status).toBe(200);
    expect(whole.headers["etag"]).toBe(`"${digestOf(FILE)}"`);
    expect(whole.body.equals(FILE)).toBe(true);

    const part = await get(box, PATH, member, { range: "bytes=1000000-1000009" });
    expect(part.status).toBe(206);
    expect(part.headers["content-range"]).toBe(`bytes 1000000-1000009/${FILE.length}`);
    expect(part.body.equals(FILE.subarray(1_000_000, 1_000_010))).toBe(true);
    expect(box.traffic.of(member.id)).toMatchObject({ requests: 2, sent: FILE.length + 10 });
    expect(box.traffic.uploaded()).toEqual({ requests: 2, bytes: FILE.length + 10 });
  });

  it("answers what it cannot give: 404 not here, 416 beyond the end, 400 for anything that is no digest", async () => {
    box = await startServing([FILE]);
    const member = await makeIdentity();
    expect((await get(box, `/blobs/${"0".repeat(128)}`, member)).status).toBe(404);
    expect((await get(box, PATH, member, { range: `bytes=${FILE.length}-` })).status).toBe(416);
    for (const path of ["/", "/blobs/../etc/passwd", "/blobs/abc", `${PATH}/x`]) {
      expect((await get(box, path, member)).status).toBe(400);
    }
  });

  it("passes on what broke as broken", async () => {
    box = await startServing([FILE]);
    const open = box.shelf.open.bind(box.shelf);
    box.shelf.open = async (digest) => ({
      ...(await open(digest))!,
      async *read() {
        yield FILE.subarray(0, 100);
        throw new Error("the disk broke");
      },
    });
    await expect(get(box, PATH, await makeIdentity())).rejects.toThrow(/aborted|socket hang up/);
  });
});

describe("the data plane tells nothing to", () => {
  let box: ServingBox;
  afterEach(() => box.stop());

  async function startClosed(): Promise<void> {
    box = await startServing([FILE]);
    box.members = new Set();
  }

  it("a box with a certificate of its own making", async () => {
    await startClosed();
    await expect(get(box, PATH, await makeIdentity())).rejects.toThrow();
    expect(box.traffic.turnedAway).toBe(1);
    expect(box.traffic.uploaded().requests).toBe(0);
  });

  it("a client without a certificate", async () => {
    await startClosed();
    await expect(get(box, PATH, undefined)).rejects.toThrow();
    expect(box.traffic.turnedAway).toBe(1);
  });

  it.each([
    ["a certificate of its own making", makeIdentity],
    ["no certificate", async () => undefined],
  ])("a client with %s that asks at once, not one byte", async (_what, identity) => {
    await startClosed();
    const { host, port } = box.holder;
    const who = await identity();
    const socket = connect({ host, port, rejectUnauthorized: false, ALPNProtocols: ["http/1.1"], ...who?.tls });
    const heard: Buffer[] = [];
    socket.on("error", () => {}).on("data", (bytes: Buffer) => heard.push(bytes));
    socket.write(`GET ${PATH} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await once(socket, "close");
    expect(Buffer.concat(heard)).toHaveLength(0);
    expect(box.traffic.turnedAway).toBe(1);
    expect(box.traffic.uploaded().requests).toBe(0);
  });

  it("a client that speaks an older TLS", async () => {
    await startClosed();
    const { host, port } = box.holder;
    const socket = connect({ host, port, rejectUnauthorized: false, maxVersion: "TLSv1.2" });
    await expect(once(socket, "secureConnect")).rejects.toThrow();
    await expect.poll(() => box.traffic.turnedAway).toBe(1);
  });

  it.each([
    ["speaks HTTP without TLS", Buffer.from(`GET ${PATH} HTTP/1.1\r\nHost: x\r\n\r\n`)],
    ["sends what is no TLS", Buffer.alloc(500, 0x2a)],
  ])("a client that %s", async (_what, bytes) => {
    await startClosed();
    const { host, port } = box.holder;
    const socket = connectPlain({ host, port }).on("error", () => {});
    const heard: Buffer[] = [];
    socket.on("data", (more) => heard.push(more)).write(bytes);
    await once(socket, "close");
    expect(Buffer.concat(heard).length).toBeLessThan(BYTES_OF_AN_ALERT);
    expect(box.traffic.turnedAway).toBe(1);
  });

  it.each([
    ["says nothing", Buffer.alloc(0)],
    ["sends what is no TLS", Buffer.alloc(500, 0x2a)],
  ])("a client that %s, and names it in the log", async (_what, bytes) => {
    const lines: string[] = [];
    box = await startServing([FILE], logInto(lines));
    const { host, port } = box.holder;
    const socket = connectPlain({ host, port }).on("error", () => {});
    socket.resume().write(bytes);
    await once(socket, "close");
    expect(lines).toEqual([`${host} opens connections to the data plane and shows no key: they are cut off`]);
    expect(box.traffic.turnedAway).toBe(1);
  });

  it("a box from outside the swarm's networks, and names it in the log once", async () => {
    const lines: string[] = [];
    box = await startServing([FILE], logInto(lines));
    box.acceptsAll = false;
    for (let times = 0; times < 2; times += 1) {
      await expect(get(box, PATH, await makeIdentity())).rejects.toThrow();
    }
    expect(lines).toEqual([expect.stringContaining("is turned away: it is not in swarm.networks; name its subnet")]);
    expect(box.traffic.turnedAway).toBe(2);
  });

  it("a member that breaks off its dial, and counts that as no attempt", async () => {
    await startClosed();
    const { host, port } = box.holder;
    const socket = connectPlain({ host, port }).on("error", () => {});
    await once(socket, "connect");
    socket.destroy();
    await expect(get(box, PATH, undefined)).rejects.toThrow();
    expect(box.traffic.turnedAway).toBe(1);
  });

  it("a resumed TLS session, even of a member: it shows no certificate", async () => {
    box = await startServing([FILE]);
    const member = await makeIdentity();
    box.members = new Set([member.id]);
    const { host, port } = box.holder;
    const first = connect({ host, port, rejectUnauthorized: false, ...member.tls });
    const [session] = (await once(first, "session")) as [Buffer];
    first.destroy();
    const second: TLSSocket = connect({ host, port, rejectUnauthorized: false, session });
    second.on("error", () => {});
    second.write(`GET ${PATH} HTTP/1.1\r\nHost: x\r\n\r\n`);
    const heard: Buffer[] = [];
    second.on("data", (bytes: Buffer) => heard.push(bytes));
    await once(second, "close");
    expect(Buffer.concat(heard)).toHaveLength(0);
    expect(box.traffic.turnedAway).toBe(1);
  });

  it("a box that is a member no more, on a connection that it kept", async () => {
    box = await startServing([FILE]);
    const member = await makeIdentity();
    box.members = new Set([member.id]);
    const { host, port } = box.holder;
    const socket = connect({ host, port, rejectUnauthorized: false, ALPNProtocols: ["http/1.1"], ...member.tls });
    socket.on("error", () => {});
    socket.write(`GET /blobs/x HTTP/1.1\r\nHost: x\r\n\r\n`);
    await once(socket, "data");
    box.members.clear();
    socket.write(`GET ${PATH} HTTP/1.1\r\nHost: x\r\n\r\n`);
    socket.resume();
    await once(socket, "close");
    expect(box.traffic.uploaded().requests).toBe(0);
  });

  it("one who only looks at its certificate, and counts that as no attempt", async () => {
    await startClosed();
    const { id, host, port } = box.holder;
    expect(await peekId(host, port, { signal: new AbortController().signal })).toEqual({ id, host });
    expect(box.traffic.turnedAway).toBe(0);
  });
});

describe("the blob server", () => {
  it("says when its port is taken", async () => {
    const first = await startServing();
    const { port } = first.holder;
    await expect(
      (async () => {
        const { BlobServer } = await import("../../src/peer/blob-server.ts");
        const { silentLogger } = await import("../../src/core/logger.ts");
        const parts = { shelf: first.shelf, traffic: first.traffic, log: silentLogger };
        const gates = { admits: () => true, accepts: () => true };
        const second = new BlobServer(
          { ...parts, ...gates, identity: await makeIdentity() },
          { listen: { host: "127.0.0.1", port } },
        );
        await second.start();
      })(),
    ).rejects.toMatchObject({ code: "ADDRESS_IN_USE", message: expect.stringContaining(`127.0.0.1:${port} is taken`) });
    await first.stop();
    await first.stop();
  });
});
