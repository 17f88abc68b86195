// A mirror that is far away: it begins each answer so many milliseconds after it was asked.
//
//   node far-mirror.mjs DIR MS
import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const [dir, ms] = process.argv.slice(2);

const server = createServer(async (request, response) => {
  const path = join(dir, decodeURIComponent(request.url));
  await delay(Number(ms));
  if (existsSync(path)) createReadStream(path).pipe(response);
  else response.writeHead(404).end();
});

server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
