import { rm, utimes } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import type { Database } from "../../src/core/database.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { Repositories } from "../../src/upstream/repositories.ts";
import { SrcUriIndex } from "../../src/upstream/src-uri-index.ts";
import { tempDir } from "../support/temp-dir.ts";
import { tempDatabase, writeTree } from "./harness.ts";

const CACHE = "metadata/md5-cache";

let db: Database;
let repo: string;
beforeEach(async () => {
  db = await tempDatabase();
  repo = await tempDir();
});

function indexOf(repos: readonly string[]): SrcUriIndex {
  return new SrcUriIndex({ db, repositories: new Repositories(repos), log: silentLogger });
}

async function builtIndex(files: Record<string, string>): Promise<SrcUriIndex> {
  await writeTree(repo, files);
  const index = indexOf([repo]);
  await index.refresh();
  return index;
}

describe("a URL stands for a distfile", () => {
  test("by SRC_URI of any ebuild, renamed or not", async () => {
    const index = await builtIndex({
      [`${CACHE}/app-misc/foo-1`]:
        "SRC_URI=https://a.example/v1.tar.gz -> foo-1.tar.gz x? ( http://a.example/x.zip )\n",
      [`${CACHE}/dev-libs/bar-2`]: "SRC_URI=https://b.example/bar-2.tar.xz\n",
    });
    expect(await index.nameOf("https://a.example/v1.tar.gz")).toBe("foo-1.tar.gz");
    expect(await index.nameOf("http://a.example/x.zip")).toBe("x.zip");
    expect(await index.nameOf("https://b.example/bar-2.tar.xz")).toBe("bar-2.tar.xz");
    expect(await index.nameOf("https://b.example/v1.tar.gz")).toBeUndefined();
    expect(await index.nameOf("no url at all")).toBeUndefined();
  });

  test("however a client quotes it", async () => {
    const index = await builtIndex({ [`${CACHE}/a/foo-1`]: "SRC_URI=http://A.example:80/foo|bar+%7E.tgz -> f.tgz\n" });
    for (const url of ["http://a.example/foo|bar+~.tgz", "http://a.example/foo%7cbar%2B%7e.tgz"]) {
      expect(await index.nameOf(url)).toBe("f.tgz");
    }
    for (const url of ["http://a.example/%2Ffoo|bar+~.tgz", "http://a.example/foo|bar+~.tgz?x", "http://a.example/%"]) {
      expect(await index.nameOf(url)).toBeUndefined();
    }
  });

  test("by mirror://, at every mirror that it may mean", async () => {
    const index = await builtIndex({
      "profiles/thirdpartymirrors": "gnu https://ftp.gnu.example/gnu/ http://mirror.example/gnu\n",
      [`${CACHE}/app-misc/hello-2`]: "SRC_URI=mirror://gnu/hello/h+2.tgz\n",
    });
    expect(await index.nameOf("https://ftp.gnu.example/gnu/hello/h+2.tgz")).toBe("h+2.tgz");
    expect(await index.nameOf("http://mirror.example/gnu/hello/h+2.tgz")).toBe("h+2.tgz");
    expect(await index.nameOf("http://mirror.example/hello/h+2.tgz")).toBeUndefined();
  });

  test("only if all who name it agree", async () => {
    const index = await builtIndex({
      [`${CACHE}/a/foo-1`]: "SRC_URI=https://a.example/latest.tgz -> foo-1.tgz\n",
      [`${CACHE}/a/foo-2`]: "SRC_URI=https://a.example/latest.tgz -> foo-2.tgz https://a.example/same.tgz\n",
      [`${CACHE}/a/foo-3`]: "SRC_URI=https://a.example/same.tgz\n",
    });
    expect(await index.nameOf("https://a.example/latest.tgz")).toBeUndefined();
    expect(await index.nameOf("https://a.example/same.tgz")).toBe("same.tgz");
  });
});

describe("a refresh", () => {
  const entry = `${CACHE}/app-misc/foo-1`;

  test("finds what is new and what changed, and keeps the rest", async () => {
    const index = await builtIndex({ [entry]: "SRC_URI=https://a.example/old.tgz\n" });
    await writeTree(repo, {
      [entry]: "SRC_URI=https://a.example/changed.tgz\n",
      [`${CACHE}/app-misc/foo-2`]: "SRC_URI=https://a.example/new.tgz\n",
    });
    await index.refresh();
    expect(await index.nameOf("https://a.example/changed.tgz")).toBe("changed.tgz");
    expect(await index.nameOf("https://a.example/new.tgz")).toBe("new.tgz");
  });

  test("reads nothing again whose time and size are the same, also after a restart", async () => {
    const stamp = new Date(1_700_000_000_000);
    await writeTree(repo, { [entry]: "SRC_URI=https://a.example/1.tgz\n" });
    await utimes(join(repo, entry), stamp, stamp);
    await indexOf([repo]).refresh();
    await writeTree(repo, { [entry]: "SRC_URI=https://a.example/2.tgz\n" });
    await utimes(join(repo, entry), stamp, stamp);
    const index = indexOf([repo]);
    await index.refresh();
    expect(await index.nameOf("https://a.example/2.tgz")).toBeUndefined();
    expect(await index.nameOf("https://a.example/1.tgz")).toBe("1.tgz");
  });

  test("forgets, when most has been replaced, what nobody names any more", async () => {
    const many = (version: number): Record<string, string> =>
      Object.fromEntries(
        Array.from({ length: 600 }, (_, i) => [
          `${CACHE}/app-misc/foo-${i}`,
          `SRC_URI=https://a.example/v${version}/${i}.tgz ${"x".repeat(version)}\n`,
        ]),
      );
    const index = await builtIndex(many(1));
    await writeTree(repo, many(2));
    await index.refresh();
    expect(await index.nameOf("https://a.example/v1/7.tgz")).toBe("7.tgz");
    await writeTree(repo, many(3));
    await index.refresh();
    expect(await index.nameOf("https://a.example/v1/7.tgz")).toBeUndefined();
    expect(await index.nameOf("https://a.example/v3/7.tgz")).toBe("7.tgz");
  });

  test("asked for while one runs looks once more", async () => {
    const index = await builtIndex({});
    const running = index.refresh();
    await writeTree(repo, { [entry]: "SRC_URI=https://a.example/late.tgz\n" });
    await Promise.all([running, index.refresh()]);
    expect(await index.nameOf("https://a.example/late.tgz")).toBe("late.tgz");
  });

  test("ends early when it is stopped, and the next run goes on", async () => {
    const files = Array.from({ length: 200 }, (_, i) => [
      `${CACHE}/c${i}/foo-1`,
      `SRC_URI=http://a.example/${i}.tgz\n`,
    ]);
    await writeTree(repo, Object.fromEntries(files) as Record<string, string>);
    const stopped = indexOf([repo]);
    void stopped.refresh();
    await stopped.stop();
    await stopped.refresh();
    expect(await stopped.nameOf("http://a.example/199.tgz")).toBeUndefined();
    const index = indexOf([repo]);
    await index.refresh();
    expect(await index.nameOf("http://a.example/199.tgz")).toBe("199.tgz");
  });

  test("survives a tree that vanishes", async () => {
    const index = await builtIndex({ [entry]: "SRC_URI=https://a.example/old.tgz\n" });
    await rm(repo, { recursive: true });
    await expect(index.refresh()).resolves.toBeUndefined();
  });
});

test("a repository without md5-cache is said to be out of reach", async () => {
  const overlay = await tempDir();
  await writeTree(repo, { [`${CACHE}/app-misc/foo-1`]: "" });
  expect(await indexOf([repo, overlay]).reach()).toEqual([
    { repo, md5Cache: true },
    { repo: overlay, md5Cache: false },
  ]);
});
