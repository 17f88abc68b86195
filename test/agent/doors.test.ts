import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import { RepoWatch } from "../../src/manifest/watch.ts";
import { startBox, type Box, type BoxOptions } from "../support/box.ts";
import { closeAfterEach } from "../support/close-after-each.ts";
import { testFile } from "../support/repository.ts";
import { FETCH, RESUME, wget } from "../support/wget.ts";
import { stallsAfterHeaders, startMirror, well, type MockMirror } from "../support/zoo/zoo.ts";

const file = testFile("hello+world~1.0@x.tar.gz", 700_000);
const literal = testFile("github.com%2Ffhs%2F@v%2Fv2.3.0.mod", 300);
const byDigest = `/distfiles/${file.digest.slice(0, 2)}/${file.digest}`;

/** Long enough for a box that stops, far less than Node takes to give up a connection. */
const STOP_MS = 20_000;

const open = closeAfterEach();

async function setUp(options: BoxOptions = {}): Promise<{ box: Box; mirror: MockMirror }> {
  const mirror = await startMirror(
    well,
    {
      [file.name]: file.bytes,
      [literal.name]: literal.bytes,
      "unknown.txt": Buffer.from("unknown"),
      "/snapshots/s.tar.xz": Buffer.from("tree"),
    },
    { layout: "filename-hash" },
  );
  const box = await startBox({ files: [file, literal], mirrors: [mirror.url], ...options });
  open.push(mirror, box);
  return { box, mirror };
}

async function raw(box: Box, request: string): Promise<string> {
  const { port } = new URL(box.url);
  const socket = connect(Number(port), "127.0.0.1");
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.write(request);
  await once(socket, "close");
  return Buffer.concat(chunks).toString("latin1");
}

describe("the mirror door", () => {
  test("tells Portage to ask by digest", async () => {
    const { box } = await setUp();
    const answer = await fetch(`${box.url}/distfiles/layout.conf`);
    expect(await answer.text()).toBe("[structure]\n0=content-hash BLAKE2B 8\n");
  });

  test("shows the status to who calls the box by its address, not by a name that a web page pointed at it", async () => {
    const { box } = await setUp();
    const shown = await fetch(`${box.url}/`);
    expect([shown.status, await shown.text()]).toEqual([200, expect.stringContaining("<title>distswarm on ")]);
    const rebound = await raw(box, "GET / HTTP/1.1\r\nHost: rebound.example.com:8480\r\nConnection: close\r\n\r\n");
    expect(rebound).toMatch(/^HTTP\/1\.1 421 /);
    expect(rebound).not.toContain("<html");
  });

  test.each([
    ["by digest", byDigest],
    ["by name", `/distfiles/${encodeURIComponent(file.name)}`],
    ["by name below its hash", `/distfiles/00/${encodeURIComponent(file.name)}`],
  ])("gives a file %s, asks upstream once, and then never again", async (_, path) => {
    const { box, mirror } = await setUp();
    for (const expected of [/fwd=miss/, /hit/]) {
      const answer = await fetch(box.url + path);
      expect(answer.status).toBe(200);
      expect(answer.headers.get("cache-status")).toMatch(expected);
      expect(answer.headers.get("etag")).toBe(`"${file.digest}"`);
      expect(digestOf(Buffer.from(await answer.arrayBuffer()))).toBe(file.digest);
    }
    expect(mirror.files()).toHaveLength(1);
  });

  test("gives each of many readers of stored files its own bytes, however slowly they read", async () => {
    const files = Array.from({ length: 12 }, (_, at) => testFile(`slow-${at}.tar.xz`, 3 * 2 ** 20 + at));
    const mirror = await startMirror(well, Object.fromEntries(files.map(({ name, bytes }) => [name, bytes])));
    const box = await startBox({ files, mirrors: [mirror.url] });
    open.push(mirror, box);
    const paths = files.map(({ digest }) => `${box.url}/distfiles/${digest.slice(0, 2)}/${digest}`);
    await Promise.all(paths.map(async (path) => (await fetch(path)).arrayBuffer()));
    await expect.poll(async () => (await box.agent.api.status()).store.blobs).toBe(files.length);

    const held = await Promise.all(paths.map(async (path) => fetch(path))); // their bodies wait in sockets and in the agent
    const quick = await Promise.all(paths.map(async (path) => (await fetch(path)).arrayBuffer()));
    const slow = await Promise.all(held.map(async (answer) => answer.arrayBuffer()));
    const expected = files.map(({ digest }) => digest);
    expect(quick.map((bytes) => digestOf(Buffer.from(bytes)))).toEqual(expected);
    expect(slow.map((bytes) => digestOf(Buffer.from(bytes)))).toEqual(expected);
  });

  test("knows a name with a literal %2F", async () => {
    const { box } = await setUp();
    const answer = await fetch(`${box.url}/distfiles/${encodeURIComponent(literal.name)}`);
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(literal.bytes);
  });

  test("gives ranges, and 416 at the end of a whole file", async () => {
    const { box } = await setUp();
    const part = await fetch(box.url + byDigest, { headers: { range: "bytes=400000-" } });
    expect(part.status).toBe(206);
    expect(part.headers.get("content-range")).toBe("bytes 400000-699999/700000");
    expect(Buffer.from(await part.arrayBuffer())).toEqual(file.bytes.subarray(400_000));
    const suffix = await fetch(box.url + byDigest, { headers: { range: "bytes=-5" } });
    expect(Buffer.from(await suffix.arrayBuffer())).toEqual(file.bytes.subarray(-5));
    const beyond = await fetch(box.url + byDigest, { headers: { range: "bytes=700000-" } });
    expect(beyond.status).toBe(416);
    expect(beyond.headers.get("content-range")).toBe("bytes */700000");
  });

  test("answers HEAD only for what exists, without fetching it", async () => {
    const { box, mirror } = await setUp();
    const head = await fetch(box.url + byDigest, { method: "HEAD" });
    expect(head.status).toBe(200);
    expect(head.headers.get("content-length")).toBe("700000");
    expect(mirror.files().every(({ method }) => method === "HEAD")).toBe(true);
  });

  test("passes unknown names and snapshots through, untouched and unkept", async () => {
    const { box, mirror } = await setUp();
    for (const path of ["/distfiles/unknown.txt", "/snapshots/s.tar.xz"]) {
      for (const time of [1, 2]) {
        const answer = await fetch(box.url + path);
        expect(answer.headers.get("cache-status")).toBe("distswarm; fwd=bypass");
        expect((await answer.text()).length).toBeGreaterThan(time);
      }
    }
    expect(mirror.files()).toHaveLength(4);
  });

  test.each([
    ["/distfiles/nobody-has-this-1.0.tar.gz", 404],
    [`/distfiles/ab/ab${"0".repeat(126)}`, 404],
    [`/distfiles/ab/${"x".repeat(128)}`, 400],
    ["/distfiles/a%2Fb", 400],
    ["/elsewhere", 404],
  ])("%s: %i", async (path, status) => {
    const { box } = await setUp();
    const answer = await fetch(box.url + path);
    expect(answer.status).toBe(status);
    expect(await answer.text()).toMatch(new RegExp(`^${status} `));
  });

  test("takes no notice of Range in a HEAD", async () => {
    const { box } = await setUp();
    for (const range of ["bytes=400000-", "bytes=700000-"]) {
      const head = await fetch(box.url + byDigest, { method: "HEAD", headers: { range } });
      expect([head.status, head.headers.get("content-length")]).toEqual([200, "700000"]);
    }
  });

  test.each([
    [`"${file.digest}"`, 304],
    [`"other", W/"${file.digest}"`, 304],
    ["*", 304],
    [`"x${file.digest}"`, 200],
    [file.digest, 200],
  ])("answers If-None-Match: %s with %i", async (tags, status) => {
    const { box } = await setUp();
    await (await fetch(box.url + byDigest)).arrayBuffer();
    const answer = await fetch(box.url + byDigest, { headers: { "if-none-match": tags } });
    expect(answer.status).toBe(status);
    await answer.arrayBuffer();
  });

  test("refuses other methods", async () => {
    const { box } = await setUp();
    expect((await fetch(box.url + byDigest, { method: "DELETE" })).status).toBe(405);
  });
});

describe("the forward proxy", () => {
  test.each([
    ["FETCHCOMMAND", FETCH],
    ["RESUMECOMMAND", RESUME],
  ])("serves a real wget with Portage's %s", async (_, command) => {
    const { box, mirror } = await setUp();
    const to = join(box.dir, "out");
    const url = `${mirror.url}/distfiles/6d/${encodeURIComponent(file.name)}`;
    expect(await wget(command, url, { to, proxy: box.url })).toMatchObject({ code: 0 });
    expect(digestOf(await readFile(to))).toBe(file.digest);
    await mirror.close();
    expect(await wget(FETCH, url, { to, proxy: box.url })).toMatchObject({ code: 0 });
    expect(digestOf(await readFile(to))).toBe(file.digest);
  });

  test("with its own address is the mirror door, not a loop", async () => {
    const { box } = await setUp();
    const to = join(box.dir, "out");
    expect(await wget(FETCH, box.url + byDigest, { to, proxy: box.url })).toMatchObject({ code: 0 });
    expect(digestOf(await readFile(to))).toBe(file.digest);
  });

  test.each(["localhost.", "0.0.0.0", "LOCALHOST"])("with %s as the host is the mirror door, too", async (host) => {
    const { box } = await setUp();
    const { port } = new URL(box.url);
    const answer = await raw(box, `GET http://${host}:${port}/distfiles/layout.conf HTTP/1.0\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1.1 200 .*content-hash/s);
  });

  test("ends a loop with 508: a request that has passed here before", async () => {
    const { box, mirror } = await setUp();
    await fetch(`${box.url}/snapshots/s.tar.xz`);
    const via = String(mirror.files().at(-1)!.headers.via);
    const looped = `GET ${mirror.url}/x HTTP/1.1\r\nHost: x\r\nVia: 1.0 other, ${via}\r\nConnection: close\r\n\r\n`;
    expect(await raw(box, looped)).toMatch(/^HTTP\/1.1 508 .*points back at it/s);
  });

  test("hands on the head of an answer at once, whenever its body comes", async () => {
    const { box, mirror } = await setUp();
    mirror.become(stallsAfterHeaders);
    const socket = connect(Number(new URL(box.url).port), "127.0.0.1");
    open.push({ close: async () => void socket.destroy() });
    socket.write(`GET ${mirror.url}/snapshots/s.tar.xz HTTP/1.1\r\nHost: m\r\n\r\n`);
    expect(String(await once(socket, "data"))).toMatch(/^HTTP\/1.1 200 /);
  });

  test("counts what passed through, but no HEAD, which brings nothing", async () => {
    const { box, mirror } = await setUp();
    const ask = (method: string): Promise<string> =>
      raw(box, `${method} ${mirror.url}/snapshots/s.tar.xz HTTP/1.0\r\n\r\n`);
    for (const method of ["HEAD", "GET"]) expect(await ask(method)).toMatch(/^HTTP\/1.1 200/);
    await expect.poll(async () => (await box.agent.api.status()).passed).toEqual({ requests: 1, bytes: 4 });
  });

  test("passes every method and body through, and takes HTTP/1.0 without Host", async () => {
    const { box, mirror } = await setUp();
    const post = await raw(
      box,
      `POST ${mirror.url}/distfiles/unknown.txt HTTP/1.1\r\nHost: m\r\nX-Mine: 1\r\nProxy-Connection: x\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody`,
    );
    expect(post).toMatch(/^HTTP\/1.1 \d{3}/);
    const seen = mirror.files().at(-1)!;
    expect(seen.method).toBe("POST");
    expect(seen.headers).toMatchObject({ "x-mine": "1", via: expect.stringMatching(/^1\.1 distswarm-/) as string });
    expect(seen.headers["proxy-connection"]).toBeUndefined();
    const old = await raw(box, `GET ${mirror.url}/snapshots/s.tar.xz?op=get&x=%2F HTTP/1.0\r\n\r\n`);
    expect(old).toMatch(/^HTTP\/1.1 200/);
    expect(mirror.files().at(-1)!.url).toBe("/snapshots/s.tar.xz?op=get&x=%2F");
  });

  test.each(["/x/../distfiles/%s", "/distfiles/./%s", "/x/%2e%2e/distfiles/%s", "//distfiles/../../../%s?a=/../b"])(
    "asks for a path with dots as the client wrote it, and takes it for no distfile: %s",
    async (pattern) => {
      const { box, mirror } = await setUp();
      const path = pattern.replace("%s", encodeURIComponent(file.name));
      const answer = await raw(box, `GET ${mirror.url}${path} HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n`);
      expect(answer).toMatch(/^HTTP\/1.1 \d+ .*\r\ncache-status: distswarm; fwd=bypass\r\n/is);
      expect(mirror.files().map(({ url }) => url)).toEqual([path]);
    },
  );

  test("keeps a body under any URL that turns out to be a known distfile", async () => {
    const { box, mirror } = await setUp({ mirrors: [] });
    const elsewhere = await startMirror(well, { [`/dl/${file.name}`]: file.bytes });
    open.push(elsewhere);
    const to = join(box.dir, "out");
    const url = `${elsewhere.url}/dl/${encodeURIComponent(file.name)}`;
    expect(await wget(FETCH, url, { to, proxy: box.url })).toMatchObject({ code: 0 });
    await expect.poll(async () => (await box.agent.api.status()).store.blobs).toBe(1);
    const again = await fetch(box.url + byDigest);
    expect(again.headers.get("cache-status")).toBe("distswarm; hit");
    expect(mirror.files()).toHaveLength(0);
  });

  test("says 501 to ftp", async () => {
    const { box } = await setUp();
    expect(await raw(box, "GET ftp://host/file HTTP/1.1\r\nHost: host\r\nConnection: close\r\n\r\n")).toMatch(
      /^HTTP\/1.1 501/,
    );
  });
});

describe("a mirror that is a directory of this box", () => {
  const twins = [testFile("twin-a", 500), testFile("twin-b", 600)].map((twin) => ({
    ...twin,
    name: "twin-1.0.tar.gz",
  }));

  async function boxBesideDirectory(): Promise<Box> {
    const dir = await mkdtemp(join(tmpdir(), "distswarm-mirror-"));
    await writeFile(join(dir, file.name), file.bytes);
    await writeFile(join(dir, "unknown.txt"), "unknown");
    await writeFile(join(dir, "twin-1.0.tar.gz"), twins[0]!.bytes);
    open.push({ close: () => rm(dir, { recursive: true }) });
    return (await setUp({ files: [file, literal, ...twins], mirrors: [dir] })).box;
  }

  test("answers HEAD, names that tell no digest, ranges, and 404, as a server does", async () => {
    const box = await boxBesideDirectory();
    const head = await fetch(box.url + byDigest, { method: "HEAD" });
    expect([head.status, head.headers.get("content-length")]).toEqual([200, "700000"]);
    expect((await fetch(`${box.url}/distfiles/${encodeURIComponent(literal.name)}`, { method: "HEAD" })).status).toBe(
      404,
    );
    expect(await (await fetch(`${box.url}/distfiles/unknown.txt`)).text()).toBe("unknown");
    const part = await fetch(`${box.url}/distfiles/unknown.txt`, { headers: { range: "bytes=2-" } });
    expect([part.status, await part.text()]).toEqual([206, "known"]);
    expect((await fetch(`${box.url}/distfiles/unknown.txt`, { headers: { range: "bytes=7-" } })).status).toBe(416);
    expect((await fetch(`${box.url}/distfiles/no-such.txt`)).status).toBe(404);
    const twin = await fetch(`${box.url}/distfiles/twin-1.0.tar.gz`);
    expect(Buffer.from(await twin.arrayBuffer())).toEqual(twins[0]!.bytes);
  });

  test("what passed through by such a name is kept before the agent has stopped", async () => {
    const box = await boxBesideDirectory();
    await (await fetch(`${box.url}/distfiles/twin-1.0.tar.gz`)).arrayBuffer();
    await box.agent.stop();
    const { digest, bytes } = twins[0]!;
    expect(await readFile(join(box.storeDir, "blobs", digest.slice(0, 2), digest))).toEqual(bytes);
  });

  test("is counted among the mirrors", async () => {
    const box = await boxBesideDirectory();
    await (await fetch(box.url + byDigest)).arrayBuffer();
    const { mirrors } = await box.agent.api.status();
    expect(mirrors).toMatchObject([{ requests: 1, failures: 0, bytes: 700_000 }]);
  });
});

test("while the Manifests are being read: the mirror door asks for patience, the proxy passes on what it does not know yet", async () => {
  const { box, mirror } = await setUp();
  await box.agent.stop();
  let read = () => {};
  const held = new Promise<void>((resolve) => (read = resolve));
  const scan = vi.spyOn(RepoWatch.prototype, "arm").mockReturnValueOnce(held); // what a scan begins with
  await rm(join(box.dir, "state", "db"), { recursive: true });
  await box.restart();
  const name = encodeURIComponent(file.name);
  try {
    for (const path of [byDigest, `/distfiles/${name}`]) {
      const answer = await fetch(box.url + path);
      expect(answer.status).toBe(503);
      expect(answer.headers.get("retry-after")).toMatch(/^\d+$/);
    }
    const to = join(box.dir, "out");
    const url = `${mirror.url}/distfiles/${digestOf(Buffer.from(file.name)).slice(0, 2)}/${name}`;
    expect(await wget(FETCH, url, { to, proxy: box.url })).toMatchObject({ code: 0 }); // a 503 would end the build
    expect(digestOf(await readFile(to))).toBe(file.digest);
  } finally {
    scan.mockRestore();
    read();
  }
  await expect.poll(async () => (await fetch(box.url + byDigest)).status).toBe(200);
});

test("a known SRC_URI whose name tells no one digest is asked where the client said, not of the mirrors", async () => {
  const twin = { ...testFile("twin", 500), name: file.name };
  const { box } = await setUp({ files: [file, literal, twin] }); // one name, two digests
  const url = `/distfiles/6d/${encodeURIComponent(file.name)}`;
  const elsewhere = await startMirror(well, { [file.name]: twin.bytes }, { layout: { text: "[structure]\n" } });
  open.push(elsewhere);
  const to = join(box.dir, "out");
  expect(await wget(FETCH, elsewhere.url + url, { to, proxy: box.url })).toMatchObject({ code: 0 });
  expect(await readFile(to)).toEqual(twin.bytes);
});

describe("CONNECT", () => {
  /** The port of a server that does this with the first bytes that come. */
  async function portOf(onData: (socket: Socket, bytes: Buffer) => void): Promise<number> {
    const server = createServer((socket) => socket.once("data", (bytes: Buffer) => onData(socket, bytes)));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    open.push({ close: () => new Promise<void>((resolve) => server.close(() => resolve())) });
    return (server.address() as { port: number }).port;
  }

  test("is a blind tunnel to allowed ports", async () => {
    const port = await portOf((socket, bytes) => socket.end(bytes));
    const { box } = await setUp({ config: { proxy: { listen: ["127.0.0.1:0"], connect_ports: [port] } } });
    const answer = await raw(box, `CONNECT 127.0.0.1:${port} HTTP/1.0\r\n\r\nhello tunnel`);
    expect(answer).toMatch(/^HTTP\/1.1 200 .*\r\n\r\nhello tunnel$/s);
  });

  test("breaks off where the server does: a reset is no end of a file", async () => {
    const port = await portOf((socket) => socket.resetAndDestroy());
    const { box } = await setUp({ config: { proxy: { listen: ["127.0.0.1:0"], connect_ports: [port] } } });
    await expect(raw(box, `CONNECT 127.0.0.1:${port} HTTP/1.0\r\n\r\nhello`)).rejects.toMatchObject({
      code: "ECONNRESET",
    });
  });

  test.each([
    ["127.0.0.1:22", 403, /not allowed: proxy\.connect_ports has 443/],
    ["nonsense", 400, /host:port/],
    ["127.0.0.1:443", 502, /no connection to 127\.0\.0\.1:443/],
  ])("to %s: %i", async (target, status, reason) => {
    const { box } = await setUp();
    const answer = await raw(box, `CONNECT ${target} HTTP/1.1\r\n\r\n`);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status}`));
    expect(answer).toMatch(reason);
  });
});

describe("bad input", () => {
  test("a stranger who resets a refused CONNECT harms nobody", async () => {
    const { box } = await setUp({ config: { proxy: { listen: ["127.0.0.1:0"], allow: ["10.0.0.0/8"] } } });
    for (let round = 0; round < 10; round += 1) {
      const socket = connect(Number(new URL(box.url).port), "127.0.0.1");
      await once(socket, "connect");
      socket.write("CONNECT a.example:443 HTTP/1.1\r\n\r\n");
      socket.resetAndDestroy();
    }
    expect(await raw(box, "CONNECT a.example:443 HTTP/1.1\r\n\r\n")).toMatch(/^HTTP\/1.1 403 .*not in proxy\.allow/s);
  });

  test.each([
    ["CONNECT", "CONNECT a.example:443 HTTP/1.1\r\n\r\n"],
    ["request line", "GET\r\n\r\n"],
  ])(
    "who keeps the connection of a refused %s open holds up no stop",
    async (_, request) => {
      const { box } = await setUp({ config: { proxy: { listen: ["127.0.0.1:0"], allow: ["10.0.0.0/8"] } } });
      const socket = connect({ port: Number(new URL(box.url).port), host: "127.0.0.1", allowHalfOpen: true });
      open.push({ close: async () => void socket.destroy() });
      socket.write(request);
      await once(socket, "data");
      await box.agent.stop();
    },
    STOP_MS,
  );

  test("rubbish behind a request never ends up in the file", async () => {
    const { box } = await setUp();
    await (await fetch(box.url + byDigest)).arrayBuffer();
    const answer = await raw(box, `GET ${byDigest} HTTP/1.1\r\nHost: x\r\n\r\n\u0001rubbish\r\n\r\n`);
    const body = Buffer.from(answer.slice(answer.indexOf("\r\n\r\n") + 4), "latin1");
    expect(file.bytes.subarray(0, body.length).equals(body)).toBe(true);
  });

  test("nor in one that was asked for before the one in front of it had come", async () => {
    const large = testFile("large.tar.xz", 16 * 2 ** 20); // more than the sockets between hold
    const files = [file, large];
    const mirror = await startMirror(well, Object.fromEntries(files.map(({ name, bytes }) => [name, bytes])));
    const box = await startBox({ files, mirrors: [mirror.url] });
    open.push(mirror, box);
    const paths = files.map(({ digest }) => `/distfiles/${digest.slice(0, 2)}/${digest}`);
    for (const path of paths) await (await fetch(box.url + path)).arrayBuffer();

    const socket = connect(Number(new URL(box.url).port), "127.0.0.1");
    open.push({ close: async () => void socket.destroy() });
    socket.on("error", () => {});
    for (const path of paths) socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    let received = Buffer.alloc(0);
    for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      received = Buffer.concat([received, chunk]);
      if (received.length > 2 * file.bytes.length) break;
    }
    socket.write("\u0001rubbish\r\n\r\n");
    socket.on("data", (chunk: Buffer) => (received = Buffer.concat([received, chunk])));
    await once(socket, "close");
    expect(received.includes("400 Bad Request")).toBe(false);
  });

  test("a Manifest line that no bytes can meet is an answer, and the agent goes on", async () => {
    const empty = { ...testFile("empty-1.0.tar.gz", 0), digest: testFile("other", 5).digest };
    const { box } = await setUp({ files: [file, empty] });
    expect((await fetch(`${box.url}/distfiles/${empty.name}`)).status).toBe(502);
    expect((await fetch(box.url + byDigest)).status).toBe(200);
  });

  test.each([
    ["a broken request line", "GET\r\n\r\n", 400],
    ["a path that is none", "GET distfiles HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 400],
    ["a URL without a host", "GET http:///x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 400],
    ["an expectation", "GET / HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\nConnection: close\r\n\r\n", 417],
    ["dots", "GET /distfiles/../../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 400],
    ["headers over the limit", `GET / HTTP/1.1\r\nX: ${"x".repeat(20_000)}\r\n\r\n`, 431],
  ])("%s gets a clear answer", async (_, request, status) => {
    const { box } = await setUp();
    expect(await raw(box, request)).toMatch(new RegExp(`^HTTP/1.1 ${status} .*\r\n\r\n.{10}`, "s"));
  });

  test("an address outside proxy.allow is told so", async () => {
    const { box } = await setUp({ config: { proxy: { listen: ["127.0.0.1:0"], allow: ["10.0.0.0/8"] } } });
    const answer = await fetch(`${box.url}/`);
    expect(answer.status).toBe(403);
    expect(await answer.text()).toMatch(/127\.0\.0\.1 is not in proxy\.allow/);
  });

  test("a port already taken is named", async () => {
    const { box } = await setUp();
    const { host } = new URL(box.url);
    await expect(startBox({ config: { proxy: { listen: [host] } } })).rejects.toThrow(
      `${host} is taken by another program`,
    );
  });

  test("no mirror at all is an answer, not an end", async () => {
    const { box } = await setUp({ mirrors: [] });
    const answer = await fetch(box.url + byDigest);
    expect(answer.status).toBe(502);
    expect(await answer.text()).toMatch(/no source for hello/);
  });
});
