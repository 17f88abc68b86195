import { crc32 } from "node:zlib";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import { BlobHash, CHUNK_BYTES, chunkCount, parseSums } from "../../src/store/chunk-sums.ts";
import { makeBlob } from "./support/harness.ts";

test("digest and chunk sums are the same however the bytes are cut", () => {
  const { bytes } = makeBlob(2 * CHUNK_BYTES + 100_000);
  const chunks = Array.from({ length: chunkCount(bytes.length) }, (_, i) =>
    crc32(bytes.subarray(i * CHUNK_BYTES, (i + 1) * CHUNK_BYTES)),
  );
  fc.assert(
    fc.property(fc.array(fc.nat(bytes.length), { maxLength: 6 }), (cuts) => {
      const hash = new BlobHash();
      const edges = [0, ...cuts.sort((x, y) => x - y), bytes.length];
      edges.slice(1).forEach((end, i) => hash.update(bytes.subarray(edges[i], end)));
      const { digest, sums } = hash.finish();
      expect(digest).toBe(digestOf(bytes));
      expect(parseSums(sums)).toEqual(chunks);
    }),
    { numRuns: 20 },
  );
});

test("an empty blob has a digest and no chunks", () => {
  const { digest, sums } = new BlobHash().finish();
  expect(digest).toBe(digestOf(Buffer.alloc(0)));
  expect(parseSums(sums)).toEqual([]);
});
