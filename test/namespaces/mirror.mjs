// A mirror on a host: the files of a directory, over a line that all who ask share. It counts what it sends to whom, and
// can be made to send a wrong byte.
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { basename, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { answerCalls } from "./calls.mjs";

/** Bytes that one connection is given in its turn. */
const TURN_BYTES = 64 * 1024;

const { dir, port, rate } = JSON.parse(process.argv[2]);
const files = new Map(readdirSync(dir).map((name) => [name, readFileSync(join(dir, name))]));
const sent = new Map([...files.keys()].map((name) => [name, {}]));
let lineIsFreeAt = 0;

/** Resolves when the line has carried so many bytes more, `rate` a second. */
async function carried(bytes) {
  lineIsFreeAt = Math.max(lineIsFreeAt, performance.now()) + (1000 * bytes) / rate;
  await delay(lineIsFreeAt - performance.now());
}

async function send(name, start, response) {
  const to = response.req.socket.remoteAddress;
  for (let at = start; at < files.get(name).length; at += TURN_BYTES) {
    const bytes = files.get(name).subarray(at, at + TURN_BYTES);
    await carried(bytes.length);
    if (response.destroyed) return;
    sent.get(name)[to] = (sent.get(name)[to] ?? 0) + bytes.length;
    if (response.write(bytes)) continue;
    await Promise.race([once(response, "drain"), once(response, "close")]).catch(() => {});
  }
  response.end();
}

function answer(request, response) {
  const name = basename(request.url);
  const bytes = files.get(name);
  if (name === "layout.conf") response.end("[structure]\n0=flat\n");
  else if (bytes === undefined) response.writeHead(404).end();
  else answerRange(name, bytes.length, request.headers.range, response);
}

/** Also from the middle: `bytes=N-`, as those ask who go on. */
function answerRange(name, size, asked, response) {
  const [, first] = /^bytes=(\d+)-$/.exec(asked ?? "") ?? [];
  const start = Number(first ?? 0);
  const range = first === undefined ? {} : { "Content-Range": `bytes ${start}-${size - 1}/${size}` };
  response.writeHead(first === undefined ? 200 : 206, { "Content-Length": size - start, ...range });
  void send(name, start, response);
}

const calls = {
  /** Bytes of a file that were sent, by the address of who asked. */
  sent: (name) => sent.get(name),
  /** From now on this byte of the file is wrong. */
  spoil(name, at) {
    files.get(name)[at] ^= 0xff;
  },
};

createServer(answer).listen(port, "0.0.0.0", () => answerCalls(calls, true));
