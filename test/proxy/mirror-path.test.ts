import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import { parseMirrorPath } from "../../src/proxy/mirror-path.ts";

const digest = digestOf(Buffer.from("hello"));
const directory = digest.slice(0, 2);

describe("a path of the mirror door", () => {
  test.each([
    ["/", { kind: "page" }],
    ["//?x=y", { kind: "page" }],
    ["/distfiles/layout.conf", { kind: "layout" }],
    [`/distfiles/${directory}/${digest}`, { kind: "digest", digest }],
    [`/distfiles/${directory}/${digest.toUpperCase()}`, { kind: "digest", digest }],
    ["/distfiles/hello-1.0.tar.gz", { kind: "name", name: "hello-1.0.tar.gz" }],
    ["/distfiles/5e/hello-1.0.tar.gz", { kind: "name", name: "hello-1.0.tar.gz" }],
    ["/distfiles/5e/layout.conf", { kind: "name", name: "layout.conf" }],
    ["/distfiles/big-1.0%2Ba~b%40c.tar.xz", { kind: "name", name: "big-1.0+a~b@c.tar.xz" }],
    ["/distfiles/big-1.0+a~b.tar.xz?x=y", { kind: "name", name: "big-1.0+a~b.tar.xz" }],
    ["/distfiles/0a/github.com%252Fv2%40v.mod", { kind: "name", name: "github.com%2Fv2@v.mod" }],
    [
      "/snapshots/gentoo-20261119.tar.xz?a=b",
      { kind: "snapshot", name: "gentoo-20261119.tar.xz", path: "/snapshots/gentoo-20261119.tar.xz?a=b" },
    ],
    [
      "/snapshots/deltas/snapshot-1-2.patch.bz2",
      { kind: "snapshot", name: "deltas/snapshot-1-2.patch.bz2", path: "/snapshots/deltas/snapshot-1-2.patch.bz2" },
    ],
    ["//distfiles/layout.conf", { kind: "layout" }],
    [`//distfiles/${directory}/${digest}`, { kind: "digest", digest }],
    ["//snapshots/x.tar.xz", { kind: "snapshot", name: "x.tar.xz", path: "/snapshots/x.tar.xz" }],
    ["/distfiles/", { kind: "unknown" }],
    ["/distfiles/xyz/hello", { kind: "unknown" }],
    ["/distfiles/ab/cd/hello", { kind: "unknown" }],
    ["/releases/", { kind: "unknown" }],
    ["/snapshots", { kind: "unknown" }],
    ["/snapshots/", { kind: "unknown" }],
    ["/snapshots/deltas/", { kind: "unknown" }],
  ])("%s", (path, expected) => {
    expect(parseMirrorPath(path)).toEqual(expected);
  });

  test.each([
    ["/distfiles/../etc/passwd", /\.\. in a path/],
    ["/distfiles/%2e%2e/passwd", /\.\. in a path/],
    ["/distfiles/%2e", /\. in a path/],
    ["/distfiles/a%2Fb", /encoded slash/],
    ["/distfiles/a%00b", /control character/],
    ["/distfiles/a%0d%0ab", /control character/],
    ["/distfiles/%zz", /broken % escape/],
    ["/distfiles/%ff", /broken % escape/],
    [`/distfiles/ab/${"z".repeat(128)}`, /not a BLAKE2B digest/],
    [`/distfiles/${directory === "00" ? "01" : "00"}/${digest}`, /below its first two characters/],
  ])("%s is refused with its reason", (path, reason) => {
    expect(() => parseMirrorPath(path)).toThrow(reason);
  });

  test("never yields a name that is a path", () => {
    const segment = fc.oneof(fc.string(), fc.constantFrom("..", "%2e%2e", "%2F", "distfiles", "%5c", "%252F"));
    fc.assert(
      fc.property(fc.array(segment), (segments) => {
        try {
          const path = parseMirrorPath(`/${segments.join("/")}`);
          if (path.kind === "name") expect(path.name).not.toMatch(/^\.{1,2}$|\//);
        } catch (error) {
          expect(error).toMatchObject({ code: "INVALID_REQUEST" });
        }
      }),
    );
  });
});
