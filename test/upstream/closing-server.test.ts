import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { Readable } from "node:stream";
import { setImmediate as turnOfTheLoop } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { HttpClient } from "../../src/upstream/http-client.ts";
import { closeAfter, noSignal, readAll } from "./harness.ts";

/** So many turns of the loop bring all that the client takes unasked, and the server's end: it reads 64 KiB in each. */
const TURNS = 20;
/** Among them those that fill the client's buffers to the byte. */
const SIZES = [1, 16, 32, 48, 64, 80, 96, 128, 192, 256].map((kib) => kib * 1024);

/** A server that does this at each request. */
async function serverOf(onRequest: (socket: Socket) => void): Promise<string> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", () => onRequest(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closeAfter(async () => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/f`;
}

async function answerOf(head: string, body: Buffer) {
  const client = new HttpClient();
  closeAfter(() => client.close());
  let ended: Promise<unknown> | undefined;
  const url = await serverOf((socket) => {
    ended = once(socket, "finish");
    socket.write(head);
    socket.end(body); // and closes the connection with its answer
  });
  const answer = await client.request({ method: "GET", url, headers: [], signal: noSignal() });
  await ended;
  for (let turn = 0; turn < TURNS; turn += 1) await turnOfTheLoop();
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

test("a server that resets the connection in a body without a length has broken off", async () => {
  let breakOff = (): void => {};
  const url = await serverOf((socket) => {
    breakOff = () => socket.resetAndDestroy();
    socket.write("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf of it");
  });
  const client = new HttpClient();
  closeAfter(() => client.close());
  const { body } = await client.request({ method: "GET", url, headers: [], signal: noSignal() });
  await once(body, "readable");
  breakOff();
  await expect(readAll(body)).rejects.toMatchObject({ code: "BROKEN" });
});

describe.each<[string, (socket: Socket) => void]>([
  ["closes", (socket) => socket.end()],
  ["resets", (socket) => socket.resetAndDestroy()],
])("a server that %s a kept connection when it is used again", (_what, leave) => {
  /** Answers once on each connection. */
  async function start(): Promise<{
    ask: (method: string, body?: Readable) => Promise<string>;
    requests: () => number;
  }> {
    const answered = new WeakSet<Socket>();
    let requests = 0;
    const url = await serverOf((socket) => {
      requests += 1;
      if (answered.has(socket)) return leave(socket);
      answered.add(socket);
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
    const client = new HttpClient();
    closeAfter(() => client.close());
    const ask = async (method: string, body?: Readable): Promise<string> => {
      const request = { method, url, headers: [], signal: noSignal(), ...(body && { body }) };
      const bytes = await readAll((await client.request(request)).body);
      await turnOfTheLoop(); // the connection is kept from then on
      return bytes.toString();
    };
    return { ask, requests: () => requests };
  }

  test("is asked once more, on a new one", async () => {
    const { ask, requests } = await start();
    expect([await ask("GET"), await ask("GET")]).toEqual(["ok", "ok"]);
    expect(requests()).toBe(3);
  });

  test("is not sent again what may have counted", async () => {
    const { ask } = await start();
    expect(await ask("GET")).toBe("ok");
    await expect(ask("POST", Readable.from(["x"]))).rejects.toMatchObject({ code: "REFUSED" });
  });
});

test.each([
  ["100", "HTTP/1.1 100 Continue\r\n\r\n"],
  ["103", "HTTP/1.1 103 Early Hints\r\n\r\n"],
  ["half a head", "HTTP/1.1 200 OK\r\nContent-"],
])("a server that closes a kept connection after %s is not asked again", async (_, begun) => {
  let requests = 0;
  const url = await serverOf((socket) => {
    requests += 1;
    if (requests === 2) socket.end(begun);
    else socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  const client = new HttpClient();
  closeAfter(() => client.close());
  const ask = async () => readAll((await client.request({ method: "GET", url, headers: [], signal: noSignal() })).body);
  await ask();
  await turnOfTheLoop();
  await expect(ask()).rejects.toMatchObject({ code: "REFUSED" });
  expect(requests).toBe(2);
});

test("a server that sends interim answers for ever is not waited for for ever", async () => {
  const url = await serverOf((socket) => {
    const timer = setInterval(() => socket.write("HTTP/1.1 102 Processing\r\n\r\n"), 20);
    socket.once("close", () => clearInterval(timer));
  });
  const client = new HttpClient({ headerTimeoutMs: 200 });
  closeAfter(() => client.close());
  const request = client.request({ method: "GET", url, headers: [], signal: noSignal() });
  await expect(request).rejects.toMatchObject({ code: "HEADER_TIMEOUT" });
});

test("a server that is silent on a kept connection is not waited for twice", async () => {
  let requests = 0;
  const url = await serverOf((socket) => {
    requests += 1;
    if (requests === 1) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  const client = new HttpClient({ headerTimeoutMs: 300 });
  closeAfter(() => client.close());
  const ask = async () => readAll((await client.request({ method: "GET", url, headers: [], signal: noSignal() })).body);
  await ask();
  await turnOfTheLoop();
  await expect(ask()).rejects.toMatchObject({ code: "HEADER_TIMEOUT" });
  expect(requests).toBe(2);
});

test("a server that resets a new connection is not asked again", async () => {
  let requests = 0;
  const url = await serverOf((socket) => {
    requests += 1;
    socket.resetAndDestroy();
  });
  const client = new HttpClient();
  closeAfter(() => client.close());
  const request = client.request({ method: "GET", url, headers: [], signal: noSignal() });
  await expect(request).rejects.toMatchObject({ code: "REFUSED" });
  expect(requests).toBe(1);
});
