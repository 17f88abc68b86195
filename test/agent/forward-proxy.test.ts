import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, onTestFinished, test } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import { testFile } from "../support/repository.ts";
import { rawServer } from "../support/raw-server.ts";
import { FETCH, RESUME, wget } from "../support/wget.ts";
import { cut, stallsAfterHeaders, startMirror, well } from "../support/zoo/zoo.ts";
import { boxAndMirror, byDigest, connectTo, file, literal, say } from "./door-box.ts";

describe("the forward proxy", () => {
  test.each([
    ["FETCHCOMMAND", FETCH],
    ["RESUMECOMMAND", RESUME],
  ])("serves a real wget with Portage's %s", async (_, command) => {
    const { box, mirror } = await boxAndMirror();
    const to = join(box.dir, "out");
    const url = `${mirror.url}/distfiles/6d/${encodeURIComponent(file.name)}`;
    expect(await wget(command, url, { to, proxy: box.url })).toMatchObject({ code: 0 });
    expect(digestOf(await readFile(to))).toBe(file.digest);
    await mirror.close();
    expect(await wget(FETCH, url, { to, proxy: box.url })).toMatchObject({ code: 0 });
    expect(digestOf(await readFile(to))).toBe(file.digest);
  });

  test("with its own address is the mirror door, not a loop", async () => {
    const { box } = await boxAndMirror();
    const to = join(box.dir, "out");
    expect(await wget(FETCH, box.url + byDigest, { to, proxy: box.url })).toMatchObject({ code: 0 });
    expect(digestOf(await readFile(to))).toBe(file.digest);
  });

  test.each(["localhost.", "0.0.0.0", "LOCALHOST"])("with %s as the host is the mirror door, too", async (host) => {
    const { box } = await boxAndMirror();
    const { port } = new URL(box.url);
    const answer = await say(box, `GET http://${host}:${port}/distfiles/layout.conf HTTP/1.0\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1.1 200 .*content-hash/s);
  });

  test("ends a loop with 508: a request that has passed here before", async () => {
    const { box, mirror } = await boxAndMirror();
    await fetch(`${box.url}/snapshots/s.tar.xz`);
    const via = String(mirror.files().at(-1)!.headers.via);
    const looped = `GET ${mirror.url}/x HTTP/1.1\r\nHost: x\r\nVia: 1.0 other, ${via}\r\nConnection: close\r\n\r\n`;
    expect(await say(box, looped)).toMatch(/^HTTP\/1.1 508 .*points back at it/s);
  });

  test("hands on the head of an answer at once, whenever its body comes", async () => {
    const { box, mirror } = await boxAndMirror();
    mirror.become(stallsAfterHeaders);
    const socket = connectTo(box);
    socket.write(`GET ${mirror.url}/snapshots/s.tar.xz HTTP/1.1\r\nHost: m\r\n\r\n`);
    expect(String(await once(socket, "data"))).toMatch(/^HTTP\/1.1 200 /);
  });

  test("hands on bytes above 127 as they came, and what no field may have not at all", async () => {
    const { box } = await boxAndMirror();
    const fields = ['Content-Disposition: attachment; filename="\xc3\xbc.tar"', "Location: /\xfc", "X-Odd: a\x01b"];
    const server = await rawServer(`HTTP/1.1 200 OK\r\nContent-Length : 4\r\n${fields.join("\r\n")}\r\n\r\nbody`);
    const measured = await rawServer(`HTTP/1.1 200 OK\r\nContent-Length: 4\r\n${fields[0]}\r\n\r\nbody`);
    const answer = await say(box, `GET ${server}/ HTTP/1.0\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1.1 200 .*\r\n\r\nbody$/s);
    for (const field of [...fields.slice(0, 2), "x-odd: ab"])
      expect(answer.toLowerCase()).toContain(field.toLowerCase());
    expect((await say(box, `GET ${measured}/ HTTP/1.0\r\n\r\n`)).toLowerCase()).toContain(fields[0]!.toLowerCase());
  });

  test("counts what passed through, but no HEAD, which brings nothing", async () => {
    const { box, mirror } = await boxAndMirror();
    const ask = (method: string): Promise<string> =>
      say(box, `${method} ${mirror.url}/snapshots/s.tar.xz HTTP/1.0\r\n\r\n`);
    for (const method of ["HEAD", "GET"]) expect(await ask(method)).toMatch(/^HTTP\/1.1 200/);
    await expect.poll(async () => (await box.agent.api.status()).passed).toEqual({ requests: 1, bytes: 4 });
  });

  test("passes every method and body through, and takes HTTP/1.0 without Host", async () => {
    const { box, mirror } = await boxAndMirror();
    const post = await say(
      box,
      `POST ${mirror.url}/distfiles/unknown.txt HTTP/1.1\r\nHost: m\r\nX-Mine: 1\r\nProxy-Connection: x\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody`,
    );
    expect(post).toMatch(/^HTTP\/1.1 \d{3}/);
    const seen = mirror.files().at(-1)!;
    expect(seen.method).toBe("POST");
    expect(seen.headers).toMatchObject({ "x-mine": "1", via: expect.stringMatching(/^1\.1 distswarm-/) as string });
    expect(seen.headers["proxy-connection"]).toBeUndefined();
    const old = await say(box, `GET ${mirror.url}/snapshots/s.tar.xz?op=get&x=%2F HTTP/1.0\r\n\r\n`);
    expect(old).toMatch(/^HTTP\/1.1 200/);
    expect(mirror.files().at(-1)!.url).toBe("/snapshots/s.tar.xz?op=get&x=%2F");
  });

  test.each([
    ["a length", "Content-Length: 4\r\n\r\nbody"],
    ["chunks", "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n"],
  ])("passes a body with %s through to its end", async (_, body) => {
    const server = createServer(async (request, response) => response.end(`got ${await text(request)}`));
    onTestFinished(() => void server.close());
    await once(server.listen(0, "127.0.0.1"), "listening");
    const { port } = server.address() as AddressInfo;
    const { box } = await boxAndMirror();
    const sent = `PUT http://127.0.0.1:${port}/x HTTP/1.1\r\nHost: m\r\nConnection: close\r\n${body}`;
    expect(await say(box, sent)).toMatch(/^HTTP\/1.1 200 .*got body/s);
  });

  test("answers in their order the many requests that svn sends at once, and Node warns of nothing", async () => {
    const { box, mirror } = await boxAndMirror();
    const warnings: Error[] = [];
    const warn = (warning: Error): void => void warnings.push(warning);
    process.on("warning", warn);
    onTestFinished(() => void process.off("warning", warn));
    const names = Array.from({ length: 40 }, (_, at) => `absent-${at}`);
    const ask = (name: string, how = "keep-alive"): string =>
      `GET ${mirror.url}/${name} HTTP/1.1\r\nConnection: ${how}\r\n\r\n`;
    const answers = await say(box, names.map((name) => ask(name)).join("") + ask("snapshots/s.tar.xz", "close"));
    expect(answers.match(/^HTTP\/1.1 \d+/gm)).toEqual([...names.map(() => "HTTP/1.1 404"), "HTTP/1.1 200"]);
    expect(warnings).toEqual([]);
  });

  test("passes on as broken what breaks off in answer to a body, and goes on", async () => {
    const { box, mirror } = await boxAndMirror();
    mirror.become(cut);
    const socket = connectTo(box).resume();
    socket.write(`POST ${mirror.url}/snapshots/s.tar.xz HTTP/1.1\r\nHost: m\r\nContent-Length: 4\r\n\r\nbody`);
    await expect(once(socket, "end")).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(await say(box, "GET /distfiles/layout.conf HTTP/1.0\r\n\r\n")).toMatch(/^HTTP\/1.1 200/);
  });

  test.each(["/x/../distfiles/%s", "/distfiles/./%s", "/x/%2e%2e/distfiles/%s", "//distfiles/../../../%s?a=/../b"])(
    "asks for a path with dots as the client wrote it, and takes it for no distfile: %s",
    async (pattern) => {
      const { box, mirror } = await boxAndMirror();
      const path = pattern.replace("%s", encodeURIComponent(file.name));
      const answer = await say(box, `GET ${mirror.url}${path} HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n`);
      expect(answer).toMatch(/^HTTP\/1.1 \d+ .*\r\ncache-status: distswarm; fwd=bypass\r\n/is);
      expect(mirror.files().map(({ url }) => url)).toEqual([path]);
    },
  );

  test("keeps a body under any URL that turns out to be a known distfile", async () => {
    const { box, mirror } = await boxAndMirror({ mirrors: [] });
    const elsewhere = await startMirror(well, { [`/dl/${file.name}`]: file.bytes });
    onTestFinished(() => elsewhere.close());
    const to = join(box.dir, "out");
    const url = `${elsewhere.url}/dl/${encodeURIComponent(file.name)}`;
    expect(await wget(FETCH, url, { to, proxy: box.url })).toMatchObject({ code: 0 });
    await expect.poll(async () => (await box.agent.api.status()).store.blobs).toBe(1);
    const again = await fetch(box.url + byDigest);
    expect(again.headers.get("cache-status")).toBe("distswarm; hit");
    expect(mirror.files()).toHaveLength(0);
  });

  test("says 501 to ftp", async () => {
    const { box } = await boxAndMirror();
    expect(await say(box, "GET ftp://host/file HTTP/1.1\r\nHost: host\r\nConnection: close\r\n\r\n")).toMatch(
      /^HTTP\/1.1 501/,
    );
  });

  test("asks for a name that tells no one digest where the client said, not at the mirrors", async () => {
    const twin = { ...testFile("twin", 500), name: file.name };
    const { box } = await boxAndMirror({ files: [file, literal, twin] }); // one name, two digests
    const url = `/distfiles/6d/${encodeURIComponent(file.name)}`;
    const elsewhere = await startMirror(well, { [file.name]: twin.bytes }, { layout: { text: "[structure]\n" } });
    onTestFinished(() => elsewhere.close());
    const to = join(box.dir, "out");
    expect(await wget(FETCH, elsewhere.url + url, { to, proxy: box.url })).toMatchObject({ code: 0 });
    expect(await readFile(to)).toEqual(twin.bytes);
  });
});
