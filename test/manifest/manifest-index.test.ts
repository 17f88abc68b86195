import { describe, expect, test } from "vitest";
import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { ManifestIndex } from "../../src/manifest/manifest-index.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { database, digestFor, dist, startIndex, temporaryDirectory, writeIn, writeManifest } from "./tree.ts";

describe("look-ups", () => {
  test("by name and by digest give what the Manifests say", async () => {
    const repo = await temporaryDirectory();
    await writeManifest(repo, "app-misc/foo", dist("foo-1.tar.xz"), dist("foo-2.tar.xz"));
    const index = await startIndex(await database(), [repo]);

    const foo = { name: "foo-1.tar.xz", size: 12, digest: digestFor("foo-1.tar.xz") };
    expect(await index.byName("foo-1.tar.xz")).toEqual([foo]);
    expect(await index.byDigest(foo.digest)).toEqual({
      digest: foo.digest,
      size: 12,
      names: ["foo-1.tar.xz"],
      packages: [{ repo, package: "app-misc/foo" }],
    });
    expect(index.counts()).toEqual({ manifests: 1, distfiles: 2 });
  });

  test("of what no Manifest names are empty, also for the beginning of a name", async () => {
    const repo = await temporaryDirectory();
    await writeManifest(repo, "app-misc/foo", dist("foo-1.tar.xz"));
    const index = await startIndex(await database(), [repo]);
    for (const name of ["foo-1.tar", "foo-1.tar.xz ", "", "../foo", "foo-1.tar.xz!"]) {
      expect(await index.byName(name)).toEqual([]);
      expect(await index.isUndigested(name)).toBe(false);
    }
    expect(await index.byDigest(digestFor("nothing"))).toBeUndefined();
  });

  test("tell every package and repository that has the same file", async () => {
    const [one, two] = [await temporaryDirectory(), await temporaryDirectory()];
    await writeManifest(one, "dev-go/a", dist("mod.zip"));
    await writeManifest(one, "dev-go/b", dist("mod.zip"));
    await writeManifest(two, "dev-go/a", dist("mod.zip"));
    const index = await startIndex(await database(), [one, two]);

    expect(await index.byName("mod.zip")).toHaveLength(1);
    const packages = (await index.byDigest(digestFor("mod.zip")))?.packages;
    expect(packages).toHaveLength(3);
    expect(packages).toEqual(
      expect.arrayContaining([
        { repo: one, package: "dev-go/a" },
        { repo: one, package: "dev-go/b" },
        { repo: two, package: "dev-go/a" },
      ]),
    );
    expect(index.counts()).toEqual({ manifests: 3, distfiles: 1 });
  });

  test("tell one name with two digests, sorted by digest, also within one Manifest", async () => {
    const repo = await temporaryDirectory();
    await writeManifest(repo, "app-misc/a", dist("v1.tar.gz", "of a"));
    await writeManifest(repo, "app-misc/b", dist("v1.tar.gz", "of b"), dist("v1.tar.gz", "of b as well"));
    const index = await startIndex(await database(), [repo]);
    const digests = [digestFor("of a"), digestFor("of b"), digestFor("of b as well")].sort();
    expect((await index.byName("v1.tar.gz")).map(({ digest }) => digest)).toEqual(digests);
  });

  test("tell one digest with two names, sorted", async () => {
    const repo = await temporaryDirectory();
    await writeManifest(repo, "app-misc/a", dist("z.tar", "same"), dist("y.tar", "same"));
    const index = await startIndex(await database(), [repo]);
    expect(await index.byDigest(digestFor("same"))).toMatchObject({ names: ["y.tar", "z.tar"], size: 4 });
  });

  test("tell the size that most Manifests name, where one of them is mistaken", async () => {
    const repo = await temporaryDirectory();
    const mistaken = dist("x.tar", "same").replace(" 4 ", " 5 ");
    await writeManifest(repo, "app-misc/a", mistaken);
    await writeManifest(repo, "app-misc/b", dist("x.tar", "same"));
    await writeManifest(repo, "app-misc/c", dist("y.tar", "same"), dist("x.tar", "same"));
    const index = await startIndex(await database(), [repo]);
    expect(await index.byDigest(digestFor("same"))).toMatchObject({ size: 4 });
    expect(await index.byName("x.tar")).toEqual([{ name: "x.tar", size: 4, digest: digestFor("same") }]);
  });

  test("tell what is named without a BLAKE2B digest, here or elsewhere", async () => {
    const repo = await temporaryDirectory();
    await writeManifest(repo, "app-misc/old", "DIST old.tar 3 SHA256 00", dist("new.tar"));
    await writeManifest(repo, "app-misc/other", dist("old.tar"));
    const index = await startIndex(await database(), [repo]);
    expect(await index.isUndigested("old.tar")).toBe(true);
    expect(await index.isUndigested("new.tar")).toBe(false);
    expect(await index.byName("old.tar")).toEqual([{ name: "old.tar", size: 7, digest: digestFor("old.tar") }]);
  });
});

describe("a repository", () => {
  test("is searched two directories deep; what is no category or hidden is left out", async () => {
    const repo = await temporaryDirectory();
    await writeManifest(repo, "app-misc/foo", dist("found.tar"));
    for (const other of [
      "metadata/x",
      "profiles/x",
      "distfiles/x",
      ".git/x",
      "app-misc/.hidden",
      "app-misc",
      "a/b/c",
    ]) {
      await writeManifest(repo, other, dist("not-found.tar"));
    }
    const index = await startIndex(await database(), [repo]);
    expect(await index.byName("not-found.tar")).toEqual([]);
    expect(index.counts().manifests).toBe(1);
  });

  test("has the name that it gives itself, else its directory's", async () => {
    const [named, nameless] = [await temporaryDirectory(), join(await temporaryDirectory(), "local")];
    await mkdir(nameless);
    await writeIn(named, "profiles/repo_name", "guru\n");
    await writeManifest(named, "app-misc/foo", dist("foo.tar"));
    const index = await startIndex(await database(), [named, nameless, named]);
    expect(index.repos).toEqual([
      { path: named, name: "guru", manifests: 1 },
      { path: nameless, name: "local", manifests: 0 },
    ]);
  });

  test("may be a link, and hold links to packages", async () => {
    const [dir, elsewhere] = [await temporaryDirectory(), await temporaryDirectory()];
    await writeManifest(elsewhere, "foo", dist("foo.tar"));
    await mkdir(join(dir, "repo", "app-misc"), { recursive: true });
    await symlink(join(elsewhere, "foo"), join(dir, "repo", "app-misc", "foo"));
    await symlink("repo", join(dir, "link"));
    const index = await startIndex(await database(), [join(dir, "link")]);
    const known = await index.byDigest(digestFor("foo.tar"));
    expect(known?.packages).toEqual([{ repo: join(dir, "link"), package: "app-misc/foo" }]);
  });
});

describe("its life", () => {
  test("is not ready before its first scan, and ready at once with what an earlier run left", async () => {
    const repo = await temporaryDirectory();
    await writeManifest(repo, "app-misc/foo", dist("foo.tar"));
    const db = await database();
    const first = new ManifestIndex({ db, log: silentLogger }, { repos: [repo] });
    expect(first.ready).toBe(false);
    await first.start();
    expect(first.ready).toBe(false);
    await first.catchUp();
    expect(first.ready).toBe(true);
    await first.stop();

    const second = new ManifestIndex({ db, log: silentLogger }, { repos: [repo] });
    await second.start();
    expect(second.ready).toBe(true);
    expect(second.counts()).toEqual({ manifests: 1, distfiles: 1 });
    expect(await second.byName("foo.tar")).toHaveLength(1);
    await second.stop();
  });

  test("start and stop may come twice, and again", async () => {
    const index = new ManifestIndex({ db: await database(), log: silentLogger });
    await index.start();
    await index.start();
    await index.stop();
    await index.stop();
    expect(await index.catchUp()).toBe(false);
    await index.start();
    await index.catchUp();
    expect(index.ready).toBe(true);
    await index.stop();
  });

  test("a repository that is no longer configured drops out", async () => {
    const [one, two] = [await temporaryDirectory(), await temporaryDirectory()];
    await writeManifest(one, "app-misc/one", dist("one.tar"));
    await writeManifest(two, "app-misc/two", dist("two.tar"));
    const db = await database();
    await (await startIndex(db, [one, two])).stop();
    const index = await startIndex(db, [two]);
    expect(await index.byName("one.tar")).toEqual([]);
    expect(await index.byName("two.tar")).toHaveLength(1);
    expect(index.counts()).toEqual({ manifests: 1, distfiles: 1 });
  });
});
