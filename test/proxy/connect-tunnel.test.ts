import { once } from "node:events";
import { createServer } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { expect, onTestFinished, test } from "vitest";
import { ConnectTunnel } from "../../src/proxy/connect-tunnel.ts";

/** What a client reads of a tunnel to `server` until its connection is closed, as latin1. */
async function tunnelTo(server: Duplex): Promise<string> {
  const tunnel = new ConnectTunnel(async () => server, { ports: [443], via: "test" });
  const door = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => void door.close());
  door.on(
    "connect",
    (request, socket, head) =>
      void tunnel.serve(
        request,
        socket.on("error", () => {}),
        head,
      ),
  );
  await once(door, "listening");
  const client = connect((door.address() as AddressInfo).port, "127.0.0.1");
  client.write("CONNECT a.example:443 HTTP/1.1\r\n\r\n");
  return textOf(client);
}

async function textOf(client: Socket): Promise<string> {
  let text = "";
  client.on("data", (bytes: Buffer) => (text += bytes.toString("latin1")));
  await once(client, "close");
  return text;
}

/** TCP connections that this process has not closed. */
function openSockets(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === "TCPSocketWrap").length;
}

test("a server that ends, and breaks while that is passed on, leaves no socket behind, and its end is an end", async () => {
  const before = openSockets();
  const server = new Duplex({ read: () => {}, write: (_bytes, _encoding, done) => done() });
  server.push("all of it");
  server.push(null);
  server.once("end", () => server.destroy(new Error("reset")));
  expect(await tunnelTo(server)).toMatch(/^HTTP\/1.1 200 .*\r\n\r\nall of it$/s);
  await expect.poll(openSockets).toBe(before);
});
