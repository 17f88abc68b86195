import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import { MEMORY_SPOOL_BYTES, MemorySpool } from "../../src/retrieve/spool.ts";

const CHUNK = Buffer.alloc(2 ** 20);
const CHUNKS = 40;
/** More than a reader is waited for. */
const LONG_MS = 60_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A spool that is too small for its blob, with readers at these positions. */
function spoolWith(positions: number[], signal = new AbortController().signal): MemorySpool {
  const size = CHUNK.length * CHUNKS;
  return new MemorySpool({ digest: digestOf(CHUNK), size }, { positions: () => positions, signal });
}

async function writeAll(spool: MemorySpool): Promise<void> {
  while (spool.received < CHUNK.length * CHUNKS) await spool.write(CHUNK);
}

/** A reader that takes what comes, until it has all. */
async function readAll(spool: MemorySpool, positions: number[], reader: number): Promise<void> {
  for (; positions[reader]! < CHUNK.length * CHUNKS; await vi.advanceTimersByTimeAsync(1)) {
    positions[reader]! += (await spool.read(positions[reader]!, CHUNK.length)).length;
    spool.readerMoved();
  }
}

test("a reader that stops holds up no other one for ever, and finds its bytes gone", async () => {
  const positions = [0, 0];
  const spool = spoolWith(positions);
  const written = writeAll(spool);
  const read = readAll(spool, positions, 1);
  await vi.advanceTimersByTimeAsync(1000);
  expect(spool.received).toBe(MEMORY_SPOOL_BYTES);
  await vi.advanceTimersByTimeAsync(LONG_MS);
  await Promise.all([written, read]);
  expect(await spool.read(0, 1)).toHaveLength(0);
});

test("a slow reader is waited for as long as it goes on", async () => {
  const positions = [0];
  const spool = spoolWith(positions);
  const written = writeAll(spool);
  while (positions[0]! < CHUNK.length * CHUNKS) {
    await vi.advanceTimersByTimeAsync(30_000);
    const bytes = await spool.read(positions[0]!, CHUNK.length);
    expect(bytes).toHaveLength(CHUNK.length);
    positions[0]! += bytes.length;
    spool.readerMoved();
  }
  await written;
});

test("where every reader has stopped, nothing more is taken for them", async () => {
  const spool = spoolWith([0, 5]);
  const written = expect(writeAll(spool)).rejects.toMatchObject({ code: "NO_SOURCE" });
  await vi.advanceTimersByTimeAsync(2 * LONG_MS);
  await written;
  expect(vi.getTimerCount()).toBe(0);
});

test("waiting for a reader ends with its flight", async () => {
  const flight = new AbortController();
  const written = expect(writeAll(spoolWith([0], flight.signal))).rejects.toThrow("over");
  await vi.advanceTimersByTimeAsync(1000);
  flight.abort(new Error("over"));
  await written;
  expect(vi.getTimerCount()).toBe(0);
});
