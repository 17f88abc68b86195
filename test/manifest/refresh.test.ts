import { once } from "node:events";
import { mkdir, rename, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { silentLogger } from "../../src/core/logger.ts";
import { ManifestIndex } from "../../src/manifest/manifest-index.ts";
import {
  database,
  digestFor,
  dist,
  nextChange,
  recordingLogger,
  settle,
  startIndex,
  temporaryDirectory,
  writeIn,
  writeManifest,
} from "./tree.ts";

/** Milliseconds; scans that nothing hinted at come 5 s apart at least. */
const BEFORE_NEXT_INTERVAL = 4_000;

describe("catching up", () => {
  test("sees a Manifest that was replaced, and only then says that something changed", async () => {
    const repo = await temporaryDirectory();
    await writeManifest(repo, "app-misc/foo", dist("foo-1.tar"), dist("kept.tar"));
    const index = await startIndex(await database(), [repo]);
    expect(await index.catchUp()).toBe(false);

    await writeManifest(repo, "app-misc/foo", dist("kept.tar"), dist("foo-2.tar"));
    expect(await index.catchUp()).toBe(true);
    expect(await index.byName("foo-1.tar")).toEqual([]);
    expect(await index.byDigest(digestFor("foo-1.tar"))).toBeUndefined();
    expect(await index.byName("foo-2.tar")).toHaveLength(1);
    expect(await index.byName("kept.tar")).toHaveLength(1);
    expect(index.counts()).toEqual({ manifests: 1, distfiles: 2 });
  });

  test("sees an edit in place that keeps size and time, at once after the last one", async () => {
    const repo = await temporaryDirectory();
    await writeManifest(repo, "app-misc/foo", dist("foo-1.tar"));
    const index = await startIndex(await database(), [repo]);
    const manifest = join(repo, "app-misc/foo/Manifest");
    for (const name of ["foo-2.tar", "foo-3.tar", "foo-4.tar"]) {
      await writeFile(manifest, `${dist(name)}\n`);
      await utimes(manifest, 1_700_000_000, 1_700_000_000);
      expect(await index.catchUp()).toBe(true);
      expect(await index.byName(name)).toHaveLength(1);
    }
    expect(index.counts().distfiles).toBe(1);
  });

  test("forgets a deleted package, but not what others say of the same file", async () => {
    const repo = await temporaryDirectory();
    await writeManifest(repo, "app-misc/gone", dist("shared.tar"), dist("gone.tar"));
    await writeManifest(repo, "app-misc/kept", dist("shared.tar"));
    const index = await startIndex(await database(), [repo]);
    await rm(join(repo, "app-misc/gone"), { recursive: true });
    expect(await index.catchUp()).toBe(true);
    expect(await index.byName("gone.tar")).toEqual([]);
    expect((await index.byDigest(digestFor("shared.tar")))?.packages).toEqual([{ repo, package: "app-misc/kept" }]);
    expect(index.counts()).toEqual({ manifests: 1, distfiles: 1 });
  });

  test("reads only what changed", async () => {
    const repo = await temporaryDirectory();
    for (let n = 0; n < 20; n++) await writeManifest(repo, `app-misc/p${n}`, dist(`p${n}.tar`));
    const index = await startIndex(await database(), [repo]);
    await settle(index);
    await writeManifest(repo, "app-misc/p7", dist("p7.tar"), dist("p7-more.tar"));
    const refreshed = once(index, "refreshed");
    await index.catchUp();
    expect(await refreshed).toEqual([{ changed: true, read: 1 }]);
  });

  test("of a Manifest that only looks changed is no change", async () => {
    const repo = await temporaryDirectory();
    await writeManifest(repo, "app-misc/foo", dist("foo.tar"));
    const index = await startIndex(await database(), [repo]);
    await settle(index);
    await writeManifest(repo, "app-misc/foo", dist("foo.tar"));
    const refreshed = once(index, "refreshed");
    expect(await index.catchUp()).toBe(false);
    expect(await refreshed).toEqual([{ changed: false, read: 1 }]);
  });

  test("is left by whoever cannot wait; the scan goes on", async () => {
    const repo = await temporaryDirectory();
    const index = await startIndex(await database(), [repo]);
    await writeManifest(repo, "app-misc/foo", dist("foo.tar"));
    const changed = nextChange(index);
    const impatient = new AbortController();
    const answer = index.catchUp({ signal: impatient.signal });
    impatient.abort();
    expect(await answer).toBe(false);
    await changed;
    expect(await index.byName("foo.tar")).toHaveLength(1);
    expect(await index.catchUp({ signal: AbortSignal.abort() })).toBe(false);
    expect(await index.catchUp({ signal: AbortSignal.timeout(60_000) })).toBe(false);
  });
});

test("look-ups go on during a refresh: each gives the old or the new answer", async () => {
  const repo = await temporaryDirectory();
  const write = async (version: string): Promise<void> => {
    for (let n = 0; n < 300; n++) {
      const own = Array.from({ length: 10 }, (_, line) => dist(`p${n}-${line}-${version}.tar`));
      await writeManifest(repo, `app-misc/p${n}`, dist(`p${n}.tar`, version), dist("steady.tar"), ...own);
    }
  };
  await write("old");
  const index = await startIndex(await database(), [repo]);
  await write("new");
  const over = new AbortController();
  const refreshed = index.catchUp().finally(() => over.abort());
  const seen = new Set<string>();
  while (!over.signal.aborted) {
    const [moving, ...others] = await index.byName("p150.tar");
    expect(others).toEqual([]);
    seen.add(moving!.digest);
    expect((await index.byDigest(digestFor("steady.tar")))?.packages).toHaveLength(300);
    expect(index.ready).toBe(true);
  }
  expect(await refreshed).toBe(true);
  expect([...seen].every((digest) => [digestFor("old"), digestFor("new")].includes(digest as never))).toBe(true);
  expect(await index.byName("p150.tar")).toMatchObject([{ digest: digestFor("new") }]);
});

test("a scan that was broken off is taken up where it stopped", async () => {
  const repo = await temporaryDirectory();
  const total = 1_500;
  for (let n = 0; n < total; n++) await writeManifest(repo, `c${n % 10}/p${n}`, dist(`p${n}.tar`), dist(`q${n}.tar`));
  const db = await database();
  const broken = new ManifestIndex({ db, log: silentLogger }, { repos: [repo] });
  await broken.start();
  while (broken.counts().manifests === 0) await setImmediate();
  await broken.stop();
  expect(broken.ready).toBe(false);

  const index = new ManifestIndex({ db, log: silentLogger }, { repos: [repo] });
  onTestFinished(() => index.stop());
  const refreshed = once(index, "refreshed");
  await index.start();
  expect(index.counts().manifests).toBeGreaterThan(0);
  const [{ read }] = (await refreshed) as [{ read: number }];
  expect(read).toBeGreaterThan(0);
  expect(read).toBeLessThan(total);
  expect(index.counts()).toEqual({ manifests: total, distfiles: 2 * total });
  expect(await index.byName("q1499.tar")).toHaveLength(1);
});

describe("by itself", () => {
  /** Runs `sync` and waits until a scan has seen it; how long that took, in milliseconds. */
  async function timeToNotice(index: ManifestIndex, sync: () => Promise<void>): Promise<number> {
    const changed = nextChange(index);
    await sync();
    const began = performance.now();
    await changed;
    return performance.now() - began;
  }

  test.each([
    ["webrsync or rsync, by the timestamp", "metadata/timestamp.x"],
    ["git, by its own files", ".git/FETCH_HEAD"],
    ["whatever touches the top", "Manifest"],
  ])("it notices a sync by %s, before the next scan is due", async (_kind, touched) => {
    const repo = await temporaryDirectory();
    await writeIn(repo, touched, "before\n");
    const index = await startIndex(await database(), [repo]);
    const noticed = await timeToNotice(index, async () => {
      await writeManifest(repo, "app-misc/foo", dist("foo.tar"));
      await writeIn(repo, touched, "after\n");
    });
    expect(noticed).toBeLessThan(BEFORE_NEXT_INTERVAL);
    expect(await index.byName("foo.tar")).toHaveLength(1);
  });

  test("it notices a sync that puts another directory in the place of the repository, and the next one too", async () => {
    const dir = await temporaryDirectory();
    const repo = join(dir, "repo");
    await writeManifest(repo, "app-misc/foo", dist("foo-1.tar"));
    await writeManifest(join(dir, "fresh"), "app-misc/foo", dist("foo-2.tar"));
    const index = await startIndex(await database(), [repo]);
    const swapped = await timeToNotice(index, async () => {
      await rename(repo, join(dir, "old"));
      await rename(join(dir, "fresh"), repo);
    });
    expect(swapped).toBeLessThan(BEFORE_NEXT_INTERVAL);
    expect(await index.byName("foo-1.tar")).toEqual([]);
    expect(await index.byName("foo-2.tar")).toHaveLength(1);

    const again = await timeToNotice(index, async () => {
      await writeManifest(repo, "app-misc/foo", dist("foo-3.tar"));
      await writeIn(repo, "sync-mark", "");
    });
    expect(again).toBeLessThan(BEFORE_NEXT_INTERVAL);
    expect(await index.byName("foo-3.tar")).toHaveLength(1);
  });

  test("it notices an edit by hand that gives no hint", async () => {
    const repo = await temporaryDirectory();
    await writeManifest(repo, "app-misc/foo", dist("foo-1.tar"));
    const index = await startIndex(await database(), [repo]);
    await timeToNotice(index, () => writeManifest(repo, "app-misc/foo", dist("foo-2.tar")));
    expect(await index.byName("foo-2.tar")).toHaveLength(1);
  });
});

describe("a repository that is not there", () => {
  test("is named in one warning, and picked up when it comes", async () => {
    const repo = join(await temporaryDirectory(), "later");
    const { log, messages } = recordingLogger();
    const index = await startIndex(await database(), [repo], log);
    await index.catchUp();
    expect(index.ready).toBe(true);
    expect(messages).toEqual([expect.stringContaining(repo)]);
    expect(index.problems()).toEqual(messages);

    await writeManifest(repo, "app-misc/foo", dist("foo.tar"));
    expect(await index.catchUp()).toBe(true);
    expect(index.problems()).toEqual([]);
    expect(messages).toHaveLength(1);
  });

  test("any more keeps its answers until it is back: it may be in the middle of a swap", async () => {
    const dir = await temporaryDirectory();
    const repo = join(dir, "repo");
    await writeManifest(repo, "app-misc/foo", dist("foo.tar"));
    const index = await startIndex(await database(), [repo]);
    await rename(repo, join(dir, "away"));
    expect(await index.catchUp()).toBe(false);
    expect(await index.byName("foo.tar")).toHaveLength(1);
    await mkdir(repo);
    expect(await index.catchUp()).toBe(true);
    expect(await index.byName("foo.tar")).toEqual([]);
  });
});
