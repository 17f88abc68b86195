import { expect, test } from "vitest";
import { wayOut } from "../../src/compose/upstream.ts";
import { checkConfig } from "../../src/config/check.ts";
import { proxyBypass } from "../../src/upstream/no-proxy.ts";

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
  ["http://[fd00::1]/x", ["FD00:0:0::1"], true],
  ["http://mirror.example./x", ["mirror.example"], true],
  ["http://[fd00::1]:81/x", ["[fd00::1]:81"], true],
  ["http://mirror.example/x", ["10.0.0.0/8", "10.0.0.0/99", "/", ":", "."], false],
  ["http://mirror.example/x", [], false],
])("%s by %j: %s", (url, list, expected) => {
  expect(proxyBypass(list)(new URL(url))).toBe(expected);
});

const exceptions = (entry: string): readonly string[] =>
  wayOut(checkConfig({ upstream: { no_proxy: [entry] } }, "test")).noProxy;

test.each([
  ["mirror.example", "http://mirror.example/x", "http://other.example/x"],
  [".mirror.example", "http://a.mirror.example/x", "http://other.example/x"],
  ["*.mirror.example", "http://a.mirror.example/x", "http://other.example/x"],
  ["example", "http://mirror.example/x", "http://mirror.example.org/x"],
  ["under_score.lan", "http://under_score.lan/x", "http://score.lan/x"],
  ["mirror.example:8080", "http://mirror.example:8080/x", "http://mirror.example/x"],
  ["mirror.example:080", "http://mirror.example/x", "http://mirror.example:8080/x"],
  ["10.1.2.3", "http://10.1.2.3/x", "http://10.1.2.4/x"],
  ["10.1.2.3:80", "http://10.1.2.3/x", "https://10.1.2.3/x"],
  ["fd00::1", "http://[fd00::1]/x", "http://[fd00::2]/x"],
  ["[fd00::1]:81", "http://[fd00::1]:81/x", "http://[fd00::1]/x"],
  ["10.0.0.0/8", "http://10.1.2.3/x", "http://11.1.2.3/x"],
  ["fd00::/8", "http://[fd00::1]/x", "http://[fe80::1]/x"],
])("the config takes %s, which excepts %s, not %s", (entry, straight, proxied) => {
  expect(proxyBypass(exceptions(entry))(new URL(straight))).toBe(true);
  expect(proxyBypass(exceptions(entry))(new URL(proxied))).toBe(false);
});

test("the config takes *, which excepts all", () => {
  expect(proxyBypass(exceptions("*"))(new URL("http://mirror.example/x"))).toBe(true);
});

test.each([
  "",
  ".",
  "*.",
  "a b",
  "a,b",
  "a/b",
  "a*b",
  "10.0.0.0/33",
  "10.0.0.0/",
  "fd00::/129",
  "a:0",
  "a:65536",
  "a:b",
])("the config refuses %j", (entry) => {
  expect(() => exceptions(entry)).toThrow(/upstream\.no_proxy\[0\] is .*; it must be a host, a domain/);
});
