import { spawn } from "node:child_process";
import dns from "node:dns";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, expect, onTestFinished, test, vi } from "vitest";
import { dialer } from "../../src/upstream/dial.ts";
import { HttpClient } from "../../src/upstream/http-client.ts";
import { patiently } from "../../src/upstream/patience.ts";
import { closeAfter, noSignal, readAll } from "./harness.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

/** A server in one process that says hello to whoever connects, or asks by HTTP. */
const SERVER = `const server = require("node:http").createServer((request, answer) => answer.end("hello"));
server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => console.log(server.address().port));`;

/**
 * Starts a server that takes a second to accept a connection, as over a long way: its queue is full, and has room when the
 * kernel tries again. Of its two addresses only the first one leads to it.
 */
async function farServer(): Promise<{ host: string; port: number }> {
  const child = spawn(process.execPath, ["-e", SERVER], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  const port = Number(line.toString());
  child.kill("SIGSTOP");
  for (let waiting = 0; waiting < 2; waiting += 1) await connected(port);
  setTimeout(() => child.kill("SIGCONT"), 400); // the first try is given up after 250 ms, the kernel's second comes after 1 s
  const addresses = [
    { address: "127.0.0.1", family: 4 },
    { address: "::1", family: 6 },
  ];
  vi.spyOn(dns, "lookup").mockImplementation(((_host: string, _options: object, done: (...result: unknown[]) => void) =>
    done(null, addresses)) as typeof dns.lookup);
  return { host: "mirror.example", port };
}

async function connected(port: number): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  socket.on("error", () => {});
  await once(socket, "connect");
}

test("a mirror is reached that is far, and has an address that cannot be reached from here", async () => {
  const { host, port } = await farServer();
  const client = new HttpClient();
  closeAfter(() => client.close());
  const url = `http://${host}:${port}/f`;
  const answer = await client.request({ method: "GET", url, headers: [], signal: noSignal() });
  expect((await readAll(answer.body)).toString()).toBe("hello");
});

test("a tunnel to such a server opens", async () => {
  const to = await farServer();
  const socket: Socket = await dialer({ timeoutMs: 10_000 })(to);
  socket.write("GET /f HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  expect((await readAll(socket)).toString()).toContain("hello");
});

test("what fails for good is not tried again", async () => {
  const attempt = vi.fn(async () => {
    throw new AggregateError([Object.assign(new Error("refused"), { code: "ECONNREFUSED" })]);
  });
  await expect(patiently(attempt)).rejects.toThrow(AggregateError);
  expect(attempt).toHaveBeenCalledOnce();
});
