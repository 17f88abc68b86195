import { once } from "node:events";
import { gzipSync } from "node:zlib";
import { setTimeout as delay } from "node:timers/promises";
import {
  LAST_CHUNK,
  chunk,
  endWith,
  offsetOf,
  rightAnswer,
  send,
  sendRaw,
  type Behaviour,
  type Exchange,
} from "./exchange.ts";

/** How often a slow mirror sends something. Milliseconds. */
const SLOW_STEP_MS = 20;
/** What is sent again and again by those that find no end. */
const ZEROS = Buffer.alloc(64 * 1024);
/** How far off the wrong lengths and offsets of the zoo are. Bytes. */
const WRONG_BY = 10;
/** What a server shows to browsers in place of a file. */
const PAGE = Buffer.from("<html><title>404 Not Found</title><p>Please log in</html>");

// ---- good ones

/** Does all right. */
export const well: Behaviour = (exchange) => send(exchange, rightAnswer(exchange));

/** Right, but at this many bytes a second. */
export function slow(bytesPerSecond = 256 * 1024): Behaviour {
  return async (exchange) => {
    const { status, headers, bytes } = rightAnswer(exchange);
    exchange.response.writeHead(status, headers);
    await trickle(exchange, bytes, bytesPerSecond);
    exchange.response.end();
  };
}

/** Right, but after this fraction of what was asked for at so many bytes a second. */
export function slowsDown(bytesPerSecond: number, fraction = 1 / 2): Behaviour {
  return async (exchange) => {
    const { status, headers, bytes } = rightAnswer(exchange);
    const fast = Math.floor(bytes.length * fraction);
    exchange.response.writeHead(status, headers);
    exchange.response.write(bytes.subarray(0, fast));
    await trickle(exchange, bytes.subarray(fast), bytesPerSecond);
    exchange.response.end();
  };
}

async function trickle(exchange: Exchange, bytes: Buffer, bytesPerSecond: number): Promise<void> {
  const step = Math.max(1, Math.round((bytesPerSecond * SLOW_STEP_MS) / 1000));
  for (let at = 0; at < bytes.length && !exchange.response.destroyed; at += step) {
    if (!exchange.response.write(bytes.subarray(at, at + step))) await drained(exchange);
    await delay(SLOW_STEP_MS);
  }
}

async function drained({ response }: Exchange): Promise<void> {
  const over = new AbortController();
  const either = ["drain", "close"].map((event) => once(response, event, { signal: over.signal }).catch(() => {}));
  await Promise.race(either).finally(() => over.abort());
}

/** Right, without Content-Length: the end of the connection is the end of the file. */
export const noLength: Behaviour = (exchange) =>
  sendRaw(exchange, { status: 200, headers: { connection: "close" }, bytes: exchange.file }, "close");

/** Right, chunked. */
export const chunked: Behaviour = (exchange) => {
  const { status, bytes } = rightAnswer(exchange);
  const headers = { "transfer-encoding": "chunked" };
  send(exchange, { status, headers: { ...rangeOnly(exchange), ...headers }, bytes });
};

/** Right, but sends the whole file with 200 whatever Range asks for. */
export const ignoresRange: Behaviour = (exchange) =>
  send(exchange, { status: 200, headers: { "content-length": exchange.file.length }, bytes: exchange.file });

/** Sends to another URL, given or made from the exchange. A relative one is passed on as it is. */
export function redirect(to: string | ((exchange: Exchange) => string), status = 302): Behaviour {
  return (exchange) => {
    const location = typeof to === "string" ? to : to(exchange);
    send(exchange, { status, headers: { location, "content-length": 0 }, bytes: Buffer.alloc(0) });
  };
}

// ---- silent ones

/** Takes the request and says nothing. */
export const stallsBeforeHeaders: Behaviour = () => {};

/** Sends the headers and nothing more. */
export const stallsAfterHeaders: Behaviour = stallsAt(0);

/** Sends this fraction of what was asked for, then nothing more. */
export function stallsAt(fraction: number): Behaviour {
  return (exchange) => sendRaw(exchange, part(exchange, fraction), "silence");
}

// ---- those that break

/** Closes the connection in the middle of the body, before Content-Length. */
export const cut: Behaviour = (exchange) => sendRaw(exchange, part(exchange, 1 / 2), "close");

/** Resets the connection (TCP RST) in the middle of the body. */
export const resets: Behaviour = (exchange) => sendRaw(exchange, part(exchange, 1 / 2), "reset");

/** Resets the connection instead of an answer. */
export const resetsAtOnce: Behaviour = ({ response }) => endWith(response.socket!, "reset");

/** Chunked, and closed without a last chunk. */
export const chunkedCut: Behaviour = (exchange) => sendRaw(exchange, chunkedHalf(exchange), "close");

/** Without Content-Length, and closed in the middle: looks whole. */
export const noLengthCut: Behaviour = (exchange) => {
  const bytes = exchange.file.subarray(0, exchange.file.length / 2);
  sendRaw(exchange, { status: 200, headers: { connection: "close" }, bytes }, "close");
};

/** The same page in place of the file, without saying how long it is. */
const htmlWithoutLength: Behaviour = (exchange) =>
  send(exchange, {
    status: 200,
    headers: { "content-type": "text/html", "transfer-encoding": "chunked" },
    bytes: PAGE,
  });

/** Closes after each tenth of the file: ten requests, each from where the last one broke, have it all. */
export const closesAtEveryTenth: Behaviour = (exchange) => {
  const answer = rightAnswer(exchange);
  const bytes = answer.bytes.subarray(0, Math.ceil(exchange.file.length / 10));
  sendRaw(exchange, { ...answer, bytes }, "close");
};

/** The right headers, then one byte a second. */
export const oneByteASecond: Behaviour = async (exchange) => {
  const { status, headers, bytes } = rightAnswer(exchange);
  exchange.response.writeHead(status, headers);
  for (let at = 0; at < bytes.length && !exchange.response.destroyed; at += 1) {
    exchange.response.write(bytes.subarray(at, at + 1));
    await delay(1000, undefined, { ref: false });
  }
};

// ---- those that lie

/** The right headers and bytes, or no length and none of them; then zeros for ever. */
export function endless({ named }: { named: boolean }): Behaviour {
  return async (exchange) => {
    const { status, headers, bytes } = rightAnswer(exchange);
    const start = named ? { status, headers, bytes } : { status: 200, headers: {}, bytes: Buffer.alloc(1) };
    sendRaw(exchange, start, "silence");
    const socket = exchange.response.socket!;
    while (!socket.destroyed) {
      if (!socket.write(ZEROS)) await drained(exchange);
      await delay(1);
    }
  };
}

/** Content-Length is larger than the file. */
export const wrongLength: Behaviour = (exchange) => {
  const { status, headers, bytes } = rightAnswer(exchange);
  sendRaw(exchange, { status, headers: { ...headers, "content-length": bytes.length + WRONG_BY }, bytes }, "close");
};

/** Chunked, and longer than the file. */
export const tooLong: Behaviour = (exchange) => {
  const bytes = Buffer.concat([chunk(exchange.file), chunk(Buffer.alloc(WRONG_BY)), LAST_CHUNK]);
  sendRaw(exchange, { status: 200, headers: { "transfer-encoding": "chunked" }, bytes }, "silence");
};

/** A page of HTML with 200, as captive portals and soft 404s have it. */
export const htmlWith200: Behaviour = (exchange) => {
  const headers = { "content-type": "text/html", "content-length": PAGE.length };
  send(exchange, { status: 200, headers, bytes: PAGE });
};

/** The file with one byte wrong: the one at this fraction of it. */
export function oneWrongByte(fraction = 1 / 2): Behaviour {
  return (exchange) => {
    const file = Buffer.from(exchange.file);
    const at = Math.min(file.length - 1, Math.floor(file.length * fraction));
    file[at]! ^= 1;
    return well({ ...exchange, file });
  };
}

/** Answers a Range with bytes from a little earlier, and says so. */
export const wrongOffset: Behaviour = (exchange) => {
  const { file } = exchange;
  const start = Math.max(0, offsetOf(exchange) - WRONG_BY);
  const bytes = file.subarray(start);
  const headers = {
    "content-range": `bytes ${start}-${file.length - 1}/${file.length}`,
    "content-length": bytes.length,
  };
  return offsetOf(exchange) === 0 ? well(exchange) : send(exchange, { status: 206, headers, bytes });
};

/** Compresses the body though nobody asked, chunked. */
export const packed: Behaviour = (exchange) => {
  const headers = { "content-encoding": "gzip", "transfer-encoding": "chunked" };
  send(exchange, { status: 200, headers, bytes: gzipSync(exchange.file) });
};

// ---- those that say no

/** Answers with this status and nothing else. */
export function says(status: number, headers: Record<string, string> = {}): Behaviour {
  return (exchange) => send(exchange, { status, headers: { ...headers, "content-length": 0 }, bytes: Buffer.alloc(0) });
}

/** This status to every HEAD. */
export function refusesHead(status: number): Behaviour {
  const refuse = says(status);
  return (exchange) => (exchange.request.method === "HEAD" ? refuse : well)(exchange);
}

/** 416 to every Range. */
export const refusesRanges: Behaviour = (exchange) =>
  exchange.request.headers.range === undefined ? well(exchange) : says(416)(exchange);

/** Redirects to itself, for ever, each time to another place. */
export const redirectsForEver: Behaviour = redirect(({ request, url }) => {
  const asked = new URL(request.url ?? "/", url);
  return `${asked.pathname}?round=${Number(asked.searchParams.get("round") ?? 0) + 1}`;
});

/** Redirects to the same place. */
export const redirectsInACircle: Behaviour = redirect(({ request }) => request.url ?? "/");

// ---- made of others

/** 404 for these files; the others as `otherwise` has it. */
export function lacks(names: readonly string[], otherwise: Behaviour = well): Behaviour {
  return (exchange) => (names.includes(exchange.name) ? says(404)(exchange) : otherwise(exchange));
}

/** The first `times` requests like `first`, the others like `then`. */
export function atFirst(first: Behaviour, times = 1, then: Behaviour = well): Behaviour {
  let left = times;
  return (exchange) => (left-- > 0 ? first(exchange) : then(exchange));
}

/** Every kind of mirror that cannot give a right file by itself, by name: for tests of the whole zoo. */
export const badOnes: Readonly<Record<string, Behaviour>> = {
  stallsBeforeHeaders,
  stallsAfterHeaders,
  stallsInTheMiddle: stallsAt(1 / 2),
  cut,
  resets,
  resetsAtOnce,
  chunkedCut,
  noLengthCut,
  wrongLength,
  htmlWith200,
  htmlWithoutLength,
  oneWrongByte: oneWrongByte(),
  packed,
  redirectsForEver,
  redirectsInACircle,
  says404: says(404),
  says429: says(429),
  says429For2Seconds: says(429, { "retry-after": "2" }),
  says500: says(500),
  says503: says(503),
  says503For2Seconds: says(503, { "retry-after": "2" }),
  says504: says(504),
};

function part(exchange: Exchange, fraction: number): ReturnType<typeof rightAnswer> {
  const answer = rightAnswer(exchange);
  return { ...answer, bytes: answer.bytes.subarray(0, Math.floor(answer.bytes.length * fraction)) };
}

function chunkedHalf(exchange: Exchange): ReturnType<typeof rightAnswer> {
  const { status, bytes } = part(exchange, 1 / 2);
  return { status, headers: { ...rangeOnly(exchange), "transfer-encoding": "chunked" }, bytes: chunk(bytes) };
}

/** `content-range` of the right answer, where it has one. */
function rangeOnly(exchange: Exchange): Record<string, string | number> {
  const range = rightAnswer(exchange).headers["content-range"];
  return range === undefined ? {} : { "content-range": range };
}
