import { once } from "node:events";
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import { startBox, type Box } from "../support/box.ts";
import { closeAfterEach } from "../support/close-after-each.ts";
import { pathByDigest, testFile, type TestFile } from "../support/repository.ts";
import { startMirror, well, type Exchange } from "../support/zoo/zoo.ts";

const KIB = 2 ** 10;
const MIB = 2 ** 20;

const open = closeAfterEach();

/** An upstream that answers in steps, each when the test says so. */
interface SteppedUpstream {
  readonly url: string;
  readonly requests: IncomingMessage[];
  /** Resolves at the next request for the file. */
  readonly asked: Promise<void>;
  headers(): void;
  body(from: number, to: number): Promise<void>;
  end(): void;
  close(): Promise<void>;
}

async function steppedUpstream(file: TestFile): Promise<SteppedUpstream> {
  const requests: IncomingMessage[] = [];
  const layout = Buffer.from("[structure]\n0=flat\n");
  let response: ServerResponse;
  let tell = (): void => {};
  const asked = new Promise<void>((resolve) => (tell = resolve));
  const server = createServer((incoming, answer) => {
    if (incoming.url!.endsWith("layout.conf")) return answer.end(layout);
    requests.push(incoming);
    response = answer;
    return tell();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const upstream: SteppedUpstream = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    asked,
    headers: () => {
      response.writeHead(200, { "content-length": file.bytes.length });
      response.flushHeaders();
    },
    body: (from, to) => new Promise((resolve) => response.write(file.bytes.subarray(from, to), () => resolve())),
    end: () => void response.end(),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  open.push(upstream);
  return upstream;
}

async function boxFor(file: TestFile, mirror: string): Promise<Box> {
  const upstream = { mirrors: [mirror], header_timeout: "20s", stall_timeout: "20s" };
  const box = await startBox({ files: [file], config: { upstream } });
  open.push(box);
  return box;
}

/** A client: resolves with the digest of what it got; rejects when the body broke off. */
function client(box: Box, file: TestFile, from = 0): Promise<{ status: number; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const url = box.url + pathByDigest(file);
    const headers = from > 0 ? { range: `bytes=${from}-` } : {};
    const asking = request(url, { agent: false, headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("error", reject);
      answer.on("end", () => resolve({ status: answer.statusCode!, body: Buffer.concat(chunks) }));
    });
    asking.on("error", reject);
    asking.end();
  });
}

/** Resolves when so many clients wait for the one file that is on its way. */
async function joined(box: Box, clients: number): Promise<void> {
  await expect.poll(async () => (await box.agent.api.status()).transfers).toMatchObject([{ clients }]);
}

test("200 clients ask for one missing file at once: one request upstream, the same right bytes for all", async () => {
  const file = testFile("wanted-1.0.tar.xz", 3 * MIB);
  const mirror = await startMirror(well, { [file.name]: file.bytes });
  open.push(mirror);
  const box = await boxFor(file, mirror.url);
  const answers = await Promise.all(Array.from({ length: 200 }, () => client(box, file)));
  expect(new Set(answers.map(({ body }) => digestOf(body)))).toEqual(new Set([file.digest]));
  expect(mirror.files()).toHaveLength(1);
  const { served } = await box.agent.api.status();
  expect(served.upstream.requests).toBe(1);
  expect(served.store.requests).toBe(199);
});

test("a file that a client takes in several ranges at once, as aria2 does, counts as come from upstream once", async () => {
  const file = testFile("split-1.0.tar.xz", 4 * MIB);
  const mirror = await startMirror(well, { [file.name]: file.bytes });
  open.push(mirror);
  const box = await boxFor(file, mirror.url);
  const ranges = [0, 1, 2, 3].map((part) => `bytes=${part * MIB}-${(part + 1) * MIB - 1}`);
  const answers = await Promise.all(ranges.map((range) => fetch(box.url + pathByDigest(file), { headers: { range } })));
  const bodies = await Promise.all(answers.map((answer) => answer.arrayBuffer()));
  expect(digestOf(Buffer.concat(bodies.map((body) => Buffer.from(body))))).toBe(file.digest);
  expect(mirror.files()).toHaveLength(1);
  await expect.poll(() => bytesServed(box)).toEqual({ upstream: 4 * MIB, store: 0 });
});

test("a client that leaves is counted with what it was given, and who comes after it with the rest", async () => {
  const file = testFile("left-1.0.tar.xz", 24 * MIB); // not held back for its digest
  const upstream = await steppedUpstream(file);
  const box = await boxFor(file, upstream.url);
  const left = await begun(box, file, upstream);
  left.destroy();
  await joined(box, 0);
  const second = client(box, file);
  await joined(box, 1);
  await upstream.body(4 * MIB, file.bytes.length);
  upstream.end();
  expect(digestOf((await second).body)).toBe(file.digest);
  await expect.poll(async () => (await bytesServed(box)).upstream).toBe(file.bytes.length);
});

/** The answer to a client that has been given its first bytes, of the 4 MiB that are here. */
async function begun(box: Box, file: TestFile, upstream: SteppedUpstream): Promise<IncomingMessage> {
  const asking = request(box.url + pathByDigest(file), { agent: false });
  asking.end();
  await upstream.asked;
  upstream.headers();
  const [[answer]] = await Promise.all([once(asking, "response"), upstream.body(0, 4 * MIB)]);
  const response = answer as IncomingMessage;
  response.on("error", () => {}); // that it left
  await once(response, "data");
  return response;
}

async function bytesServed(box: Box): Promise<{ upstream: number; store: number }> {
  const { upstream, store } = (await box.agent.api.status()).served;
  return { upstream: upstream.bytes, store: store.bytes };
}

describe.each([0, 1, 64 * KIB, MIB, 64 * MIB])("a file of %i bytes", (size) => {
  const file = testFile(`sized-${size}.bin`, size);

  test("clients before the headers, between headers and body, in mid-body and after the end: one request, equal bytes", async () => {
    const upstream = await steppedUpstream(file);
    const box = await boxFor(file, upstream.url);
    const clients = [client(box, file), client(box, file)];
    if (size > 0) {
      await upstream.asked;
      await joined(box, 2);
      upstream.headers();
      clients.push(client(box, file));
      await joined(box, 3);
      const half = Math.floor(size / 2);
      await upstream.body(0, half);
      clients.push(client(box, file), client(box, file, Math.min(400_000, size - 1)));
      await joined(box, 5);
      await upstream.body(half, size);
      upstream.end();
    }
    const answers = await Promise.all(clients);
    answers.push(await client(box, file));
    for (const { status, body } of answers) {
      const expected = status === 206 ? file.bytes.subarray(size - body.length) : file.bytes;
      expect(body.equals(expected)).toBe(true);
    }
    expect(upstream.requests).toHaveLength(size === 0 ? 0 : 1); // what is empty is known without asking
  });
});

describe.each([1, 2, 3, 4, 5, 6, 7, 8, 9])("cut at %i tenths", (tenths) => {
  test.each([
    ["that waits for its digest", MIB],
    ["that is streamed", 20 * MIB],
  ])("a file %s is never stored, and the client sees that it broke", async (_, size) => {
    const file = testFile(`cut-${size}.bin`, size);
    const upstream = await steppedUpstream(file);
    const box = await boxFor(file, upstream.url);
    const seen = client(box, file).then(
      ({ status, body }) => ({ status, length: body.length }),
      () => ({ status: 0, length: -1 }),
    );
    await upstream.asked;
    upstream.headers();
    await upstream.body(0, Math.floor((size * tenths) / 10));
    await upstream.close();
    const { status, length } = await seen;
    expect(status === 502 || (status === 0 && length === -1)).toBe(true);
    expect((await box.agent.api.status()).store.blobs).toBe(0);
  });
});

test("a client that resumes far into a streamed file is kept patient until its first byte, then gets its headers", async () => {
  const file = testFile("far-1.0.tar.xz", 20 * MIB);
  const upstream = await steppedUpstream(file);
  const box = await boxFor(file, upstream.url);
  const from = 18 * MIB;
  const asking = request(`${box.url}/distfiles/${file.name}`, { headers: { range: `bytes=${from}-` }, agent: false });
  const answered = once(asking, "response") as Promise<[IncomingMessage]>;
  const patience = once(asking, "continue").then(() => "continue");
  asking.end();
  await upstream.asked;
  upstream.headers();
  await upstream.body(0, from);
  await expect.poll(async () => (await box.agent.api.status()).transfers[0]?.received).toBe(from);
  expect(await Promise.race([patience, answered])).toBe("continue");
  await upstream.body(from, file.bytes.length);
  upstream.end();
  const [answer] = await answered;
  expect(answer.statusCode).toBe(206);
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  expect(Buffer.concat(chunks).equals(file.bytes.subarray(from))).toBe(true);
});

test("a client that leaves stops no flight: the file is there for the next one", async () => {
  const file = testFile("left-1.0.tar.xz", 2 * MIB);
  const upstream = await steppedUpstream(file);
  const box = await boxFor(file, upstream.url);
  const leaving = new AbortController();
  const left = fetch(`${box.url}/distfiles/${file.name}`, { signal: leaving.signal }).catch(() => "left");
  await upstream.asked;
  upstream.headers();
  await upstream.body(0, MIB);
  leaving.abort();
  expect(await left).toBe("left");
  await upstream.body(MIB, 2 * MIB);
  upstream.end();
  expect((await client(box, file)).body.equals(file.bytes)).toBe(true);
  expect(upstream.requests).toHaveLength(1);
});

test("a flight that nobody waits for ends when more is missing than upstream.finish_up_to, and resumes later", async () => {
  const file = testFile("abandoned-1.0.tar.xz", 2 * MIB);
  const upstream = await steppedUpstream(file);
  const box = await startBox({
    files: [file],
    config: { upstream: { mirrors: [upstream.url], finish_up_to: "64KiB" } },
  });
  open.push(box);
  const leaving = new AbortController();
  const left = fetch(`${box.url}/distfiles/${file.name}`, { signal: leaving.signal }).catch(() => "left");
  await upstream.asked;
  upstream.headers();
  await upstream.body(0, MIB);
  await expect.poll(async () => (await box.agent.api.status()).transfers[0]?.received).toBe(MIB);
  const gone = once(upstream.requests[0]!.socket, "close");
  leaving.abort();
  expect(await left).toBe("left");
  await gone;
  void client(box, file).catch(() => {});
  await expect.poll(() => upstream.requests[1]?.headers.range).toBe(`bytes=${MIB}-`);
});

test("a thousand files asked for at once are fetched no more than upstream.transfers at a time", async () => {
  const files = Array.from({ length: 1000 }, (_, at) => testFile(`many-${at}.tar.gz`, 100 + at));
  const held: Exchange[] = [];
  let most = 0;
  const mirror = await startMirror(
    (exchange) => {
      held.push(exchange);
      if (held.length < 4) return;
      setImmediate(() => {
        most = Math.max(most, held.length);
        for (const one of held.splice(0)) void well(one);
      });
    },
    Object.fromEntries(files.map(({ name, bytes }) => [name, bytes])),
  );
  open.push(mirror);
  const box = await startBox({ files, config: { upstream: { mirrors: [mirror.url], transfers: 4 } } });
  open.push(box);
  const answers = await Promise.all(files.map((file) => client(box, file)));
  expect(answers.every(({ body }, at) => body.equals(files[at]!.bytes))).toBe(true);
  expect(most).toBe(4);
});
