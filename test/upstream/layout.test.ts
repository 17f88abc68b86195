import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import { FLAT, GLEP_75, isLayoutConf, parseLayoutConf, pathIn, quotePath } from "../../src/upstream/layout.ts";
import { cpuMs } from "../support/cpu-ms.ts";

const DIGEST = digestOf(Buffer.from("content"));

describe("layout.conf", () => {
  test("as Gentoo's mirrors have it", () => {
    expect(parseLayoutConf("[structure]\n0=filename-hash BLAKE2B 8\n1=flat\n")).toEqual([GLEP_75, FLAT]);
  });

  test("may cut several times, and name the content's hash", () => {
    expect(parseLayoutConf("[structure]\r\n0 = content-hash SHA512 8:8:12\r\n1 = filename-hash SHA1 4\r\n")).toEqual([
      { kind: "content-hash", hash: "sha512", cuts: [2, 2, 3] },
      { kind: "filename-hash", hash: "sha1", cuts: [1] },
    ]);
  });

  test.each([
    ["an unknown kind", "0=by-mood\n1=filename-hash BLAKE2B 8"],
    ["an unknown hash", "0=filename-hash TIGER 8\n1=filename-hash BLAKE2B 8"],
    ["cuts that are no whole hex characters", "0=filename-hash BLAKE2B 7\n1=filename-hash BLAKE2B 8"],
    ["cuts of nothing", "0=filename-hash BLAKE2B 8:0\n1=filename-hash BLAKE2B 8"],
    ["more cuts than the hash has bits", "0=filename-hash MD5 64:64:4\n1=filename-hash BLAKE2B 8"],
    ["no cuts", "0=filename-hash BLAKE2B\n1=filename-hash BLAKE2B 8"],
    ["words too many", "0=flat earth\n1=filename-hash BLAKE2B 8"],
  ])("leaves out an entry with %s", (_what, entries) => {
    expect(parseLayoutConf(`[structure]\n${entries}\n`)).toEqual([GLEP_75]);
  });

  test("stops at the first number that is missing, and minds its own section", () => {
    expect(parseLayoutConf("0=flat\n[structure]\n0=filename-hash BLAKE2B 8\n2=flat\n[other]\n1=flat\n")).toEqual([
      GLEP_75,
    ]);
  });

  test("is an INI file as Python reads it: indented, with a remark behind the section's name", () => {
    expect(parseLayoutConf("  [structure] # ours\n    0 = filename-hash\n      BLAKE2B 8\n")).toEqual([GLEP_75]);
    expect(isLayoutConf("  [structure] # ours\n")).toBe(true);
  });

  test("that says nothing useful means flat", () => {
    expect(parseLayoutConf("")).toEqual([FLAT]);
    expect(parseLayoutConf("[structure]\n1=filename-hash BLAKE2B 8\n")).toEqual([FLAT]);
  });

  test("is told from an error page", () => {
    expect(isLayoutConf("# made by emirrordist\n[structure]\n0=flat\n")).toBe(true);
    expect(isLayoutConf("<html>[structure] is missing</html>")).toBe(false);
  });

  test("keeps the agent busy for no time, also where a server sends nothing but blanks", () => {
    const text = `a${" ".repeat(64 * 1024)}b`;
    expect(cpuMs(() => isLayoutConf(text))).toBeLessThan(500);
  });

  test("never throws, whatever it says, and always gives a layout", () => {
    const word = fc.constantFrom("flat", "filename-hash", "content-hash", "BLAKE2B", "MD5", "8", "8:8", "-4", "9999");
    const line = fc.tuple(fc.nat(3), fc.array(word)).map(([i, words]) => `${i}=${words.join(" ")}`);
    const text = fc.array(fc.oneof(line, fc.string())).map((lines) => ["[structure]", ...lines].join("\n"));
    fc.assert(
      fc.property(text, (conf) => {
        const layouts = parseLayoutConf(conf);
        expect(layouts.length).toBeGreaterThan(0);
        for (const layout of layouts) pathIn(layout, { name: "foo-1.tar.gz", digest: DIGEST });
      }),
    );
  });
});

describe("the path of a file", () => {
  test("by the hash of its name", () => {
    // b2sum and sha1sum of the names; the SHA1 cuts are those of Portage's own tests (test_fetch.py).
    expect(pathIn(GLEP_75, { name: "hello-1.0.tar.gz" })).toBe("ce/hello-1.0.tar.gz");
    const layout = { kind: "filename-hash", hash: "sha1", cuts: [2, 4, 6] } as const;
    expect(pathIn(layout, { name: "foo-1.tar.gz" })).toBe("19/c3b6/37a94b/foo-1.tar.gz");
  });

  test("by its digest, without any name", () => {
    const layout = { kind: "content-hash", hash: "blake2b512", cuts: [2] } as const;
    expect(pathIn(layout, { digest: DIGEST })).toBe(`${DIGEST.slice(0, 2)}/${DIGEST}`);
  });

  test("is unknown where the layout goes by what we do not know", () => {
    expect(pathIn(FLAT, { digest: DIGEST })).toBeUndefined();
    expect(pathIn(GLEP_75, { digest: DIGEST })).toBeUndefined();
    const bySha512 = { kind: "content-hash", hash: "sha512", cuts: [2] } as const;
    expect(pathIn(bySha512, { name: "foo", digest: DIGEST })).toBeUndefined();
  });

  test.each([
    ["big-1.0+a~b.tar.xz", "big-1.0%2Ba~b.tar.xz"],
    ["github.com%2Ffhs%2F@v%2Fv2.3.0.mod", "github.com%252Ffhs%252F%40v%252Fv2.3.0.mod"],
    ["5e/it's(1)!*.zip", "5e/it%27s%281%29%21%2A.zip"],
    ["grüße_1.0-r1.tar", "gr%C3%BC%C3%9Fe_1.0-r1.tar"],
  ])("is quoted as Portage does: %s", (path, quoted) => {
    expect(quotePath(path)).toBe(quoted);
  });

  test("comes back whole from its quotes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (path) => {
        expect(quotePath(path)).toMatch(/^[A-Za-z0-9_.~/%-]*$/);
        expect(decodeURIComponent(quotePath(path))).toBe(path);
      }),
    );
  });
});
