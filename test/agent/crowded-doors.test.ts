import { once } from "node:events";
import type { Socket } from "node:net";
import { describe, expect, test } from "vitest";
import { boxAndMirror, byDigest, connectTo, FOR_OTHERS } from "./door-box.ts";

/** More than what may wait from one address. */
const MANY = 800;

const LAYOUT = "/distfiles/layout.conf";

describe("connections that are held open without a request, to have all files that the agent may open,", () => {
  test.each<[string, (socket: Socket) => void]>([
    ["say nothing", () => {}],
    ["begin a request and do not end it", (socket) => void socket.write("GET / HTTP/1.1\r\nHost: x\r\nX: ")],
    ["are kept after an answer", (socket) => void socket.resume().write(`GET ${LAYOUT} HTTP/1.1\r\nHost: x\r\n\r\n`)],
  ])("are closed where they are too many, the oldest first: those that %s", async (_what, begin) => {
    const { box } = await boxAndMirror();
    const first = connectTo(box);
    const closed = once(first, "close");
    await once(first, "connect");
    begin(first);
    for (let number = 0; number < MANY; number += 1) {
      const socket = connectTo(box);
      await once(socket, "connect");
      begin(socket);
    }
    await closed;
    expect((await fetch(box.url + byDigest)).status).toBe(200);
  });

  test("also where their address is not in proxy.allow", async () => {
    const { box } = await boxAndMirror({ config: FOR_OTHERS });
    const first = connectTo(box);
    const closed = once(first, "close");
    for (let number = 0; number < MANY; number += 1) await once(connectTo(box), "connect");
    await closed;
  });
});

test("many clients at once that ask are all answered", async () => {
  const { box } = await boxAndMirror();
  const answers = await Promise.all(Array.from({ length: 500 }, () => fetch(box.url + LAYOUT)));
  for (const answer of answers) expect(await answer.text()).toContain("content-hash");
});
