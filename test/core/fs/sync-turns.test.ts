import { expect, test, vi } from "vitest";
import { syncInTurn } from "../../../src/core/fs/sync-turns.ts";

/** Each fsync that has begun, in order, and how it ends. */
const begun = vi.hoisted(() => [] as { readonly fd: number; readonly end: (error: Error | null) => void }[]);

vi.mock("node:fs", async (original) => ({
  ...(await original<object>()),
  fsync: (fd: number, end: (error: Error | null) => void) => void begun.push({ fd, end }),
}));

test("two at once reach the disk; of those that wait, the first are those that end a commit", async () => {
  const order = (): number[] => begun.map(({ fd }) => fd);
  const syncs = [1, 2, 3].map((fd) => syncInTurn(fd));
  const urgent = syncInTurn(4, { first: true });
  expect(order()).toEqual([1, 2]);

  begun[1]!.end(new Error("EIO"));
  await expect(syncs[1]).rejects.toThrow("EIO");
  await expect.poll(order).toEqual([1, 2, 4]);
  begun[2]!.end(null);
  await urgent;
  await expect.poll(order).toEqual([1, 2, 4, 3]);
  for (const { end } of begun) end(null);
  await Promise.all([syncs[0], syncs[2]]);
});
