// The least that a proxy in Node can do: asks upstream, hashes, answers, keeps. What `many.mjs` measures the agent against.
//
//   node bare-proxy.mjs UPSTREAM DIR
import { createHash } from "node:crypto";
import { open, rename } from "node:fs/promises";
import { Agent, createServer, get } from "node:http";
import { join } from "node:path";

const [upstream, dir] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true });

const server = createServer((request, response) => {
  get(new URL(request.url, upstream), { agent }, async (answer) => {
    const bytes = Buffer.concat(await answer.toArray());
    response.writeHead(200, { "Content-Length": bytes.length });
    response.end(bytes);
    await keep(bytes, createHash("blake2b512").update(bytes).digest("hex"));
  });
});

server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));

async function keep(bytes, digest) {
  const file = await open(join(dir, `${digest}.part`), "w");
  await file.writeFile(bytes);
  await file.sync();
  await file.close();
  await rename(join(dir, `${digest}.part`), join(dir, digest));
}
