import { expect, test } from "vitest";
import type { Attempt } from "../../src/core/report/attempt.ts";
import { addAttempt } from "../../src/retrieve/attempts.ts";

const BUSY: Attempt = {
  kind: "peer",
  source: "h2 (10.0.0.2)",
  growing: true,
  at: "2026-11-21T05:00:00.000Z",
  offset: 0,
  bytes: 0,
  first_ms: 2,
  ms: 3,
  outcome: "BUSY",
  detail: "has no more than this box",
};

test("tries that are made ten times a second for an hour are told in one line a source", () => {
  const attempts: Attempt[] = [];
  for (let number = 0; number < 36_000; number += 1) {
    const at = new Date(Date.UTC(2026, 10, 21, 5) + 100 * number).toISOString();
    addAttempt(attempts, { ...BUSY, at });
    addAttempt(attempts, { ...BUSY, at, source: "h3 (10.0.0.3)" });
  }
  expect(attempts).toEqual([
    { ...BUSY, times: 36_000, last_at: "2026-11-21T05:59:59.900Z", ms: 108_000 },
    { ...BUSY, source: "h3 (10.0.0.3)", times: 36_000, last_at: "2026-11-21T05:59:59.900Z", ms: 108_000 },
  ]);
});

test("a try that brought bytes, began elsewhere or ended otherwise is told by itself", () => {
  const attempts: Attempt[] = [];
  const others = [
    { ...BUSY, offset: 7 },
    { ...BUSY, outcome: "STALLED" },
    { ...BUSY, detail: "has too many readers" },
    { ...BUSY, kind: "upstream" as const },
    { ...BUSY, bytes: 7, outcome: "BROKEN" },
    { ...BUSY, bytes: 7, outcome: "BROKEN" },
  ];
  for (const attempt of [BUSY, ...others]) addAttempt(attempts, attempt);
  expect(attempts).toEqual([BUSY, ...others]);
});
