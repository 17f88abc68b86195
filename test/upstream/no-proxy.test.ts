import { expect, test } from "vitest";
import { bypassesProxy } from "../../src/upstream/no-proxy.ts";

test.each([
  ["http://mirror.example/x", ["mirror.example"], true],
  ["http://MIRROR.example/x", ["Mirror.Example"], true],
  ["http://a.mirror.example/x", ["mirror.example"], true],
  ["http://a.mirror.example/x", [".mirror.example"], true],
  ["http://mirror.example/x", [".mirror.example"], true],
  ["http://a.mirror.example/x", ["*.mirror.example"], true],
  ["http://amirror.example/x", ["mirror.example"], false],
  ["http://mirror.example/x", ["*"], true],
  ["http://mirror.example/x", ["mirror.example:80"], true],
  ["https://mirror.example/x", ["mirror.example:80"], false],
  ["http://mirror.example:8080/x", ["mirror.example:8080"], true],
  ["http://10.1.2.3/x", ["10.0.0.0/8"], true],
  ["http://11.1.2.3/x", ["10.0.0.0/8"], false],
  ["http://10.1.2.3/x", ["10.1.2.3"], true],
  ["http://10.1.2.3/x", ["2.3"], false],
  ["http://[fd00::1]/x", ["fd00::/8"], true],
  ["http://[fd00::1]/x", ["fd00::1"], true],
  ["http://[fd00::1]:81/x", ["[fd00::1]:81"], true],
  ["http://mirror.example/x", ["10.0.0.0/8", "10.0.0.0/99", "/", ":", "."], false],
  ["http://mirror.example/x", [], false],
])("%s by %j: %s", (url, list, expected) => {
  expect(bypassesProxy(new URL(url), list)).toBe(expected);
});
