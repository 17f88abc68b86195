import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { SourceError } from "../../src/core/errors.ts";
import { RedirectChain, fieldsAfterRedirect, isByStranger } from "../../src/upstream/redirect.ts";

const HTTP = new URL("http://a.example/d/f");
const HTTPS = new URL("https://a.example/d/f");

test.each([
  ["http://mirror.example/f", "http://127.0.0.1:631/", true],
  ["http://192.168.1.5/f", "http://localhost/", true],
  ["http://mirror.example/f", "https://mirror.example/f", false],
  ["http://127.0.0.1/f", "http://localhost:8000/f", false],
])("a redirect from %s to %s is a stranger's wish: %s", (from, to, is) => {
  expect(isByStranger(new URL(from), new URL(to))).toBe(is);
});

describe("a redirect", () => {
  test.each([300, 301, 302, 303, 307, 308])("%i leads on", (status) => {
    expect(new RedirectChain(HTTP).next(HTTP, status, "../g?x")?.href).toBe("http://a.example/g?x");
  });

  test("is none without Location, or with another status", () => {
    expect(new RedirectChain(HTTP).next(HTTP, 302, undefined)).toBeUndefined();
    expect(new RedirectChain(HTTP).next(HTTP, 304, "/g")).toBeUndefined();
    expect(new RedirectChain(HTTP).next(HTTP, 200, "/g")).toBeUndefined();
  });

  test("may go up to https and stay there, not down, not even on the same host", () => {
    expect(new RedirectChain(HTTP).next(HTTP, 302, HTTPS.href)?.href).toBe(HTTPS.href);
    expect(new RedirectChain(HTTPS).next(HTTPS, 302, "https://b.example/f")?.href).toBe("https://b.example/f");
    expect(() => new RedirectChain(HTTPS).next(HTTPS, 302, HTTP.href)).toThrow("down to http");
  });

  test("has the bytes of a Location as they came, in whatever encoding", () => {
    const next = (location: string): string => new RedirectChain(HTTP).next(HTTP, 302, location)!.href;
    expect(next(Buffer.from("/ü b").toString("latin1"))).toBe("http://a.example/%C3%BC%20b");
    expect(next("/\xfc")).toBe("http://a.example/%FC");
    expect(next(Buffer.from("http://bücher.example/").toString("latin1"))).toBe("http://xn--bcher-kva.example/");
  });

  test("is followed ten times, not eleven", () => {
    const chain = new RedirectChain(HTTP);
    let at = HTTP;
    for (let i = 1; i <= 10; i++) at = chain.next(at, 302, `/${i}`)!;
    expect(at.pathname).toBe("/10");
    expect(() => chain.next(at, 302, "/11")).toThrow("after 10 redirects");
  });

  test("leads somewhere or is refused, whatever Location says", () => {
    const part = fc.constantFrom(
      "http://",
      "https://",
      "//",
      "/",
      ":",
      "@",
      "[",
      "%",
      "..",
      "a.example",
      "\u0000",
      " ",
    );
    const location = fc.oneof(
      fc.string(),
      fc.array(part).map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(location, (text) => {
        try {
          expect(new RedirectChain(HTTPS).next(HTTPS, 302, text)?.protocol).toBe("https:");
        } catch (error) {
          expect((error as SourceError).code).toBe("BAD_REDIRECT");
        }
      }),
    );
  });
});

test("credentials stay with the origin that they were for", () => {
  const fields = ["Accept", "*/*", "authorization", "x", "Cookie", "y", "Range", "bytes=1-"];
  expect(fieldsAfterRedirect(fields, HTTP, new URL("http://a.example/other"))).toEqual(fields);
  expect(fieldsAfterRedirect(fields, HTTP, HTTPS)).toEqual(["Accept", "*/*", "Range", "bytes=1-"]);
});
