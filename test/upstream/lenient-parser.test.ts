import { describe, expect, test } from "vitest";
import { dialer } from "../../src/upstream/dial.ts";
import { HttpClient } from "../../src/upstream/http-client.ts";
import { rawServer } from "../support/raw-server.ts";
import { closeAfter, noSignal, readAll } from "./harness.ts";

const CHUNKED = "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n";
const LENGTH = "Content-Length: 4\r\n";

const FAR = { host: "far.example", port: 443 };

describe("an answer is read as wget and curl read it", () => {
  test.each([
    ["lines that end without CR", "HTTP/1.1 200 OK\nContent-Length: 4\n\nbody"],
    ["one line that ends without CR", "HTTP/1.1 200 OK\r\nContent-Length: 4\nX-A: b\r\n\r\nbody"],
    ["a folded line", `HTTP/1.1 200 OK\r\n${LENGTH}Set-Cookie: a=b;\r\n\tpath=/\r\n\r\nbody`],
    ["control characters in a field", `HTTP/1.1 200 OK\r\n${LENGTH}X-A: a\u0001b\r\n\r\nbody`],
    ["a blank before the colon", "HTTP/1.1 200 OK\r\nContent-Length : 4\r\n\r\nbody"],
    ["a length beside chunks", `HTTP/1.1 200 OK\r\n${LENGTH}${CHUNKED}`],
    ["chunks beside a length", `HTTP/1.1 200 OK\r\n${CHUNKED.replace("\r\n", `\r\n${LENGTH}`)}`],
    ["blanks behind the sizes of chunks", `HTTP/1.1 200 OK\r\n${CHUNKED.replace("4\r\n", "4   \r\n")}`],
    ["identity as the encoding", `HTTP/1.1 200 OK\r\n${LENGTH}Transfer-Encoding: identity\r\n\r\nbody`],
    ["100, which nobody asked for", `${"HTTP/1.1 100 Continue\r\n\r\n".repeat(3)}HTTP/1.1 200 OK\r\n${LENGTH}\r\nbody`],
    ["30 KB of cookies", `HTTP/1.1 200 OK\r\n${LENGTH}${`Set-Cookie: a=${"b".repeat(1000)}\r\n`.repeat(30)}\r\nbody`],
  ])("%s", async (_, answer) => {
    const client = new HttpClient();
    closeAfter(() => client.close());
    const url = await rawServer(answer);
    const { status, body } = await client.request({ method: "GET", url, headers: [], signal: noSignal() });
    expect([status, (await readAll(body)).toString()]).toEqual([200, "body"]);
  });
});

test.each([
  "HTTP/1.1 200 OK\n\n",
  `HTTP/1.1 200 OK\r\n${LENGTH}Transfer-Encoding: chunked\r\n\r\n`,
  "HTTP/1.0 201\r\n\r\n",
])("a proxy's answer to CONNECT is read so, too: %j", async (answer) => {
  const socket = await dialer({ proxy: await rawServer(`${answer}hello`), timeoutMs: 10_000 })(FAR);
  expect((await readAll(socket)).toString()).toBe("hello");
});
