import { expect, test } from "vitest";
import { SyncAhead } from "../../src/store/sync-ahead.ts";
import { MIB } from "./support/harness.ts";

/** A file of which the syncs end as told. */
function fileOf(...outcomes: (Error | undefined)[]): { sync(): Promise<void>; readonly syncs: number } {
  let syncs = 0;
  return {
    get syncs() {
      return syncs;
    },
    async sync() {
      const outcome = outcomes[syncs++];
      if (outcome !== undefined) throw outcome;
    },
  };
}

test("a large file is made durable while it grows, a small one at its end alone", async () => {
  const [large, small] = [fileOf(), fileOf()];
  const [ofLarge, ofSmall] = [new SyncAhead(), new SyncAhead()];
  ofLarge.wrote(large, 64 * MIB);
  await expect.poll(() => large.syncs).toBe(1);
  ofSmall.wrote(small, 63 * MIB);
  await Promise.all([ofLarge.finish(large), ofSmall.finish(small)]);
  expect([large.syncs, small.syncs]).toEqual([2, 1]);
});

test("a fault on the way fails the end, though the system tells it only once", async () => {
  const file = fileOf(new Error("EIO"));
  const durable = new SyncAhead();
  for (let lot = 0; lot < 4; lot += 1) durable.wrote(file, 64 * MIB);
  await expect(durable.finish(file)).rejects.toThrow("EIO");
});
