import { randomBytes } from "node:crypto";
import { chmod, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openDatabase } from "../../src/core/database.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { mountDisk } from "../store/support/tmpfs.ts";
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
