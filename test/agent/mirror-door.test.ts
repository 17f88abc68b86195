import { describe, expect, onTestFinished, test } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import { pathByDigest, testFile } from "../support/repository.ts";
import { startMirror } from "../support/zoo/zoo.ts";
import { boxAndMirror, boxThatKnows, byDigest, file, literal, say } from "./door-box.ts";

describe("the mirror door", () => {
  test("tells Portage to ask by digest", async () => {
    const { box } = await boxAndMirror();
    const answer = await fetch(`${box.url}/distfiles/layout.conf`);
    expect(await answer.text()).toBe("[structure]\n0=content-hash BLAKE2B 8\n");
  });

  test("shows the status to who calls the box by its address, not by a name that a web page pointed at it", async () => {
    const { box } = await boxAndMirror();
    const shown = await fetch(`${box.url}/`);
    expect([shown.status, await shown.text()]).toEqual([200, expect.stringContaining("<title>distswarm on ")]);
    const rebound = await say(box, "GET / HTTP/1.1\r\nHost: rebound.example.com:8480\r\nConnection: close\r\n\r\n");
    expect(rebound).toMatch(/^HTTP\/1\.1 421 /);
    expect(rebound).not.toContain("<html");
  });

  test("passes on no page of a mirror that could read the status page in a browser, or set cookies for this box", async () => {
    const page = Buffer.from("<script>fetch('/')</script>");
    const mirror = await startMirror(
      ({ response }) => {
        response.setHeader("Content-Security-Policy", "sandbox allow-scripts allow-same-origin");
        response.setHeader("Set-Cookie", "session=mine");
        response.setHeader("Content-Type", "text/html");
        response.end(page);
      },
      { "page.html": page, "/snapshots/page.html": page },
    );
    onTestFinished(() => mirror.close());
    const { box } = await boxAndMirror({ mirrors: [mirror.url] });
    for (const path of ["/snapshots/page.html", "/distfiles/page.html"]) {
      const { status, headers } = await fetch(box.url + path);
      expect(status).toBe(200);
      expect(headers.get("content-security-policy")).toBe("sandbox");
      expect(headers.get("set-cookie")).toBeNull();
    }
  });

  test.each([
    ["by digest", byDigest],
    ["by name", `/distfiles/${encodeURIComponent(file.name)}`],
    ["by name below its hash", `/distfiles/00/${encodeURIComponent(file.name)}`],
  ])("gives a file %s, asks upstream once, and then never again", async (_, path) => {
    const { box, mirror } = await boxAndMirror();
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
    const { box } = await boxThatKnows(files);
    const paths = files.map((slow) => box.url + pathByDigest(slow));
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
    const { box } = await boxAndMirror();
    const answer = await fetch(`${box.url}/distfiles/${encodeURIComponent(literal.name)}`);
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(literal.bytes);
  });

  test("gives ranges, and 416 at the end of a whole file", async () => {
    const { box } = await boxAndMirror();
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
    const { box, mirror } = await boxAndMirror();
    const head = await fetch(box.url + byDigest, { method: "HEAD" });
    expect(head.status).toBe(200);
    expect(head.headers.get("content-length")).toBe("700000");
    expect(new Set(mirror.files().map(({ method }) => method))).toEqual(new Set(["HEAD"]));
  });

  test("passes unknown names and snapshots through, untouched and unkept", async () => {
    const { box, mirror } = await boxAndMirror();
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
  ])("answers %s with %i", async (path, status) => {
    const { box } = await boxAndMirror();
    const answer = await fetch(box.url + path);
    expect(answer.status).toBe(status);
    expect(await answer.text()).toMatch(new RegExp(`^${status} `));
  });

  test("takes no notice of Range in a HEAD", async () => {
    const { box } = await boxAndMirror();
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
    const { box } = await boxAndMirror();
    await (await fetch(box.url + byDigest)).arrayBuffer();
    const answer = await fetch(box.url + byDigest, { headers: { "if-none-match": tags } });
    expect(answer.status).toBe(status);
    await answer.arrayBuffer();
  });

  test.each([
    [`"${file.digest}"`, 206],
    ['"other"', 200],
    [`W/"${file.digest}"`, 200],
    ["Sat, 21 Nov 2026 00:00:30 GMT", 200],
  ])(
    "answers a range of the file that If-Range: %s names with %i: the rest of another one is none",
    async (tag, status) => {
      const { box } = await boxAndMirror();
      const answer = await fetch(box.url + byDigest, { headers: { range: "bytes=400000-", "if-range": tag } });
      expect([answer.status, (await answer.arrayBuffer()).byteLength]).toEqual(
        status === 206 ? [206, 300_000] : [200, 700_000],
      );
    },
  );

  test("asks a mirror in the client's place with what concerns the file, and tells it nothing that is for this box", async () => {
    const { box, mirror } = await boxAndMirror();
    const fields = {
      range: "bytes=1-",
      "if-range": '"a"',
      "if-none-match": '"b"',
      "if-modified-since": "Sat, 21 Nov 2026 00:00:30 GMT",
      "user-agent": "Wget/1.25.0",
      accept: "text/x",
      via: "1.1 squid",
    };
    const own = { cookie: "session=mine", authorization: "Basic eDp5", "x-mine": "1" };
    for (const path of ["/snapshots/s.tar.xz", "/distfiles/unknown.txt"]) {
      await fetch(box.url + path, { headers: { ...fields, ...own } });
      const { headers } = mirror.files().at(-1)!;
      expect(headers).toMatchObject({ ...fields, via: expect.stringMatching(/^1\.1 squid, /) as string });
      for (const name of Object.keys(own)) expect(headers).not.toHaveProperty(name);
    }
  });

  test("refuses other methods", async () => {
    const { box } = await boxAndMirror();
    expect((await fetch(box.url + byDigest, { method: "DELETE" })).status).toBe(405);
  });
});
