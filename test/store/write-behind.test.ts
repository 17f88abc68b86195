import { expect, test } from "vitest";
import { WriteBehind } from "../../src/store/write-behind.ts";

const LOT = Buffer.alloc(256 * 1024);

test("once it is closed it takes and writes nothing more, not even what waited for a write before", async () => {
  let finishWrite = (): void => {};
  const writing = new Promise<void>((resolve) => (finishWrite = resolve));
  const written: number[] = [];
  const write = (bytes: Uint8Array, position: number): Promise<void> => {
    written.push(position);
    expect(bytes.length).toBe(LOT.length);
    return writing;
  };
  const behind = new WriteBehind(write, { size: 8 * LOT.length });
  await behind.add(LOT);
  await behind.add(LOT); // the first lot is being written now
  const waiting = [behind.add(LOT), behind.flush()].map((work) => expect(work).rejects.toThrow("given back"));
  const closed = behind.close();
  finishWrite();
  await Promise.all([closed, ...waiting]);
  await expect(behind.add(LOT)).rejects.toThrow("given back");
  expect(() => behind.read(0, 1)).toThrow("given back");
  expect(written).toEqual([0]);
});
