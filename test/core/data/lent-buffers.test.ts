import { expect, test } from "vitest";
import { bufferPool } from "../../../src/core/data/buffer-pool.ts";
import { LentBuffers } from "../../../src/core/data/lent-buffers.ts";

const KIB = 1024;

/** What a read of so many bytes puts into the buffer. */
function filling(length: number, value: number): (into: Buffer) => Promise<Buffer> {
  return async (into) => into.fill(value).subarray(0, length);
}

test("a large piece stays as it was while the next one is read", async () => {
  const buffers = new LentBuffers(bufferPool.lend(), 256 * KIB);
  const first = await buffers.fill(filling(256 * KIB, 1));
  const second = await buffers.fill(filling(100 * KIB, 2));
  expect([first[0], first.length, second[0], second.length]).toEqual([1, 256 * KIB, 2, 100 * KIB]);
  await buffers.fill(filling(256 * KIB, 3));
  expect([first[0], second[0]]).toEqual([3, 2]);
});

test("small pieces stay as they were for good: a writer may keep several of them for later", async () => {
  const buffers = new LentBuffers(bufferPool.lend(), 256 * KIB);
  const small: Buffer[] = [];
  for (let value = 0; value < 5; value += 1) small.push(await buffers.fill(filling(5 * KIB, value)));
  expect(small.map((piece) => piece[0])).toEqual([0, 1, 2, 3, 4]);
});
