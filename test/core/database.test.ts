import { chmod, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openDatabase } from "../../src/core/database.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { unprivileged } from "../support/unprivileged.ts";

const READ_ONLY = 0o400;
const OPEN_TO_ALL = 0o777;

test("a database that is another user's is named with the mend, and is not set aside as damaged", async () => {
  const dir = await mkdtemp(join(tmpdir(), "distswarm-database-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
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
