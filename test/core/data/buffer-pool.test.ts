import { expect, test } from "vitest";
import { BufferPool } from "../../../src/core/data/buffer-pool.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

test("a buffer holds what was asked for, and serves the next loan when its own has ended", () => {
  const pool = new BufferPool();
  const first = pool.lend();
  const buffers = [1, 64 * KIB, 100 * KIB, 512 * KIB, MIB, 3 * MIB].map((bytes) => first.take(bytes));
  expect(buffers.map(({ length }) => length)).toEqual([64, 64, 256, 512, 1024, 3072].map((kib) => kib * KIB));
  first.end();
  expect(pool.lend().take(200 * KIB)).toBe(buffers[2]);
  expect(pool.lend().take(200 * KIB)).toBe(buffers[3]); // an idle one that is larger, before a new one
});

test("no two loans have the same buffer, also when one of them ended twice", () => {
  const pool = new BufferPool();
  const loan = pool.lend();
  loan.take(MIB);
  loan.end();
  loan.end();
  const [one, other] = [pool.lend().take(MIB), pool.lend().take(MIB)];
  expect(one === other).toBe(false);
});

test("of a thousand idle buffers only some are kept", () => {
  const pool = new BufferPool();
  const crowd = pool.lend();
  const all = new Set(Array.from({ length: 1000 }, () => crowd.take(MIB)));
  crowd.end();
  const next = pool.lend();
  const again = Array.from({ length: 1000 }, () => next.take(MIB)).filter((buffer) => all.has(buffer));
  expect(again.length).toBe(16);
});
