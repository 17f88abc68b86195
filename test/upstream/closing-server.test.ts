import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { HttpClient } from "../../src/upstream/http-client.ts";
import { closeAfter, noSignal, readAll } from "./harness.ts";

/** Long enough for the server's end to arrive while nobody reads. */
const UNREAD_MS = 100;
/** Among them those that fill the client's buffers to the byte. */
const SIZES = [1, 16, 32, 48, 64, 80, 96, 128, 192, 256].map((kib) => kib * 1024);

/** A server that closes each connection with its answer, which begins with `head`. */
async function closingServer(head: string, body: Buffer): Promise<string> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => {
      socket.write(head);
      socket.end(body);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closeAfter(async () => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/f`;
}

async function answerOf(head: string, body: Buffer) {
  const client = new HttpClient();
  closeAfter(() => client.close());
  const url = await closingServer(head, body);
  const answer = await client.request({ method: "GET", url, headers: [], signal: noSignal() });
  await delay(UNREAD_MS);
  return answer;
}

describe("a server that closes the connection while its answer waits to be read", () => {
  test.each(SIZES)("is read to the end later: %i bytes", async (size) => {
    const body = randomBytes(size);
    const head = `HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\nConnection: close\r\n\r\n`;
    expect((await readAll((await answerOf(head, body)).body)).equals(body)).toBe(true);
  });

  test.each(SIZES)("is read to the end later, where it tells no length: %i bytes", async (size) => {
    const body = randomBytes(size);
    expect((await readAll((await answerOf("HTTP/1.0 200 OK\r\n\r\n", body)).body)).equals(body)).toBe(true);
  });

  test.each(SIZES)("is broken when bytes are missing: %i bytes", async (size) => {
    const head = `HTTP/1.1 200 OK\r\nContent-Length: ${size + 1}\r\nConnection: close\r\n\r\n`;
    const { body } = await answerOf(head, randomBytes(size));
    await expect(readAll(body)).rejects.toMatchObject({ code: "BROKEN" });
  });
});
