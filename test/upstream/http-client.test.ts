import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { dialer } from "../../src/upstream/dial.ts";
import { HttpClient, type HttpClientOptions, type HttpRequest } from "../../src/upstream/http-client.ts";
import { makeCertificate, type TestCertificate } from "../support/zoo/certificate.ts";
import * as zoo from "../support/zoo/zoo.ts";
import { closeAfter, mirrorOf, noSignal, readAll, trusting } from "./harness.ts";
import { startProxy } from "./test-proxy.ts";

const FILE = randomBytes(100_000);
const FILES = { "/f": FILE };

let tls: TestCertificate;
beforeAll(async () => {
  tls = await makeCertificate();
});

function clientWith(options: HttpClientOptions = {}): HttpClient {
  const client = new HttpClient({ headerTimeoutMs: 300, stallTimeoutMs: 300, ...options });
  closeAfter(() => client.close());
  return client;
}

function get(url: string, more: Partial<HttpRequest> = {}): HttpRequest {
  return { method: "GET", url, headers: [], signal: noSignal(), followRedirects: true, ...more };
}

async function fetchFile(client: HttpClient, url: string): Promise<Buffer> {
  const answer = await client.request(get(url));
  expect(answer.status).toBe(200);
  return readAll(answer.body);
}

describe("certificates", () => {
  test("are checked", async () => {
    const mirror = await mirrorOf(zoo.well, FILES, { tls });
    await expect(clientWith().request(get(`${mirror.url}/f`))).rejects.toMatchObject({
      code: "UNTRUSTED",
      message: expect.stringContaining("self-signed certificate; update-ca-certificates"),
    });
  });

  test("must name the host", async () => {
    const mirror = await mirrorOf(zoo.well, FILES, { tls });
    const other = `${mirror.url.replace("127.0.0.1", "localhost")}/f`;
    await expect(clientWith({ trusted: await trusting(tls) }).request(get(other))).rejects.toMatchObject({
      code: "UNTRUSTED",
    });
  });
});

describe("redirects", () => {
  test("lead from http up to https, and never down", async () => {
    const secure = await mirrorOf(zoo.well, FILES, { tls });
    const plain = await mirrorOf(zoo.redirect(`${secure.url}/f`), FILES);
    const down = await mirrorOf(zoo.redirect(`${plain.url}/f`), FILES, { tls });
    const client = clientWith({ trusted: await trusting(tls) });
    const answer = await client.request(get(`${plain.url}/f`));
    expect(answer.url).toBe(`${secure.url}/f`);
    expect((await readAll(answer.body)).equals(FILE)).toBe(true);
    await expect(client.request(get(`${down.url}/f`))).rejects.toMatchObject({
      code: "BAD_REDIRECT",
      message: expect.stringContaining("down to http"),
    });
  });

  test("lead to where they say, whatever the path was that was asked for as it was written", async () => {
    const other = await mirrorOf(zoo.well, FILES);
    const first = await mirrorOf(zoo.redirect(`${other.url}/f`), FILES);
    const answer = await clientWith().request(get(`${first.url}/f`, { path: "/f?written=%7e" }));
    answer.body.resume();
    expect([first, other].map(({ requests }) => requests[0]?.url)).toEqual(["/f?written=%7e", "/f"]);
  });

  test("that are named twice lead to the first place, as with wget", async () => {
    const mirror = await mirrorOf(
      (exchange) => {
        if (exchange.request.url === "/f") return zoo.well(exchange);
        exchange.response.writeHead(302, { Location: ["/f", "/nowhere"] }).end();
      },
      { ...FILES, "/twice": FILE },
    );
    expect((await fetchFile(clientWith(), `${mirror.url}/twice`)).equals(FILE)).toBe(true);
  });

  test("to what is neither http nor https, or no URL, are refused", async () => {
    for (const location of ["ftp://ftp.example/f", "http://[", "file:///etc/passwd"]) {
      const mirror = await mirrorOf(zoo.redirect(location), FILES);
      await expect(clientWith().request(get(`${mirror.url}/f`))).rejects.toMatchObject({ code: "BAD_REDIRECT" });
    }
  });

  test("are handed on when they are not to be followed, and never followed for POST", async () => {
    const mirror = await mirrorOf(zoo.redirect("/g"), FILES);
    const client = clientWith();
    for (const more of [{ followRedirects: false }, { method: "POST" }]) {
      const answer = await client.request(get(`${mirror.url}/f`, more));
      expect(answer).toMatchObject({ status: 302, headers: { location: "/g" } });
      answer.body.resume();
    }
  });

  test("tell another origin no secrets", async () => {
    const other = await mirrorOf(zoo.well, FILES);
    const first = await mirrorOf(zoo.redirect(`${other.url}/f`), FILES);
    const headers = ["Authorization", "Basic eDp5", "Cookie", "a=b", "X-Other", "kept"];
    const answer = await clientWith().request(get(`${first.url}/f`, { headers }));
    answer.body.resume();
    expect(first.requests[0]?.headers).toMatchObject({ authorization: "Basic eDp5", cookie: "a=b" });
    expect(other.requests[0]?.headers).not.toHaveProperty("authorization");
    expect(other.requests[0]?.headers).not.toHaveProperty("cookie");
    expect(other.requests[0]?.headers).toHaveProperty("x-other", "kept");
  });

  test("to the same place are no circle where a cookie was set on the way, and is brought along", async () => {
    const guarded: zoo.Behaviour = (exchange) => {
      const { request, response } = exchange;
      if (request.headers.cookie === "visited=1") return zoo.well(exchange);
      response.writeHead(307, { Location: request.url, "Set-Cookie": "visited=1; path=/" }).end();
    };
    const mirror = await mirrorOf(guarded, FILES);
    expect((await fetchFile(clientWith(), `${mirror.url}/f`)).equals(FILE)).toBe(true);
  });

  test("end somewhere, also where each sets another cookie", async () => {
    let visits = 0;
    const endless: zoo.Behaviour = ({ request, response }) =>
      void response.writeHead(302, { Location: request.url, "Set-Cookie": `visit=${(visits += 1)}` }).end();
    const mirror = await mirrorOf(endless, FILES);
    await expect(clientWith().request(get(`${mirror.url}/f`))).rejects.toMatchObject({ code: "BAD_REDIRECT" });
    expect(visits).toBe(11);
  });

  test("together take no longer than one answer may", async () => {
    const slowly: zoo.Behaviour = (exchange) => void setTimeout(() => void zoo.redirectsForEver(exchange), 120);
    const mirror = await mirrorOf(slowly, FILES);
    await expect(clientWith().request(get(`${mirror.url}/f`))).rejects.toMatchObject({ code: "HEADER_TIMEOUT" });
  });
});

describe("a user and password in the URL", () => {
  test("are told to its server, also where that redirects to itself, and to no other", async () => {
    const other = await mirrorOf(zoo.well, FILES);
    const first = await mirrorOf(
      (exchange) => {
        const { pathname } = new URL(exchange.request.url ?? "", "http://m");
        return zoo.redirect(pathname === "/f" ? `${exchange.url}/g` : `${other.url}/f`)(exchange);
      },
      { ...FILES, "/g": FILE },
    );
    const answer = await clientWith().request(get(`${first.url.replace("//", "//me:p%40ss@")}/f`));
    answer.body.resume();
    const credentials = `Basic ${Buffer.from("me:p@ss").toString("base64")}`;
    expect(first.requests.map(({ headers }) => headers.authorization)).toEqual([credentials, credentials]);
    expect(other.requests[0]?.headers).not.toHaveProperty("authorization");
  });

  test("give way to those that the client sends, and are in no answer and no error", async () => {
    const mirror = await mirrorOf(zoo.well, FILES);
    const url = `${mirror.url.replace("//", "//me:secret@")}/f`;
    const answer = await clientWith().request(get(url, { headers: ["Authorization", "Basic eDp5"] }));
    answer.body.resume();
    expect(mirror.requests[0]?.headers.authorization).toBe("Basic eDp5");
    expect(answer.url).toBe(`${mirror.url}/f`);
    for (const behaviour of [zoo.resetsAtOnce, zoo.stallsBeforeHeaders, zoo.redirectsInACircle]) {
      mirror.become(behaviour);
      const error: unknown = await clientWith()
        .request(get(url))
        .catch((reason: unknown) => reason);
      expect(String(error)).toContain(mirror.url);
      expect(String(error)).not.toContain("secret");
    }
  });
});

describe("through a proxy", () => {
  test.each([
    ["p%40ss", "p@ss"],
    ["100%", "100%"],
  ])("http goes in absolute form, with user and password: %s", async (written, password) => {
    const proxy = await startProxy();
    const mirror = await mirrorOf(zoo.well, FILES);
    const client = clientWith({ proxy: proxy.url.replace("//", `//user:${written}@`), via: "box" });
    expect((await fetchFile(client, `${mirror.url}/f`)).equals(FILE)).toBe(true);
    const authorization = `Basic ${Buffer.from(`user:${password}`).toString("base64")}`;
    expect(proxy.requests).toEqual([{ method: "GET", target: `${mirror.url}/f`, authorization, via: "1.1 box" }]);
    expect(mirror.requests[0]?.headers.host).toBe(new URL(mirror.url).host);
  });

  test("https goes by CONNECT, over a tunnel that outlives the header timeout", async () => {
    const proxy = await startProxy();
    const mirror = await mirrorOf(zoo.slow(150_000), FILES, { tls });
    const client = clientWith({ proxy: proxy.url, trusted: await trusting(tls) });
    expect((await fetchFile(client, `${mirror.url}/f`)).equals(FILE)).toBe(true);
    expect(proxy.requests).toMatchObject([{ method: "CONNECT", target: new URL(mirror.url).host }]);
    expect(mirror.requests[0]?.headers).not.toHaveProperty("proxy-authorization");
  });

  test("https is checked all the same", async () => {
    const proxy = await startProxy();
    const mirror = await mirrorOf(zoo.well, FILES, { tls });
    const request = clientWith({ proxy: proxy.url }).request(get(`${mirror.url}/f`));
    await expect(request).rejects.toMatchObject({ code: "UNTRUSTED" });
  });

  test("nothing goes that no_proxy names", async () => {
    const proxy = await startProxy();
    const mirror = await mirrorOf(zoo.well, FILES);
    await fetchFile(clientWith({ proxy: proxy.url, noProxy: ["127.0.0.0/8"] }), `${mirror.url}/f`);
    expect(proxy.requests).toEqual([]);
  });

  test("that says no, says nothing, or is not there, the error tells", async () => {
    const refusing = await startProxy({ refusal: 407 });
    const mute = await startProxy({ mute: true });
    const absent = await zoo.refusingMirror();
    const url = "https://127.0.0.1:9/f";
    const failure = (proxy: string): Promise<unknown> => clientWith({ proxy }).request(get(url));
    await expect(failure(refusing.url)).rejects.toMatchObject({
      code: "REFUSED",
      message: expect.stringContaining("upstream.proxy"),
    });
    await expect(failure(mute.url)).rejects.toMatchObject({ code: "HEADER_TIMEOUT" });
    await expect(failure(absent)).rejects.toMatchObject({ code: "REFUSED", message: expect.stringContaining("proxy") });
  });

  test("that says nothing holds up nobody who lets go", async () => {
    const mute = await startProxy({ mute: true });
    const caller = new AbortController();
    const client = clientWith({ proxy: mute.url, headerTimeoutMs: 60_000 });
    const asking = client.request({ ...get("https://127.0.0.1:9/f"), signal: caller.signal });
    await expect.poll(() => mute.requests.length).toBe(1);
    caller.abort(new Error("had enough"));
    await expect(asking).rejects.toThrow("had enough");
  });

  test("a bare connection goes too, and straight without one", async () => {
    const proxy = await startProxy();
    const mirror = await mirrorOf(zoo.well, FILES);
    const to = { host: "127.0.0.1", port: Number(new URL(mirror.url).port) };
    for (const options of [{ proxy: proxy.url }, { proxy: proxy.url, noProxy: ["*"] }, {}]) {
      const socket = await dialer({ ...options, timeoutMs: 1000 })(to);
      socket.end("GET /f HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
      expect((await readAll(socket)).length).toBeGreaterThan(FILE.length);
    }
    expect(proxy.requests).toHaveLength(1);
    const closed = { host: "127.0.0.1", port: Number(new URL(await zoo.refusingMirror()).port) };
    await expect(dialer({ timeoutMs: 1000 })(closed)).rejects.toMatchObject({ code: "REFUSED" });
  });
});

test("a server outside that redirects to what is for this box alone has nobody ask it", async () => {
  const inside = await mirrorOf(zoo.well, FILES);
  const outside = await mirrorOf(zoo.redirect(`${inside.url}/f`), FILES);
  const proxy = await startProxy({ leadsTo: `${outside.url}/f` }); // by which a name of the internet comes to that server
  const client = clientWith({ proxy: proxy.url, noProxy: ["127.0.0.0/8"], headerTimeoutMs: 10_000 });
  const asking = client.request(get("http://mirror.example/f"));
  await expect(asking).rejects.toMatchObject({ code: "REFUSED", message: expect.stringContaining("this box alone") });
  expect(inside.requests).toEqual([]);
});

describe("a request that is only passed on", () => {
  /** A server that tells what it was sent. */
  async function echo(): Promise<{ url: string; got: { request: IncomingMessage; body: string }[] }> {
    const got: { request: IncomingMessage; body: string }[] = [];
    const server = createServer(async (request, response) => {
      got.push({ request, body: (await readAll(request)).toString() });
      response.writeHead(
        201,
        [
          ["X-Answer", "1"],
          ["X-Answer", "2"],
          ["Set-Cookie", "a"],
          ["Set-Cookie", "b"],
        ].flat(),
      );
      response.end("answer");
    });
    const { url, close } = await zoo.listen(server);
    closeAfter(close);
    return { url, got };
  }

  test("keeps its method, its streamed body, and its fields in order and case; only Via is added", async () => {
    const { url, got } = await echo();
    const headers = ["X-One", "1", "x-TWO", "2", "X-One", "3", "Via", "1.0 before", "Content-Type", "text/x"];
    const body = Readable.from([Buffer.from("some "), Buffer.from("body")]);
    const request = get(`${url}/path?q=%2F`, { method: "PUT", headers: ["Host", "wrong", ...headers], body });
    const answer = await clientWith({ via: "box" }).request(request);
    expect((await readAll(answer.body)).toString()).toBe("answer");
    expect(answer).toMatchObject({ status: 201, headers: { "x-answer": ["1", "2"], "set-cookie": ["a", "b"] } });
    const [{ request: sent, body: received } = { request: undefined, body: "" }] = got;
    expect(received).toBe("some body");
    expect(sent?.method).toBe("PUT");
    expect(sent?.url).toBe("/path?q=%2F");
    const fields = sent?.rawHeaders ?? [];
    const own = ["host", "connection", "transfer-encoding"];
    const kept = fields.filter((_, i) => !own.includes((fields[i - (i % 2)] ?? "").toLowerCase()));
    expect(kept).toEqual([...headers, "Via", "1.1 box"]);
    expect(sent?.headers.host).toBe(new URL(url).host);
  });

  test.each(["OPTIONS", "DELETE", "PROPFIND", "HEAD"])("may have any method: %s", async (method) => {
    const { url, got } = await echo();
    const answer = await clientWith().request(get(url, { method }));
    answer.body.resume();
    expect(got[0]?.request.method).toBe(method);
  });

  test("may upload for longer than the header timeout", async () => {
    const { url, got } = await echo();
    async function* slowly(): AsyncGenerator<Buffer> {
      for (let i = 0; i < 8; i++) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        yield Buffer.from("x");
      }
    }
    const answer = await clientWith().request(get(url, { method: "POST", body: Readable.from(slowly()) }));
    answer.body.resume();
    expect(got[0]?.body).toBe("xxxxxxxx");
  });

  test("errors when its body breaks off, and an error that nobody hears harms nobody", async () => {
    const mirror = await mirrorOf(zoo.cut, FILES);
    const client = clientWith();
    const heard = await client.request(get(`${mirror.url}/f`));
    await expect(readAll(heard.body)).rejects.toMatchObject({ code: "BROKEN" });
    const unheard = await client.request(get(`${mirror.url}/f`));
    unheard.body.destroy();
    await expect.poll(mirror.connections).toBe(0);
  });

  test("to what does not speak HTTP is BAD_STATUS", async () => {
    const mirror = await mirrorOf(({ response }) => void response.socket?.end("220 ftp ready\r\n"), FILES);
    await expect(clientWith().request(get(`${mirror.url}/f`))).rejects.toMatchObject({ code: "BAD_STATUS" });
  });
});

test("a reader that pauses for longer than the stall timeout is not the server's fault", async () => {
  const big = { "/big": randomBytes(8_000_000) };
  const mirror = await mirrorOf(zoo.well, big);
  const { body } = await clientWith().request(get(`${mirror.url}/big`));
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect((await readAll(body)).equals(big["/big"])).toBe(true);
});

test("who lets go of a body is told that reason, and no fault of the server", async () => {
  const mirror = await mirrorOf(zoo.stallsAt(0.5), FILES);
  const caller = new AbortController();
  const request = get(`${mirror.url}/f`, { signal: caller.signal });
  const { body } = await clientWith({ stallTimeoutMs: 60_000 }).request(request);
  const reading = readAll(body);
  const enough = new Error("had enough");
  caller.abort(enough);
  await expect(reading).rejects.toBe(enough);
});

test("a Node without WebAssembly, as with --jitless, is told what to do", async () => {
  vi.stubGlobal("WebAssembly", undefined);
  onTestFinished(() => void vi.unstubAllGlobals());
  await expect(clientWith().request(get("http://127.0.0.1:9/f"))).rejects.toThrow("without --jitless");
});
