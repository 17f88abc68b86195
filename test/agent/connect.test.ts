import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { logInto } from "../support/log-lines.ts";
import { boxAndMirror, connectTo, FOR_OTHERS, say } from "./door-box.ts";

describe("CONNECT", () => {
  /** The port of a server that does this with the first bytes that come. */
  async function portOf(onData: (socket: Socket, bytes: Buffer) => void): Promise<number> {
    const server = createServer((socket) => socket.once("data", (bytes: Buffer) => onData(socket, bytes)));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    return (server.address() as { port: number }).port;
  }

  test("is a blind tunnel to allowed ports, and Node warns of nothing", async () => {
    const warnings: Error[] = [];
    const warn = (warning: Error): void => void warnings.push(warning);
    process.on("warning", warn);
    onTestFinished(() => void process.off("warning", warn));
    const port = await portOf((socket, bytes) => socket.end(bytes));
    const { box } = await boxAndMirror({ config: { proxy: { listen: ["127.0.0.1:0"], connect_ports: [port] } } });
    const answer = await say(box, `CONNECT 127.0.0.1:${port} HTTP/1.0\r\n\r\nhello tunnel`);
    expect(answer).toMatch(/^HTTP\/1.1 200 .*\r\n\r\nhello tunnel$/s);
    expect(warnings.map(({ message }) => message)).toEqual([]);
  });

  test("holds up no stop while it is open", async () => {
    const port = await portOf((socket, bytes) => socket.on("error", () => {}).write(bytes));
    const { box } = await boxAndMirror({ config: { proxy: { listen: ["127.0.0.1:0"], connect_ports: [port] } } });
    const socket = connectTo(box);
    let heard = "";
    socket.on("data", (bytes: Buffer) => (heard += bytes.toString()));
    socket.write(`CONNECT 127.0.0.1:${port} HTTP/1.1\r\n\r\nhello tunnel`);
    await expect.poll(() => heard).toContain("hello tunnel");
    const closed = once(socket, "close");
    await box.agent.stop();
    await closed;
  });

  test("breaks off where the server does: a reset is no end of a file", async () => {
    const port = await portOf((socket) => socket.resetAndDestroy());
    const { box } = await boxAndMirror({ config: { proxy: { listen: ["127.0.0.1:0"], connect_ports: [port] } } });
    await expect(say(box, `CONNECT 127.0.0.1:${port} HTTP/1.0\r\n\r\nhello`)).rejects.toMatchObject({
      code: "ECONNRESET",
    });
  });

  test.each([
    ["127.0.0.1:22", 403, /not allowed: proxy\.connect_ports has 443/],
    ["nonsense", 400, /host:port/],
    ["127.0.0.1:443", 502, /no connection to 127\.0\.0\.1:443/],
  ])("to %s: %i", async (target, status, reason) => {
    const { box } = await boxAndMirror();
    const answer = await say(box, `CONNECT ${target} HTTP/1.1\r\n\r\n`);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status}`));
    expect(answer).toMatch(reason);
  });

  test("to a port that is not allowed is a line of the log", async () => {
    const lines: string[] = [];
    const { box } = await boxAndMirror({ log: logInto(lines) });
    await say(box, "CONNECT rsync.example:873 HTTP/1.0\r\n\r\n");
    expect(lines).toContain("refused: CONNECT to port 873 is not allowed: proxy.connect_ports has 443");
  });

  test("a stranger who resets a refused CONNECT harms nobody", async () => {
    const { box } = await boxAndMirror({ config: FOR_OTHERS });
    for (let round = 0; round < 10; round += 1) {
      const socket = connectTo(box);
      await once(socket, "connect");
      socket.write("CONNECT a.example:443 HTTP/1.1\r\n\r\n");
      socket.resetAndDestroy();
    }
    expect(await say(box, "CONNECT a.example:443 HTTP/1.1\r\n\r\n")).toMatch(/^HTTP\/1.1 403 .*not in proxy\.allow/s);
  });
});
