import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseMirrorLists } from "../../src/core/mirror-lists.ts";
import { parseCacheEntry, readEntriesOf } from "../../src/upstream/md5-cache.ts";
import { parseRestrict, parseSrcUri } from "../../src/upstream/src-uri.ts";
import { contractUrl, expandUri, stackMirrors } from "../../src/upstream/mirror-groups.ts";
import { urlsOf } from "../../src/upstream/ebuild-sources.ts";
import { tempDir } from "../support/temp-dir.ts";
import { writeTree } from "./harness.ts";

describe("SRC_URI", () => {
  test("flattens USE conditionals and groups: every branch counts", () => {
    const text = "https://a.example/a-1.tar.xz doc? ( https://a.example/doc.zip !cjk? ( ( mirror://gnu/x/cjk.tgz ) ) )";
    expect(parseSrcUri(text)).toEqual([
      { name: "a-1.tar.xz", uri: "https://a.example/a-1.tar.xz" },
      { name: "doc.zip", uri: "https://a.example/doc.zip", conditional: true },
      { name: "cjk.tgz", uri: "mirror://gnu/x/cjk.tgz", conditional: true },
    ]);
  });

  test("renames, also inside a conditional", () => {
    const text = "test? ( https://a.example/v1.0.tar.gz -> a-1.0.gh.tar.gz ) https://b.example/b?x=1&y=/c.tgz -> b.tgz";
    expect(parseSrcUri(text)).toEqual([
      { name: "a-1.0.gh.tar.gz", uri: "https://a.example/v1.0.tar.gz", conditional: true },
      { name: "b.tgz", uri: "https://b.example/b?x=1&y=/c.tgz" },
    ]);
  });

  test("keeps bare names, and what the prefixes lift", () => {
    expect(parseSrcUri("game-data.zip mirror+https://a.example/m.tgz fetch+https://a.example/f.tgz -> g.tgz")).toEqual([
      { name: "game-data.zip" },
      { name: "m.tgz", uri: "https://a.example/m.tgz", lifts: "mirror" },
      { name: "g.tgz", uri: "https://a.example/f.tgz", lifts: "fetch" },
    ]);
  });

  test("a prefix in capitals is none", () => {
    expect(parseSrcUri("MIRROR+https://a.example/m.tgz")).toEqual([
      { name: "m.tgz", uri: "MIRROR+https://a.example/m.tgz" },
    ]);
  });

  test("skips what makes no sense, and never throws", () => {
    expect(parseSrcUri("-> -> ) https://a.example/ ( x? https://a.example/ok.tgz -> up/../x")).toEqual([]);
    const word = fc.constantFrom("->", "(", ")", "x?", "!x?", "https://a.example/f", "mirror://gnu/f", "f", "fetch+x");
    fc.assert(
      fc.property(fc.array(fc.oneof(word, fc.string())), (words) => {
        for (const { name } of parseSrcUri(words.join(" "))) expect(name).toMatch(/^[^/\s]+$/);
      }),
    );
  });
});

describe("RESTRICT", () => {
  test.each([
    ["", false, false],
    ["mirror test", true, false],
    ["fetch bindist", false, true],
    ["!test? ( test ) mirror", true, false],
    ["bindist? ( mirror ) fetch", false, true],
    ["a? ( b? ( fetch ) mirror )", false, false],
    ["( mirror )", true, false],
    ["( a? ( fetch ) mirror )", true, false],
    ["a? ( ( fetch ) mirror ) nomirror", true, false],
    ["a? ( b? ( test ) fetch ) ) mirror", true, false],
  ])("%j: mirror %s, fetch %s", (text, mirror, fetch) => {
    expect(parseRestrict(text)).toEqual({ mirror, fetch });
  });
});

describe("third-party mirrors", () => {
  const overlay = parseMirrorLists("# comment\n\ngnu\thttps://own.example/gnu/ # fast\n");
  const main = parseMirrorLists("gnu https://ftp.example/gnu https://own.example/gnu/\nkde http://kde.example\n");
  const mirrors = stackMirrors([overlay, main]);
  const groups = { custom: new Map(), thirdParty: mirrors };

  test("are stacked, the first repository's first, each URL once", () => {
    expect(mirrors.get("gnu")).toEqual(["https://own.example/gnu/", "https://ftp.example/gnu"]);
    expect(mirrors.get("kde")).toEqual(["http://kde.example"]);
  });

  test("are taken back by -URL and -* as in Portage", () => {
    const lists = [
      "gnu http://a http://b\nkde http://k\ngnu http://c",
      "gnu -http://b -http://none\nkde -*",
      "gnu http://d",
    ];
    expect([...stackMirrors(lists.map(parseMirrorLists))]).toEqual([["gnu", ["http://a", "http://c", "http://d"]]]);
  });

  test("stand in lines of a name and its URLs, with comments", () => {
    expect([
      ...parseMirrorLists("#gnu http://x\nlonely\n\t gnu  http://a/#b #http://c http://d\r\ngnu\thttp://e"),
    ]).toEqual([["gnu", ["http://a/#b", "http://e"]]]);
  });

  test("are what mirror:// stands for, in turns", () => {
    const urls = ["https://own.example/gnu/hello/h.tgz", "https://ftp.example/gnu/hello/h.tgz"];
    expect(expandUri("mirror://gnu/hello/h.tgz", groups, 4)).toEqual(urls);
    expect(expandUri("mirror://gnu/hello/h.tgz", groups, 7)).toEqual(urls.toReversed());
    expect(expandUri("mirror://nobody/h.tgz", groups, 7)).toEqual([]);
    expect(expandUri("https://a.example/h.tgz", groups, 7)).toEqual(["https://a.example/h.tgz"]);
  });

  test("come after those of /etc/portage/mirrors, which keep their order", () => {
    const custom = parseMirrorLists("gnu http://a.example http://b.example/");
    expect(expandUri("mirror://gnu/h.tgz", { custom, thirdParty: mirrors }, 1)).toEqual([
      "http://a.example/h.tgz",
      "http://b.example/h.tgz",
      "https://ftp.example/gnu/h.tgz",
      "https://own.example/gnu/h.tgz",
    ]);
    expect(contractUrl("http://b.example/h.tgz", { custom, thirdParty: mirrors })).toEqual(["mirror://gnu/h.tgz"]);
  });

  test("lead back from a URL to mirror://", () => {
    expect(contractUrl("https://ftp.example/gnu/hello/h.tgz", groups)).toEqual(["mirror://gnu/hello/h.tgz"]);
    expect(contractUrl("https://ftp.example/gnulike/h.tgz", groups)).toEqual([]);
  });
});

describe("an md5-cache entry", () => {
  test("gives http URLs or nothing, whatever it says", () => {
    const word = fc.constantFrom(
      "SRC_URI=",
      "RESTRICT=",
      "mirror://gnu/",
      "https://",
      "->",
      "(",
      "x?",
      "fetch",
      "%",
      "\n",
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(word, fc.string())), fc.string(), (words, mirrorsText) => {
        const entry = parseCacheEntry(words.join(" "));
        const groups = { custom: parseMirrorLists(mirrorsText), thirdParty: parseMirrorLists(mirrorsText) };
        const mentions = entry.files.map((file) => ({ package: "app-misc/foo", file, entry }));
        const urls = urlsOf(mentions, groups, 3);
        for (const url of urls) expect(["http:", "https:"]).toContain(new URL(url).protocol);
      }),
    );
  });

  test("tells SRC_URI and RESTRICT, and nothing from other keys", () => {
    const text = "DESCRIPTION=SRC_URI=no RESTRICT=fetch\nRESTRICT=mirror\nSRC_URI=https://a.example/a.tgz\n_md5_=0\n";
    expect(parseCacheEntry(text)).toEqual({
      files: [{ name: "a.tgz", uri: "https://a.example/a.tgz" }],
      restrict: { mirror: true, fetch: false },
    });
    expect(parseCacheEntry("")).toEqual({ files: [], restrict: { mirror: false, fetch: false } });
  });

  test("is of a package if one of its ebuilds has that name, whatever else the category holds", async () => {
    const repo = await tempDir();
    const caches = ["foo-1", "foo-1.2.3b_rc2_p3-r4", "foo-9999", "foo-bar-1", "foo-1-bar-2", "foobar-1", "foo-7"];
    const ebuilds = ["foo/foo-1", "foo/foo-1.2.3b_rc2_p3-r4", "foo/foo-9999", "foo/foo-8", "foo-bar/foo-bar-1"];
    await writeTree(repo, {
      ...Object.fromEntries(caches.map((name) => [`metadata/md5-cache/app-misc/${name}`, `SRC_URI=http://x/${name}`])),
      ...Object.fromEntries(ebuilds.map((name) => [`app-misc/${name}.ebuild`, ""])),
      "app-misc/foo/Manifest": "",
    });
    const namesOf = async (name: string): Promise<string[]> => {
      const entries = await readEntriesOf({ repo, package: `app-misc/${name}` });
      return entries.flatMap(({ files }) => files.map((file) => file.name)).toSorted();
    };
    expect(await namesOf("foo")).toEqual(["foo-1", "foo-1.2.3b_rc2_p3-r4", "foo-9999"]);
    expect(await namesOf("foo-bar")).toEqual(["foo-bar-1"]);
    expect(await namesOf("foobar")).toEqual([]);
  });

  test("with RESTRICT=fetch gives only the URLs that its prefixes lift, and mirror://", () => {
    const groups = { custom: new Map(), thirdParty: parseMirrorLists("gnu http://gnu.example") };
    const text =
      "RESTRICT=fetch\nSRC_URI=https://a.example/a fetch+https://a.example/b mirror+https://a.example/c mirror://gnu/d e ftp://a.example/f";
    const entry = parseCacheEntry(text);
    const mentions = entry.files.map((file) => ({ package: "app-misc/foo", file, entry }));
    const urls = urlsOf(mentions, groups, 0);
    expect(urls).toEqual(["https://a.example/b", "https://a.example/c", "http://gnu.example/d"]);
  });
});
