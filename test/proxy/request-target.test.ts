import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DistswarmError } from "../../src/core/errors.ts";
import { parseAuthority, parseRequestTarget } from "../../src/proxy/request-target.ts";

const isOwn = (url: URL): boolean => url.host === "127.0.0.1:8480";

describe("a request target", () => {
  test("in origin form is the mirror door", () => {
    expect(parseRequestTarget("/distfiles/a?b", isOwn)).toEqual({ door: "mirror", path: "/distfiles/a?b" });
  });

  test("in absolute form is the forward proxy", () => {
    const target = parseRequestTarget("http://mirror.example/distfiles/a", isOwn);
    expect(target.door === "forward" && target.url.href).toBe("http://mirror.example/distfiles/a");
  });

  test.each([
    ["http://mirror.example/a/../b?c=/../d", "/a/../b?c=/../d"],
    ["http://mirror.example/a/%2e%2E/b|c", "/a/%2e%2E/b|c"],
    ["http://mirror.example?q", "/?q"],
    ["http://mirror.example/a#b", "/a"],
  ])("in absolute form keeps the path that was sent: %s", (sent, path) => {
    expect(parseRequestTarget(sent, isOwn)).toMatchObject({ door: "forward", path });
  });

  test("in absolute form with the agent's own address is the mirror door, its path as it came", () => {
    expect(parseRequestTarget("http://127.0.0.1:8480/distfiles/../x%2Fy", isOwn)).toEqual({
      door: "mirror",
      path: "/distfiles/../x%2Fy",
    });
    expect(parseRequestTarget("HTTP://127.0.0.1:8480", isOwn)).toEqual({ door: "mirror", path: "/" });
  });

  test("with a scheme that is not spoken is named", () => {
    expect(parseRequestTarget("ftp://host/file", isOwn)).toEqual({ door: "unsupported", scheme: "ftp" });
  });

  test.each([
    "",
    "*",
    "distfiles/a",
    "http://",
    "http://ho st/",
    "http:///x",
    "http://?x",
    "mailto:me",
    "http://a\\@b/",
  ])("%j is refused", (target) => {
    expect(() => parseRequestTarget(target, isOwn)).toThrow(DistswarmError);
  });

  test("of any text is read or refused, nothing else", () => {
    fc.assert(
      fc.property(fc.string(), (target) => {
        try {
          parseRequestTarget(target, isOwn);
        } catch (error) {
          expect(error).toMatchObject({ code: "INVALID_REQUEST" });
        }
      }),
    );
  });
});

describe("a CONNECT authority", () => {
  test("is a host and a port", () => {
    expect(parseAuthority("gentoo.org:443")).toEqual({ host: "gentoo.org", port: 443 });
    expect(parseAuthority("[2001:db8::1]:443")).toEqual({ host: "2001:db8::1", port: 443 });
  });

  test.each([
    "gentoo.org",
    "gentoo.org:",
    "gentoo.org:0",
    "gentoo.org:70000",
    ":443",
    "http://x:1",
    "a/b:443",
    "a^b:443",
  ])("%j is refused", (target) => {
    expect(() => parseAuthority(target)).toThrow(/host:port/);
  });
});
