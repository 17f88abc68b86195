import { crc32 } from "node:zlib";
import * as fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import { BlobHash, CHUNK_BYTES, chunkCount, parseSums } from "../../src/store/chunk-sums.ts";
import { HashThread } from "../../src/store/hash-thread.ts";
import { ThreadedHash } from "../../src/store/threaded-hash.ts";
import { makeBlob } from "./support/harness.ts";

function startThread(): HashThread {
  const thread = new HashThread();
  onTestFinished(() => thread.stop());
  return thread;
}

/** The two ways to hash, on the spot and in a thread. */
const WAYS: [string, () => () => BlobHash | ThreadedHash][] = [
  ["on the spot", () => () => new BlobHash()],
  [
    "in a thread",
    () => {
      const thread = startThread();
      return () => new ThreadedHash(thread);
    },
  ],
];

test.each(WAYS)("digest and chunk sums are the same however the bytes are cut, %s", async (_where, start) => {
  const newHash = start();
  const { bytes } = makeBlob(2 * CHUNK_BYTES + 100_000);
  const chunks = Array.from({ length: chunkCount(bytes.length) }, (_, i) =>
    crc32(bytes.subarray(i * CHUNK_BYTES, (i + 1) * CHUNK_BYTES)),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 6 }), async (cuts) => {
      const hash = newHash();
      const edges = [0, ...cuts.sort((x, y) => x - y), bytes.length];
      for (const [i, end] of edges.slice(1).entries()) {
        const piece = Buffer.from(bytes.subarray(edges[i], end));
        await hash.update(piece);
        piece.fill(0); // it was only lent
      }
      const { digest, sums } = await hash.finish();
      expect(digest).toBe(digestOf(bytes));
      expect(parseSums(sums)).toEqual(chunks);
    }),
    { numRuns: 20 },
  );
});

test.each(WAYS)("an empty blob has a digest and no chunks, %s", async (_where, start) => {
  const { digest, sums } = await start()().finish();
  expect(digest).toBe(digestOf(Buffer.alloc(0)));
  expect(parseSums(sums)).toEqual([]);
});

test("one thread hashes several blobs at once", async () => {
  const thread = startThread();
  const blobs = [1, 2, 3].map((seed) => makeBlob(3 * CHUNK_BYTES, seed));
  const digests = blobs.map(async ({ bytes }) => {
    const hash = new ThreadedHash(thread);
    await hash.update(bytes);
    return (await hash.finish()).digest;
  });
  expect(await Promise.all(digests)).toEqual(blobs.map(({ digest }) => digest));
});

test("who waits for a thread that ends is told, and the next blob gets another thread", async () => {
  const thread = startThread();
  const hash = new ThreadedHash(thread);
  const { bytes, digest } = makeBlob(5 * CHUNK_BYTES);
  const hashed = hash.update(bytes).then(() => hash.finish());
  await Promise.all([
    thread.stop(),
    expect(hashed).rejects.toMatchObject({
      code: "STORE_UNUSABLE",
      message: expect.stringContaining("the hashing thread ended"),
    }),
  ]);
  const next = new ThreadedHash(thread);
  await next.update(bytes);
  expect((await next.finish()).digest).toBe(digest);
});
