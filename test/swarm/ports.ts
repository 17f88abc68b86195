import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";

/** Below the ports that the system gives to outgoing connections (net.ipv4.ip_local_port_range). */
const LOWEST = 10_000;
const HIGHEST = 32_000;

/** A port of loopback that is free for TCP and UDP. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(LOWEST, HIGHEST);
    const server = createServer();
    const socket = createSocket("udp4");
    try {
      server.listen(port, "127.0.0.1");
      await once(server, "listening");
      socket.bind(port, "127.0.0.1");
      await once(socket, "listening");
      return port;
    } catch {
      // taken: try another one
    } finally {
      server.close();
      socket.close();
    }
  }
}
