import { hostname } from "node:os";
import { describe, expect, test } from "vitest";
import { mayMeanThisBox } from "../../src/proxy/own-address.ts";

describe("a Host field", () => {
  test.each([
    "127.0.0.1:8480",
    "192.168.7.9",
    "[::1]:8480",
    "localhost:9000",
    "ip6-loopback:8480",
    "gentoo.localhost:8480",
    `${hostname()}:8480`,
    "boxa.lan",
    "boxa.local.",
  ])("%s may mean this box", (host) => {
    expect(mayMeanThisBox(host)).toBe(true);
  });

  test("may be missing", () => {
    expect(mayMeanThisBox(undefined)).toBe(true);
  });

  test.each(["rebound.example.com:8480", "localhost.example.com", "127.0.0.1.example.com", "lan", "a b", ""])(
    "%j is somebody else's name",
    (host) => {
      expect(mayMeanThisBox(host)).toBe(false);
    },
  );
});
