import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmod, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import { condemnDatabase, findSetAside, isDatabaseDamage, openDatabase } from "../../src/core/database.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { keepLog } from "../store/support/harness.ts";
import { mountDisk } from "../store/support/tmpfs.ts";
import { buildFile, buildForAll } from "../support/build.ts";
import { unprivileged } from "../support/unprivileged.ts";
import { tempDir } from "../support/temp-dir.ts";

const READ_ONLY = 0o400;
const OPEN_TO_ALL = 0o777;
const MIB = 2 ** 20;

test("a database that is another user's is named with the mend, and is not set aside as damaged", async () => {
  const dir = await tempDir();
  const db = join(dir, "db");
  await (await openDatabase(db, silentLogger)).close();
  await Promise.all([chmod(dir, OPEN_TO_ALL), chmod(db, OPEN_TO_ALL), chmod(join(db, "LOCK"), READ_ONLY)]);

  await expect(unprivileged(() => openDatabase(db, silentLogger))).rejects.toMatchObject({
    code: "STORE_UNUSABLE",
    message: expect.stringMatching(
      new RegExp(
        `^the user \\S+ may not read and write ${db}/LOCK \\(Permission denied\\): as root, run chown -R \\S+: ${dir}$`,
      ),
    ),
  });
  expect(await readdir(dir)).toEqual(["db"]);
});

test("a database that a full disk keeps from being opened makes way for a new one, and is not set aside as damaged", async (context) => {
  const disk = await mountDisk(context, 8 * MIB);
  const dir = join(disk.dir, "db");
  const before = await openDatabase(dir, silentLogger);
  await before.put("key", randomBytes(2 * MIB).toString("hex")); // lies in the log, which the next opening writes anew
  await before.close();
  await writeFile(join(disk.dir, "other"), Buffer.alloc(8 * MIB)).catch(() => {}); // all that is left

  const db = await openDatabase(dir, silentLogger);
  onTestFinished(() => db.close());
  await db.put("key", "value");
  expect(await db.get("key")).toBe("value");
  expect((await readdir(disk.dir)).toSorted()).toEqual(["db", "other"]);
});

const CHILD = "test/core/support/crowded-child";

describe("where no more files may be opened", () => {
  const built = buildForAll(() => buildFile(`${CHILD}.ts`));

  test("a database is not taken for damaged: it is read again later, and stays where it is", async () => {
    const state = await tempDir();
    const dir = join(state, "db");
    const before = await openDatabase(dir, silentLogger);
    await before.put("key", "value");
    await before.close();
    await (await openDatabase(dir, silentLogger)).close(); // now it lies in a table, which is opened at the first read

    const child = join(built.dir, `${CHILD}.js`);
    const { stdout } = await promisify(execFile)("sh", ["-c", 'ulimit -n 100; exec node "$0" "$1"', child, dir]);
    expect(JSON.parse(stdout)).toEqual({
      met: expect.stringContaining("Too many open files"),
      isDamage: false,
      later: "value",
      refused: expect.stringMatching(/cannot open the database .* \(IO error: .*Too many open files\): .*ulimit -n/),
    });
    expect(await readdir(state)).toEqual(["db"]);
  });
});

test("a database found damaged in use is set aside at its next opening, with the reason in one line", async () => {
  const state = await tempDir();
  const dir = join(state, "db");
  const { log, lines } = keepLog();
  const db = await openDatabase(dir, log);
  await condemnDatabase(db, new Error("Corruption: block checksum mismatch"));
  await db.close();
  await (await openDatabase(dir, log)).close();
  const [aside] = await findSetAside(dir);
  expect(lines).toEqual([
    `the database was damaged (Corruption: block checksum mismatch); set aside as ${aside}, a new one is being built`,
  ]);
});

test.each([
  ["No space left on device", false],
  ["Permission denied", false],
  ["Input/output error", true],
])("%s is damage of a database: %s", (reason, expected) => {
  const error = Object.assign(new Error(`IO error: /db/000004.log: ${reason}`), { code: "LEVEL_IO_ERROR" });
  expect(isDatabaseDamage(error)).toBe(expected);
});

test("on musl it is kept in memory: there leveldb for glibc loads, and ends the process at its first lock", async () => {
  const dir = await tempDir();
  const { execPath } = process;
  onTestFinished(() => void (process.execPath = execPath));
  process.execPath = join(dir, "node");
  await writeFile(process.execPath, "\u007fELF\0\0\0/lib/ld-musl-x86_64.so.1\0");
  const { log, lines } = keepLog();
  const db = await openDatabase(join(dir, "db"), log);
  await db.close();
  expect(lines.join()).toContain("built for glibc, and this Node for musl): it is kept in memory");
  expect(await readdir(dir)).toEqual(["node"]);
});
