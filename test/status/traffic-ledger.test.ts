import { afterEach, expect, test, vi } from "vitest";
import { TrafficCounter } from "../../src/status/traffic-counter.ts";
import { TrafficLedger } from "../../src/status/traffic-ledger.ts";

const MINUTE_MS = 60_000;

afterEach(() => void vi.useRealTimers());

/** A ledger over one table and one clock, as after a start of the agent. */
function box() {
  const rows = new Map<string, never>();
  const disk = { isFull: false, writes: 0 };
  const table = {
    get: async (key: string) => rows.get(key),
    put: async (key: string, row: unknown) => {
      if (disk.isFull) throw new Error("no space");
      rows.set(key, row as never);
      disk.writes += 1;
    },
  };
  const clock = { now: new Date(2026, 10, 21, 23, 50) };
  const begin = async () => {
    let uploaded = { requests: 0, bytes: 0 };
    const counter = new TrafficCounter({ uploaded: () => uploaded });
    const upload = (bytes: number) => (uploaded = { requests: uploaded.requests + 1, bytes: uploaded.bytes + bytes });
    const ledger = new TrafficLedger({ counter, table }, { now: () => clock.now });
    await ledger.start();
    return { counter, ledger, upload };
  };
  return { clock, disk, begin };
}

test("what was counted before a restart still counts, today and in total", async () => {
  const { begin } = box();
  const first = await begin();
  first.counter.served("peer", 100);
  first.upload(5);
  await first.ledger.stop();
  const second = await begin();
  second.counter.served("peer", 20);
  const { today, total } = second.ledger.totals();
  expect([today.served.peer, today.uploaded]).toEqual([
    { requests: 2, bytes: 120 },
    { requests: 1, bytes: 5 },
  ]);
  expect(total).toEqual(today);
});

test("a full disk costs what was counted since, and does not fail the stop of the agent", async () => {
  const { disk, begin } = box();
  const first = await begin();
  first.counter.passed(10);
  disk.isFull = true;
  await expect(first.ledger.stop()).resolves.toBeUndefined();
  disk.isFull = false;
  const { ledger } = await begin();
  expect(ledger.totals().total.passed.bytes).toBe(0);
});

test("nothing is written where nothing was counted: the disk of an idle box may sleep", async () => {
  vi.useFakeTimers();
  const { clock, disk, begin } = box();
  const { counter, ledger } = await begin();
  counter.passed(10);
  await vi.advanceTimersByTimeAsync(10 * MINUTE_MS);
  expect(disk.writes).toBe(1);
  clock.now = new Date(2026, 10, 22, 0, 1);
  ledger.totals();
  await vi.advanceTimersByTimeAsync(10 * MINUTE_MS);
  counter.passed(5);
  await vi.advanceTimersByTimeAsync(10 * MINUTE_MS);
  expect(disk.writes).toBe(2);
  await ledger.stop();
  const next = await begin();
  await next.ledger.stop();
  expect(disk.writes).toBe(2);
});

test("what found no room on the disk is written when there is some", async () => {
  vi.useFakeTimers();
  const { disk, begin } = box();
  const { counter } = await begin();
  counter.passed(10);
  disk.isFull = true;
  await vi.advanceTimersByTimeAsync(2 * MINUTE_MS);
  disk.isFull = false;
  await vi.advanceTimersByTimeAsync(2 * MINUTE_MS);
  expect((await begin()).ledger.totals().total.passed.bytes).toBe(10);
});

test("at midnight today begins anew, and the total goes on", async () => {
  const { clock, begin } = box();
  const { counter, ledger } = await begin();
  counter.served("store", 100);
  ledger.totals();
  clock.now = new Date(2026, 10, 22, 0, 1);
  counter.served("store", 7);
  const { today, total } = ledger.totals();
  expect([today.served.store.bytes, total.served.store.bytes]).toEqual([7, 107]);
  await ledger.stop();
});

test("starting twice counts once, and forgets nothing", async () => {
  const { begin } = box();
  const first = await begin();
  first.counter.passed(10);
  await first.ledger.stop();
  const { ledger, counter } = await begin();
  counter.passed(5);
  ledger.totals();
  await ledger.start();
  expect(ledger.totals().total.passed).toEqual({ requests: 2, bytes: 15 });
  await ledger.stop();
});

test("looking twice counts once", async () => {
  const { ledger, counter } = await box().begin();
  counter.passed(10);
  ledger.totals();
  expect(ledger.totals().total.passed).toEqual({ requests: 1, bytes: 10 });
  await ledger.stop();
});
