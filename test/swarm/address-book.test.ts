import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { openDatabase } from "../../src/core/database.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { AddressBook } from "../../src/swarm/discovery/address-book.ts";

/** An empty book, and its database. */
async function openBook() {
  const dir = await mkdtemp(join(tmpdir(), "distswarm-book-"));
  const db = await openDatabase(join(dir, "db"), silentLogger);
  onTestFinished(async () => {
    await db.close();
    await rm(dir, { recursive: true });
  });
  return { db, book: new AddressBook({ db }) };
}

const PLACE = { host: "10.0.0.2", port: 8481 };

test("the address book stays bounded while members come and go, not only at the next start", async () => {
  const { db, book } = await openBook();
  for (let number = 0; number < 640; number += 1) await book.put(`box ${number}`, PLACE);
  expect(await db.keys().all()).toHaveLength(256);
});

test("the address book names who was seen last first, and forgets who was not seen for a month, or before 256 others", async () => {
  const { book } = await openBook();
  vi.useFakeTimers({ toFake: ["Date"], now: 0 });
  onTestFinished(() => void vi.useRealTimers());
  const seen = async (id: string, day: number): Promise<void> => {
    vi.setSystemTime(day * 24 * 3_600_000);
    await book.put(id, PLACE);
  };
  const known = async (): Promise<string[]> => (await book.load()).map(({ id }) => id);
  await seen("b", 1);
  await seen("a", 2);
  await seen("c", 31);
  expect(await known()).toEqual(["c", "a"]);
  for (let number = 0; number < 255; number += 1) await seen(`z${number}`, 31.5);
  await seen("c", 31.6);
  expect((await known()).toSorted()).toEqual(
    ["c", ...Array.from({ length: 255 }, (_, number) => `z${number}`)].toSorted(),
  );
});
