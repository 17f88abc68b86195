// 50 clients ask for 7 stored files while upstream is well, and while it hangs; ten runs each. No request may fail. The
// slowest answer of a run is bounded, and the slowest of all runs.
//
//   npm run build && node bench/hang.mjs
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import {
  curlAtOnce,
  makeDistfile,
  makeRepository,
  median,
  row,
  startAgent,
  startNginx,
  stored,
  withBed,
} from "./lib/bed.mjs";

const RUNS = 10;
const CLIENTS = 50;

await withBed(async (bed) => {
  const files = Array.from({ length: 7 }, (_, at) => makeDistfile(bed, `stored-${at}.tar.xz`, 200_000));
  const missing = Array.from({ length: 40 }, (_, at) => makeDistfile(bed, `missing-${at}.tar.xz`, 1000));
  const repos = [makeRepository(bed, [...files, ...missing])];
  const nginx = await startNginx(bed, `root ${bed.mirror};`);
  const front = await switchable(nginx.url);
  const agent = await startAgent(bed, { repos, mirrors: [front.url] });
  await delay(1000);
  for (const file of files) {
    await (await fetch(agent.url + file.byDigest)).arrayBuffer(); // not curl: it would stop the way to the mirror, too
    await stored(agent.url, file.byDigest);
  }
  const well = [];
  const hanging = [];
  for (let run = 0; run < RUNS; run += 1) well.push(slowest(agent, files));
  front.hang();
  const waiting = missing.map((file) => fetch(agent.url + file.byDigest).catch(() => {}));
  await delay(500);
  for (let run = 0; run < RUNS; run += 1) hanging.push(slowest(agent, files));
  console.log(`${"".padEnd(48)} ${"hanging".padStart(9)} ${"well".padStart(9)}        ratio`);
  row(
    "50 clients, 7 stored files: slowest answer (median)",
    median(hanging),
    median(well),
    median(hanging) / median(well),
    { most: 3 },
    "ms",
  );
  row(
    "the same, the worst of ten runs",
    Math.max(...hanging),
    Math.max(...well),
    Math.max(...hanging) / Math.max(...well),
    { most: 3 },
    "ms",
  );
  front.close();
  await Promise.all(waiting);
});

/** The slowest of all answers in ms. */
function slowest(agent, files) {
  const urls = Array.from({ length: CLIENTS }, (_, client) => agent.url + files[client % files.length].byDigest);
  return Math.max(...curlAtOnce(urls, "%{time_total}"));
}

/** A way to the mirror that can be made to hang: it takes connections and says nothing. */
async function switchable(target) {
  const sockets = new Set();
  let hangs = false;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    if (hangs) return;
    const onward = connect(Number(new URL(target).port), "127.0.0.1");
    onward.on("error", () => {});
    socket.pipe(onward).pipe(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cutAll = () => sockets.forEach((socket) => socket.destroy());
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    hang: () => {
      hangs = true;
      cutAll();
    },
    close: () => {
      server.close();
      cutAll();
    },
  };
}
