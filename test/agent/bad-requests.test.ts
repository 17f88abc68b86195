import { once } from "node:events";
import { expect, test } from "vitest";
import { pathByDigest, testFile } from "../support/repository.ts";
import { boxAndMirror, boxThatKnows, connectTo, file, FOR_OTHERS, say } from "./door-box.ts";

/** Long enough for a box that stops, far less than Node takes to give up a connection. */
const STOP_MS = 20_000;

/** More than the sockets between hold. */
const large = testFile("large.tar.xz", 16 * 2 ** 20);

test.each([
  ["with the request for it", [large], 0],
  ["while it is sent", [large], 2 ** 20],
  ["while it is sent behind another one", [file, large], 2 * file.bytes.length],
])("rubbish that comes %s never ends up in a file", async (_, files, sentBefore) => {
  const { box } = await boxThatKnows(files);
  const paths = files.map(pathByDigest);
  for (const path of paths) await (await fetch(box.url + path)).arrayBuffer();

  const socket = connectTo(box);
  socket.on("error", () => {});
  for (const path of paths) socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  let received = Buffer.alloc(0);
  const chunks = socket.iterator({ destroyOnReturn: false }) as AsyncIterableIterator<Buffer>;
  while (received.length < sentBefore) received = Buffer.concat([received, (await chunks.next()).value as Buffer]);
  socket.write("\u0001rubbish\r\n\r\n");
  for await (const chunk of chunks) received = Buffer.concat([received, chunk]);
  const answer = received.subarray(Math.max(0, received.lastIndexOf("HTTP/1.1 ")));
  const body = answer.subarray(answer.indexOf("\r\n\r\n") + 4);
  expect(large.bytes.subarray(0, body.length).equals(body)).toBe(true);
});

test.each([
  ["a broken request line", "GET\r\n\r\n", 400],
  ["a path that is none", "GET distfiles HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 400],
  ["a URL without a host", "GET http:///x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 400],
  ["an expectation", "GET / HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\nConnection: close\r\n\r\n", 417],
  ["dots", "GET /distfiles/../../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 400],
  ["headers over the limit", `GET / HTTP/1.1\r\nX: ${"x".repeat(20_000)}\r\n\r\n`, 431],
])("%s gets a clear answer", async (_, request, status) => {
  const { box } = await boxAndMirror();
  expect(await say(box, request)).toMatch(new RegExp(`^HTTP/1.1 ${status} .*\r\n\r\n.{10}`, "s"));
});

test.each([
  ["CONNECT", "CONNECT a.example:443 HTTP/1.1\r\n\r\n"],
  ["request line", "GET\r\n\r\n"],
])(
  "who keeps the connection of a refused %s open holds up no stop",
  async (_, request) => {
    const { box } = await boxAndMirror({ config: FOR_OTHERS });
    const socket = connectTo(box, { allowHalfOpen: true });
    socket.write(request);
    await once(socket, "data");
    await box.agent.stop();
  },
  STOP_MS,
);
