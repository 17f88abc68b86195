import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseManifest } from "../../src/manifest/parse.ts";
import { digestFor, dist } from "./tree.ts";

const HEX = digestFor("some bytes");

function namesIn(text: string): string[] {
  return parseManifest(text).dist.map(({ name }) => name);
}

function reasonFor(line: string): string | undefined {
  const { damaged, dist: lines } = parseManifest(`${line}\n${dist("whole.tar")}\n`);
  expect(lines.map(({ name }) => name)).toContain("whole.tar");
  return damaged[0]?.reason;
}

describe("a DIST line", () => {
  test("gives name, size and digest", () => {
    const { dist: lines, damaged } = parseManifest(`DIST a-1.0+b~c@d%2Fe.tar.xz 512 BLAKE2B ${HEX} SHA512 00\n`);
    expect(lines).toEqual([{ name: "a-1.0+b~c@d%2Fe.tar.xz", size: 512, digest: HEX }]);
    expect(damaged).toEqual([]);
  });

  test("may have its hashes in any order and case, and any blanks between", () => {
    const { dist: lines } = parseManifest(`DIST  a\t1  SHA512 00 BLAKE2B ${HEX.toUpperCase()}\r\n`);
    expect(lines).toEqual([{ name: "a", size: 1, digest: HEX }]);
  });

  test("that names a hash twice means the last, as in Portage", () => {
    const { dist: lines } = parseManifest(`DIST a 1 BLAKE2B ${digestFor("other bytes")} SHA512 00 BLAKE2B ${HEX}\n`);
    expect(lines).toEqual([{ name: "a", size: 1, digest: HEX }]);
  });

  test("without BLAKE2B has no digest, and is not damaged for that", () => {
    expect(parseManifest("DIST old.tar 1 SHA256 00 SHA512 00\nDIST bare.tar 2\n")).toEqual({
      dist: [
        { name: "old.tar", size: 1, digest: undefined },
        { name: "bare.tar", size: 2, digest: undefined },
      ],
      damaged: [],
    });
  });

  test("may escape characters of its name as GLEP 74 says", () => {
    expect(namesIn(dist("a\\x2Bb\\u00e9\\U0001F600.tar"))).toEqual(["a+bé😀.tar"]);
  });

  test.each([
    ["no size", "DIST a"],
    ["a size that is no number", `DIST a 12x BLAKE2B ${HEX}`],
    ["a negative size", `DIST a -1 BLAKE2B ${HEX}`],
    ["a size beyond what can be counted", `DIST a 9007199254740993 BLAKE2B ${HEX}`],
    ["a digest cut off", `DIST a 1 BLAKE2B ${HEX.slice(1)}`],
    ["a digest that is not hex", `DIST a 1 BLAKE2B ${"g".repeat(128)}`],
    ["a hash without a value", "DIST a 1 BLAKE2B"],
    ["a slash in its name", `DIST a/b 1 BLAKE2B ${HEX}`],
    ["an escaped slash", `DIST a\\x2Fb 1 BLAKE2B ${HEX}`],
    ["an escaped blank", `DIST a\\x20b 1 BLAKE2B ${HEX}`],
    ["an escaped NUL", `DIST a\\x00 1 BLAKE2B ${HEX}`],
    ["an escaped control character", `DIST a\\u0085 1 BLAKE2B ${HEX}`],
    ["half a surrogate pair", `DIST a\\uD800 1 BLAKE2B ${HEX}`],
    ["an escape beyond Unicode", `DIST a\\U00110000 1 BLAKE2B ${HEX}`],
    ["an escape cut off", `DIST a\\x2 1 BLAKE2B ${HEX}`],
    ["bytes that are not UTF-8", Buffer.from(`DIST a\xff 1 BLAKE2B ${HEX}`, "latin1").toString("utf8")],
    ["`.` for a name", `DIST . 1 BLAKE2B ${HEX}`],
    ["`..` for a name", `DIST .. 1 BLAKE2B ${HEX}`],
    ["an unknown tag", `DISTX a 1 BLAKE2B ${HEX}`],
    ["garbage", "\0\0\0\0"],
  ])("with %s is damaged; the next one counts", (_what, line) => {
    expect(reasonFor(line)).toBeDefined();
  });
});

describe("damaged lines", () => {
  test("are told with number, reason and text", () => {
    const { damaged } = parseManifest(`${dist("a")}\n\nDIST b 12x BLAKE2B ${HEX}\n`);
    expect(damaged).toEqual([
      { line: 3, reason: "the size is not a number of bytes: 12x", text: `DIST b 12x BLAKE2B ${HEX}` },
    ]);
  });

  test("are told in bounded number and length, whatever the file is", () => {
    const { damaged } = parseManifest(`${"x".repeat(100_000)}\n`.repeat(50));
    expect(damaged).toHaveLength(10);
    expect(JSON.stringify(damaged).length).toBeLessThan(10_000);
  });
});

describe("a full Manifest", () => {
  const others = [
    "TIMESTAMP 2026-06-30T12:00:00Z",
    "MANIFEST app-misc/Manifest.gz 10 BLAKE2B 00",
    "IGNORE distfiles",
    "DATA metadata.xml 3 BLAKE2B 00",
    "EBUILD a-1.ebuild 3 SHA512 00",
    "MISC metadata.xml 3 SHA512 00",
    "AUX fix.patch 3 SHA512 00",
  ];

  test("gives its DIST lines; the other tags are skipped", () => {
    const parsed = parseManifest([...others, dist("a"), ...others].join("\n"));
    expect(parsed.dist.map(({ name }) => name)).toEqual(["a"]);
    expect(parsed.damaged).toEqual([]);
  });

  test("may be clearsigned, with dash escapes", () => {
    const signed = [
      "-----BEGIN PGP SIGNED MESSAGE-----",
      "Hash: SHA512",
      "",
      dist("a"),
      `- ${dist("b")}`,
      "-----BEGIN PGP SIGNATURE-----",
      "",
      "iQKTBAEBCgB9FiEE4dartjv8+0ugL98c7FkO6skYklAFAmRwSZ",
      "-----END PGP SIGNATURE-----",
      "",
    ];
    expect(parseManifest(signed.join("\n"))).toMatchObject({ dist: [{ name: "a" }, { name: "b" }], damaged: [] });
  });
});

describe("for any input", () => {
  const plainName = fc.stringMatching(/^[!-.0-[\]-~]{1,60}$/).filter((name) => name !== "." && name !== "..");
  const escaped = (name: string): string =>
    Array.from(name, (char) => `\\U${char.codePointAt(0)!.toString(16).padStart(8, "0")}`).join("");

  test("what is written is read back, escaped or not", () => {
    fc.assert(
      fc.property(plainName, fc.maxSafeNat(), fc.boolean(), (name, size, escape) => {
        const text = `DIST ${escape ? escaped(name) : name} ${size} BLAKE2B ${HEX}\n`;
        expect(parseManifest(text)).toEqual({ dist: [{ name, size, digest: HEX }], damaged: [] });
      }),
    );
  });

  test("it ends without an error, and every name is a plain file name", () => {
    const word = fc.oneof(
      fc.constantFrom("DIST", "BLAKE2B", HEX, "1", "-----BEGIN PGP SIGNED MESSAGE-----"),
      fc.string(),
    );
    const line = fc.array(word, { maxLength: 6 }).map((words) => words.join(" "));
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        for (const name of namesIn(lines.join("\n"))) expect(name).toMatch(/^(?!\.{1,2}$)[^/\s\p{Cc}]+$/u);
      }),
    );
  });

  test("a line of random bytes takes no other line with it", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const noise = Buffer.from(bytes).toString("utf8").replaceAll("\n", "").replaceAll("-----", "");
        expect(namesIn(`${dist("a")}\n${noise}\n${dist("b")}\n`)).toEqual(expect.arrayContaining(["a", "b"]));
      }),
    );
  });
});
