import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { onTestFinished, test } from "vitest";
import { endAnswer } from "../../src/proxy/reply.ts";

/** Two requests at once, the second of which is answered after the first. */
const PIPELINED = "GET /first HTTP/1.1\r\nHost: x\r\n\r\nGET /second HTTP/1.1\r\nHost: x\r\n\r\n";

test("an answer that is queued behind another one is over when the client leaves", async () => {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  client.write(PIPELINED);
  const over = new Promise<void>((resolve) => {
    server.on("request", (request, response: ServerResponse) => {
      if (request.url === "/first") return;
      const { socket } = request;
      const left = new AbortController();
      socket.once("close", () => left.abort());
      void endAnswer({ request, response, socket, signal: left.signal }).then(resolve);
      client.destroy();
    });
  });
  await over;
});
