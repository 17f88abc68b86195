import { once } from "node:events";
import { mkdir, open, readdir, symlink, truncate } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { openDatabase, type Database } from "../../src/core/database.ts";
import { DistswarmError, hasCode } from "../../src/core/errors.ts";
import { ManifestIndex } from "../../src/manifest/manifest-index.ts";
import { describeRepo } from "../../src/manifest/problems.ts";
import { Tables } from "../../src/manifest/tables.ts";
import {
  database,
  digestFor,
  dist,
  recordingLogger,
  settle,
  startIndex,
  temporaryDirectory,
  writeManifest,
} from "./tree.ts";

// As it is, but for the one test that takes the open files away.
vi.mock("node:fs/promises", { spy: true });

describe("a damaged Manifest line", () => {
  const damaged = "DIST bad.tar 12x BLAKE2B 00";

  test("is warned of once, with file and line, and listed until it is mended", async () => {
    const repo = await temporaryDirectory();
    const manifest = join(repo, "app-misc/foo/Manifest");
    await writeManifest(repo, "app-misc/foo", dist("good.tar"), damaged, dist("fine.tar"));
    const { log, messages } = recordingLogger();
    const db = await database();
    const index = await startIndex(db, [repo], log);
    const line = `${manifest}:2: the size is not a number of bytes: 12x`;
    expect(messages).toEqual([line]);
    expect(index.problems()).toEqual([line]);
    expect(await index.byName("good.tar")).toHaveLength(1);
    expect(await index.byName("fine.tar")).toHaveLength(1);

    await writeManifest(repo, "app-misc/foo", dist("good.tar"), dist("more.tar"), damaged);
    await index.catchUp();
    await index.stop();
    const next = await startIndex(db, [repo], log);
    expect(messages).toEqual([line]);
    expect(next.problems()).toEqual([`${manifest}:3: the size is not a number of bytes: 12x`]);

    await writeManifest(repo, "app-misc/foo", dist("good.tar"));
    await next.catchUp();
    expect(next.problems()).toEqual([]);
  });

  test("is one of a hundred that are listed, however many there are", async () => {
    const repo = await temporaryDirectory();
    for (let n = 0; n < 60; n++) await writeManifest(repo, `app-misc/p${n}`, damaged, damaged);
    const index = await startIndex(await database(), [repo]);
    expect(index.problems()).toHaveLength(101);
    expect(index.problems().at(-1)).toBe("and 20 more damaged Manifest lines");
  });
});

describe("a Manifest that cannot be read", () => {
  test("is told once, keeps its old lines, and counts again when it can", async () => {
    const repo = await temporaryDirectory();
    await writeManifest(repo, "app-misc/foo", dist("foo.tar"));
    const { log, messages } = recordingLogger();
    const index = await startIndex(await database(), [repo], log);
    await truncate(join(repo, "app-misc/foo/Manifest"), 2 ** 30);
    await index.catchUp();
    await index.catchUp();
    const line = `${join(repo, "app-misc/foo/Manifest")}: too large: 1.00 GiB`;
    expect(messages).toEqual([line]);
    expect(index.problems()).toEqual([line]);
    expect(await index.byName("foo.tar")).toHaveLength(1);

    await writeManifest(repo, "app-misc/foo", dist("foo-2.tar"));
    expect(await index.catchUp()).toBe(true);
    expect(await index.byName("foo.tar")).toEqual([]);
    expect(index.problems()).toEqual([]);
  });

  test("for want of open files is read at the next scan, though it is the same", async () => {
    const repo = await temporaryDirectory();
    await writeManifest(repo, "app-misc/foo", dist("foo.tar"));
    await settle(await startIndex(await database(), [repo]));
    const { open: openFile } = await vi.importActual<{ open: typeof open }>("node:fs/promises");
    const lack = Object.assign(new Error("EMFILE: too many open files"), { code: "EMFILE" });
    vi.mocked(open).mockImplementation(async (path, ...how) => {
      if (String(path).endsWith("/Manifest")) throw lack;
      return openFile(path, ...how);
    });
    onTestFinished(() => void vi.mocked(open).mockReset());
    const index = await startIndex(await database(), [repo]);
    expect(index.problems()).toEqual([expect.stringContaining("EMFILE")]);
    vi.mocked(open).mockReset();
    await index.catchUp();
    expect(index.problems()).toEqual([]);
    expect(await index.byName("foo.tar")).toHaveLength(1);
  });

  test("is one of more lines than any has, which would take the agent minutes", async () => {
    const repo = await temporaryDirectory();
    const lines = Array.from({ length: 50_001 }, (_, number) => `DIST ${number} 1`);
    await writeManifest(repo, "app-misc/foo", ...lines);
    const index = await startIndex(await database(), [repo]);
    expect(index.problems()).toEqual([`${join(repo, "app-misc/foo/Manifest")}: more than 50000 DIST lines`]);
  });

  test("hides no other one of its repository", async () => {
    const repo = await temporaryDirectory();
    await writeManifest(repo, "app-misc/foo", dist("foo.tar"));
    await mkdir(join(repo, "app-misc/loop"));
    await symlink("Manifest", join(repo, "app-misc/loop/Manifest"));
    await symlink("loop", join(repo, "loop"));
    const { log, messages } = recordingLogger();
    const index = await startIndex(await database(), [repo], log);
    expect(await index.byName("foo.tar")).toHaveLength(1);
    expect(messages).toEqual([expect.stringMatching(/^cannot read all of the repository .*ELOOP/)]);
  });
});

test("a repository that the agent may not read is named with what lets it", () => {
  const state = { path: "/home/me/overlay", name: "overlay", manifests: 0 };
  const refused = describeRepo({ ...state, error: "EACCES: permission denied, scandir '/home/me/overlay'" });
  expect(refused).toContain("ProtectHome=read-only");
  expect(describeRepo({ ...state, error: "ELOOP: too many symbolic links" })).not.toContain("ProtectHome");
  expect(describeRepo(state)).toBeUndefined();
});

test("a database that takes no writes is told of once, and no more when it does again", async () => {
  const repo = await temporaryDirectory();
  const { log, messages } = recordingLogger();
  const index = await startIndex(await database(), [repo], log);
  const full = new DistswarmError("STORE_UNUSABLE", "cannot write the database: no space left");
  const write = vi.spyOn(Tables.prototype, "write").mockRejectedValue(full);
  onTestFinished(() => write.mockRestore());
  await writeManifest(repo, "app-misc/foo", dist("foo.tar"));
  for (let round = 1; round <= 3; round += 1) await index.catchUp();
  expect(messages).toEqual([expect.stringContaining("no space left; it is tried again")]);
  expect(index.problems()).toEqual(messages);

  write.mockRestore();
  expect(await index.catchUp()).toBe(true);
  expect(index.problems()).toEqual([]);
  expect(await index.byName("foo.tar")).toHaveLength(1);
});

describe("a damaged database", () => {
  /** Overwrites the value of every record whose key holds `part`, beneath the index. */
  async function damage(db: Database, part: string, value: string): Promise<void> {
    for (const key of await keysWith(db, part)) await db.put(key, value, { valueEncoding: "utf8" });
  }

  async function keysWith(db: Database, part: string): Promise<string[]> {
    const hit = (await db.keys().all()).filter((key) => key.includes(part));
    expect(hit.length).toBeGreaterThan(0);
    return hit;
  }

  async function indexOfOne(): Promise<{ db: Database; repo: string; index: ManifestIndex; messages: string[] }> {
    const [db, repo] = [await database(), await temporaryDirectory()];
    const { log, messages } = recordingLogger();
    await writeManifest(repo, "app-misc/foo", dist("foo.tar"));
    return { db, repo, index: await startIndex(db, [repo], log), messages };
  }

  test.each(["!names!", "!digests!"])("met by a look-up in %s is built anew; the look-up says so", async (table) => {
    const { db, index, messages } = await indexOfOne();
    await damage(db, table, "\0\0");
    const lookUp = table === "!names!" ? index.byName("foo.tar") : index.byDigest(digestFor("foo.tar"));
    const rebuilt = once(index, "refreshed");
    await expect(lookUp).rejects.toSatisfy((error) => hasCode(error, "INDEX_NOT_READY"));
    expect(index.ready).toBe(false);
    await rebuilt;
    expect(index.ready).toBe(true);
    expect(await index.byName("foo.tar")).toHaveLength(1);
    expect(await index.byDigest(digestFor("foo.tar"))).toBeDefined();
    expect(messages).toEqual([expect.stringMatching(/^the Manifest index cannot be used .*building it anew$/)]);
  });

  test("met by a refresh is built anew", async () => {
    const { db, repo, index, messages } = await indexOfOne();
    await damage(db, "!lines!", "\0\0");
    await writeManifest(repo, "app-misc/foo", dist("foo-2.tar"));
    const rebuilt = once(index, "refreshed");
    await index.catchUp();
    await rebuilt;
    expect(await index.byName("foo.tar")).toEqual([]);
    expect(await index.byName("foo-2.tar")).toHaveLength(1);
    expect(messages).toHaveLength(1);
  });

  test.each([
    ["!manifests!", "{"],
    ["!manifests!", "{}"],
    ["!state!", "nonsense"],
    ["!state!", '{"format":999}'],
  ])("met at the start in %s (%s) is built anew", async (table, value) => {
    const { db, repo, index } = await indexOfOne();
    await index.stop();
    await damage(db, table, value);
    const next = await startIndex(db, [repo]);
    expect(next.ready).toBe(true);
    expect(await next.byName("foo.tar")).toHaveLength(1);
    expect(next.counts()).toEqual({ manifests: 1, distfiles: 1 });
  });

  test("that was being taken apart when the agent was killed is built anew", async () => {
    const { db, repo, index } = await indexOfOne();
    await index.stop();
    const killed = async (): Promise<never> => {
      await db.batch((await keysWith(db, "!digests!")).map((key) => ({ type: "del", key })));
      throw new Error("killed");
    };
    const tables = new Tables(db);
    vi.spyOn(db, "sublevel").mockReturnValueOnce({ clear: killed } as never);
    await expect(tables.reset()).rejects.toThrow("killed");
    const next = await startIndex(db, [repo]);
    expect(await next.byDigest(digestFor("foo.tar"))).toBeDefined();
  });

  test("is not what a look-up meets that the database cannot answer now", async () => {
    const { index, messages } = await indexOfOne();
    const shortage = { code: "LEVEL_IO_ERROR", message: "IO error: /db/000005.ldb: Too many open files" };
    vi.spyOn(Tables.prototype, "byName").mockRejectedValueOnce(Object.assign(new Error(), shortage));
    await expect(index.byName("foo.tar")).rejects.toSatisfy((error) => hasCode(error, "INDEX_NOT_READY"));
    expect(index.ready).toBe(true);
    expect(await index.byName("foo.tar")).toHaveLength(1);
    expect(messages).toEqual([]);
  });

  test("is not what a start meets that cannot read what the last run knew: it is refused, lest lines that are gone stay", async () => {
    const { db, repo, index } = await indexOfOne();
    await index.stop();
    await db.close();
    await expect(new ManifestIndex({ db, log: recordingLogger().log }, { repos: [repo] }).start()).rejects.toThrow(
      "not open",
    );
  });

  test("with files cut short says so, and is set aside when it is opened next", async () => {
    const [state, repo] = [await temporaryDirectory(), await temporaryDirectory()];
    const dir = join(state, "db");
    await writeManifest(repo, "app-misc/foo", dist("foo.tar"));
    const { log, messages, errors } = recordingLogger();
    const first = await openDatabase(dir, log);
    await (await startIndex(first, [repo], log)).stop();
    await first.close();
    // Opened once more, leveldb moves what its journal held into a table.
    await (await openDatabase(dir, log)).close();
    const tables = (await readdir(dir)).filter((name) => name.endsWith(".ldb"));
    for (const name of tables) await truncate(join(dir, name), 100);

    const damaged = await openDatabase(dir, log);
    const index = new ManifestIndex({ db: damaged, log }, { repos: [repo] });
    const condemned = once(index, "condemned");
    await index.start();
    await condemned;
    expect(index.ready).toBe(false);
    expect(index.problems()).toEqual([expect.stringMatching(/^the database is damaged .*: restart the agent/)]);
    await expect(index.byName("foo.tar")).rejects.toSatisfy((error) => hasCode(error, "INDEX_NOT_READY"));
    await index.stop();
    await damaged.close();

    const anew = await openDatabase(dir, log);
    onTestFinished(() => anew.close());
    expect(messages.at(-1)).toMatch(/^the database was damaged .*; set aside as /);
    const reasons = messages.map((message) => /^the database (?:is|was) damaged \((.+?)\)[:;]/.exec(message)?.[1]);
    expect(new Set(reasons).size).toBe(1);
    expect(errors).toEqual([]); // where in leveldb's binding it was thrown helps nobody
    const next = await startIndex(anew, [repo], log);
    expect(await next.byName("foo.tar")).toHaveLength(1);
  });
});
