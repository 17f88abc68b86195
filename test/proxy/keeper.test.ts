import { expect, test } from "vitest";
import type { Ingest } from "../../src/core/blob-store.ts";
import { silentLogger } from "../../src/core/logger.ts";
import type { FileStore } from "../../src/store/file-store.ts";
import { Keeper } from "../../src/proxy/keeper.ts";
import { expectBytes, get, makeBlob, startStore } from "../store/support/harness.ts";

const blob = makeBlob(5000);
const distfile = { name: "a-1.0.tar.gz", ...blob };

/** A store in which a broken download has left a part of the blob. */
async function storeWithPartial(): Promise<FileStore> {
  const { store } = await startStore();
  const broken = await store.ingest(blob);
  await broken.write(blob.bytes.subarray(0, 2000));
  await broken.close({ keep: true });
  return store;
}

test("a passing body that is a known distfile is kept, and the keeper stops after that", async () => {
  const { store } = await startStore();
  const keeper = new Keeper({ store, log: silentLogger });
  const keeping = await keeper.begin([distfile], blob.size);
  const stopped = keeper.stop();
  await keeping!.tap(blob.bytes);
  await Promise.all([stopped, keeping!.end()]);
  expectBytes(await get(store, blob.digest), blob.bytes);
});

test("a passing body is kept as it came, whatever a broken download has left of the file", async () => {
  const store = await storeWithPartial();
  const keeper = new Keeper({ store, log: silentLogger });
  const keeping = await keeper.begin([distfile], blob.size);
  await keeping!.tap(blob.bytes);
  await keeping!.end();
  expectBytes(await get(store, blob.digest), blob.bytes);
});

test("a body that cannot be begun anew passes, and keeps nobody else from taking the file in", async () => {
  const store = await storeWithPartial();
  const keeper = new Keeper({
    log: silentLogger,
    store: {
      find: (digest) => store.find(digest),
      isIngesting: (digest) => store.isIngesting(digest),
      ingest: async (wanted) =>
        Object.assign(await store.ingest(wanted), { restart: () => Promise.reject(new Error("EIO")) }),
    },
  });
  expect(await keeper.begin([distfile], blob.size)).toBeUndefined();
  expect(store.isIngesting(blob.digest)).toBe(false);
  await keeper.stop();
});

test("a passing client waits for no flight, also not for one that begins in the same moment", async () => {
  const { store } = await startStore();
  const flights: Ingest[] = [];
  const keeper = new Keeper({
    log: silentLogger,
    store: {
      find: async (digest) => {
        flights.push(await store.ingest(blob));
        return store.find(digest);
      },
      isIngesting: (digest) => store.isIngesting(digest),
      ingest: (wanted) => store.ingest(wanted),
    },
  });
  expect(await keeper.begin([distfile], blob.size)).toBeUndefined();
  await flights[0]!.close({ keep: false });
  await keeper.stop();
});

test("a body of another length, or of one of two that it may be, is not kept", async () => {
  const { store } = await startStore();
  const keeper = new Keeper({ store, log: silentLogger });
  expect(await keeper.begin([distfile], blob.size + 1)).toBeUndefined();
  expect(await keeper.begin([distfile, { ...distfile, ...makeBlob(5000, "other") }], blob.size)).toBeUndefined();
  await keeper.stop();
});
