import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openDatabase } from "../../src/core/database.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { AddressBook } from "../../src/swarm/discovery/address-book.ts";

test("the address book stays bounded while members come and go, not only at the next start", async () => {
  const dir = await mkdtemp(join(tmpdir(), "distswarm-book-"));
  const db = await openDatabase(join(dir, "db"), silentLogger);
  onTestFinished(async () => {
    await db.close();
    await rm(dir, { recursive: true });
  });
  const book = new AddressBook({ db });
  for (let number = 0; number < 640; number += 1) await book.put(`box ${number}`, { host: "10.0.0.2", port: 8481 });
  expect(await db.keys().all()).toHaveLength(256);
});
