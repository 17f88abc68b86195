// The least that a transfer between two boxes costs in Node: a file over TLS 1.3 into a file, hashed in a thread on the way,
// and made durable. No HTTP, no client, no look at who asks; reads and writes of 1 MiB in buffers that take turns.
//
//   node bare-transfer.mjs give HOST PORT FILE
//   node bare-transfer.mjs take HOST PORT FILE SIZE DIGEST    prints the seconds
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { open } from "node:fs/promises";
import { connect, createServer } from "node:tls";
import { HashThread } from "../../build/store/hash-thread.js";
import { ThreadedHash } from "../../build/store/threaded-hash.js";
import { identityFromSeed } from "../../build/swarm/identity.js";

const MIB = 2 ** 20;

const [role, host, port, path, size, digest] = process.argv.slice(2);
await (role === "give" ? give() : take());

async function give() {
  const { tls } = await identityFromSeed(randomBytes(32));
  const server = createServer({ ...tls, minVersion: "TLSv1.3" }, (socket) => void send(socket));
  server.listen(Number(port), host, () => console.log("ready"));
}

async function send(socket) {
  const file = await open(path);
  const buffers = [Buffer.allocUnsafeSlow(MIB), Buffer.allocUnsafeSlow(MIB)];
  for (;;) {
    const { bytesRead, buffer } = await file.read(buffers[0], 0, MIB);
    if (bytesRead === 0) break;
    buffers.reverse();
    if (!socket.write(buffer.subarray(0, bytesRead))) await once(socket, "drain");
  }
  socket.end();
  await file.close();
}

async function take() {
  const began = performance.now();
  const file = await open(path, "w");
  const hash = new ThreadedHash(new HashThread());
  for await (const bytes of received()) await Promise.all([file.write(bytes), hash.update(bytes)]);
  if ((await hash.finish()).digest !== digest) throw new Error("its digest is wrong");
  await file.sync();
  console.log((performance.now() - began) / 1000);
  await file.close();
}

/** What comes over the line, a mebibyte or what there is at a time; lent until the next is asked for. */
async function* received() {
  let [filling, lent] = [Buffer.allocUnsafeSlow(2 * MIB), Buffer.allocUnsafeSlow(2 * MIB)];
  let filled = 0;
  let wake = () => {};
  const socket = connect({ host, port: Number(port), rejectUnauthorized: false, onread: reader() });
  for (let left = Number(size); left > 0;) {
    while (filled < Math.min(MIB, left)) await new Promise((resolve) => (wake = resolve));
    const bytes = filling.subarray(0, filled);
    [filling, lent] = [lent, filling];
    filled = 0;
    socket.resume();
    left -= bytes.length;
    yield bytes;
  }
  socket.destroy();

  function reader() {
    const callback = (length, buffer) => {
      filled += buffer.copy(filling, filled, 0, length);
      if (filled >= MIB) socket.pause();
      wake();
      return true;
    };
    return { buffer: Buffer.allocUnsafeSlow(64 * 1024), callback };
  }
}
