import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer, type TLSSocket } from "node:tls";
import * as fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import { SourceError } from "../../src/core/errors.ts";
import type { Holder } from "../../src/core/directory.ts";
import { PeerClient } from "../../src/peer/peer-client.ts";
import { makeIdentity } from "./rig.ts";

const BODY = Buffer.from("twelve bytes");
const WHOLE = Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\ncontent-length: ${BODY.length}\r\n\r\n`), BODY]);

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

/** A peer that speaks bare TLS. */
interface RawPeer {
  readonly holder: Holder;
  readonly sockets: TLSSocket[];
}

/** Starts one; `answer` is called for each request, with how many came before it, on all connections. */
async function rawPeer(answer: (socket: TLSSocket, before: number) => void): Promise<RawPeer> {
  const identity = await makeIdentity();
  const sockets: TLSSocket[] = [];
  let requests = 0;
  const server = createServer({ ...identity.tls, minVersion: "TLSv1.3" }, (socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    socket.on("data", () => answer(socket, (requests += 1) - 1));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanUps.push(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, "close");
  });
  const { port } = server.address() as AddressInfo;
  return { holder: { id: identity.id, name: "raw", host: "127.0.0.1", port }, sockets };
}

async function makeClient(): Promise<PeerClient> {
  const client = new PeerClient({ identity: await makeIdentity() });
  cleanUps.push(() => client.stop());
  return client;
}

/** What the client gets: the body, or the fault. */
async function get(client: PeerClient, { holder }: RawPeer, signal = AbortSignal.timeout(20_000)): Promise<string> {
  const reply = await client.get(holder, { digest: digestOf(BODY), offset: 0, tried: [], signal });
  let text = "";
  for await (const bytes of reply.body) text += bytes.toString();
  return text;
}

describe("a connection to a peer", () => {
  it("is used again for the next request", async () => {
    const peer = await rawPeer((socket) => socket.write(WHOLE));
    const client = await makeClient();
    expect([await get(client, peer), await get(client, peer)]).toEqual(["twelve bytes", "twelve bytes"]);
    expect(peer.sockets).toHaveLength(1);
  });

  it("is made anew when the peer closes the idle one at the moment of its next use", async () => {
    const peer = await rawPeer((socket, before) => (before === 1 ? socket.destroy() : socket.write(WHOLE)));
    const client = await makeClient();
    await get(client, peer);
    expect(await get(client, peer)).toBe("twelve bytes");
    expect(peer.sockets).toHaveLength(2);
  });

  it("is not used again when the peer ended it meanwhile, or said that it will", async () => {
    const closing = Buffer.from(WHOLE.toString().replace("\r\n\r\n", "\r\nConnection: Close\r\n\r\n"));
    const peer = await rawPeer((socket, before) => socket.write(before === 0 ? closing : WHOLE));
    const client = await makeClient();
    expect([await get(client, peer), await get(client, peer)]).toEqual(["twelve bytes", "twelve bytes"]);
    expect(peer.sockets).toHaveLength(2);
    peer.sockets[1]!.end();
    await once(peer.sockets[1]!, "close");
    expect(await get(client, peer)).toBe("twelve bytes");
  });

  it("fails when the peer closes a new one without an answer, or in the middle of it", async () => {
    const mute = await rawPeer((socket) => socket.end());
    const cut = await rawPeer((socket) => socket.end(WHOLE.subarray(0, -1)));
    const client = await makeClient();
    await expect(get(client, mute)).rejects.toMatchObject({ code: "REFUSED" });
    await expect(get(client, cut)).rejects.toThrow("it closed the connection");
  });

  it("gives up a peer that sends more than it said, or what nobody asked for", async () => {
    const peer = await rawPeer((socket, before) => socket.write(before === 0 ? Buffer.concat([WHOLE, WHOLE]) : WHOLE));
    const client = await makeClient();
    await expect(get(client, peer)).rejects.toMatchObject({ code: "BAD_LENGTH" });
    await get(client, peer);
    peer.sockets[1]!.write(WHOLE);
    await once(peer.sockets[1]!, "close");
    expect(await get(client, peer)).toBe("twelve bytes");
    expect(peer.sockets).toHaveLength(3);
  });

  it("breaks off when the signal aborts, before the answer and in its body", async () => {
    const mute = await rawPeer(() => {});
    const slow = await rawPeer((socket) => socket.write(WHOLE.subarray(0, -1)));
    const client = await makeClient();
    for (const peer of [mute, slow]) {
      const abort = new AbortController();
      const got = get(client, peer, abort.signal);
      got.catch(() => {});
      await expect.poll(() => peer.sockets[0]?.bytesRead ?? 0).toBeGreaterThan(0);
      abort.abort(new Error("enough"));
      await expect(got).rejects.toThrow("enough");
      await expect.poll(() => peer.sockets[0]!.destroyed).toBe(true);
    }
  });

  it("ends in an answer or a fault of the peer, whatever comes and however it is cut", async () => {
    let answers: Uint8Array[] = [];
    const peer = await rawPeer((socket) => {
      for (const bytes of answers) socket.write(bytes);
      socket.end();
    });
    const piece = fc.oneof(
      fc.constantFrom("HTTP/1.1 200 OK\r\n", "content-length: 3\r\n", "\r\n", "abc").map((text) => Buffer.from(text)),
      fc.uint8Array({ maxLength: 40 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 8 }), async (pieces) => {
        answers = pieces;
        const client = await makeClient();
        const signal = AbortSignal.timeout(20_000);
        try {
          const reply = await client.get(peer.holder, { digest: digestOf(BODY), offset: 0, tried: [], signal });
          reply.body.destroy();
        } catch (error) {
          expect(error).toBeInstanceOf(SourceError);
        }
        await client.stop();
      }),
      { numRuns: 40 },
    );
  });
});
