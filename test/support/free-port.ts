import { once } from "node:events";
import { createServer } from "node:net";

/** Below the range from which Linux gives ports to those who ask for any, so that nobody takes it meanwhile. */
const FIRST = 20_000;
const COUNT = 12_000;

/** A port of 127.0.0.1 that is free, for programs that cannot choose one themselves. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  server.listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch {
    return false;
  }
  server.close();
  await once(server, "close");
  return true;
}
