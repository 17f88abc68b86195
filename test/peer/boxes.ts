import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterEach } from "vitest";
import { makeAsking, makeIdentity, startServing, type AskingBox, type ServingBox } from "./rig.ts";

/** What is stopped after each test of the file, the last first. */
interface TestBoxes {
  kept<T extends { stop(): Promise<unknown> }>(box: T): T;
  /** A box that has these blobs. */
  serving(...files: Buffer[]): Promise<ServingBox>;
  /** A box that has these peers. */
  asking(...peers: { holder: ServingBox["holder"] }[]): Promise<AskingBox>;
}

/** Boxes for the tests of one file. */
export function testBoxes(): TestBoxes {
  const started: { stop(): Promise<unknown> }[] = [];
  afterEach(async () => {
    for (const box of started.splice(0).toReversed()) await box.stop();
  });
  function kept<T extends { stop(): Promise<unknown> }>(box: T): T {
    started.push(box);
    return box;
  }
  return {
    kept,
    serving: async (...files) => kept(await startServing(files)),
    asking: async (...peers) => kept(await makeAsking(peers.map(({ holder }) => holder))),
  };
}

/** Sends the headers of a right answer, and returns the offset that was asked for. */
export function begin(request: IncomingMessage, response: ServerResponse, file: Buffer): number {
  const offset = Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
  response.writeHead(offset > 0 ? 206 : 200, {
    "content-length": file.length - offset,
    "content-range": `bytes ${offset}-${file.length - 1}/${file.length}`,
  });
  response.flushHeaders();
  return offset;
}

/** A port that takes connections and never says anything, not even in TLS: what a frozen box is. */
export async function startDeaf(): Promise<{ holder: ServingBox["holder"]; stop(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server: Server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const { id } = await makeIdentity();
  const stop = async (): Promise<void> => {
    server.close();
    for (const socket of sockets) socket.destroy();
    await once(server, "close");
  };
  return { holder: { id, name: "dead", host: "127.0.0.1", port }, stop };
}
