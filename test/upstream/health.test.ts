import { beforeEach, describe, expect, test } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import { SourceError, type SourceFault } from "../../src/core/errors.ts";
import { Blames } from "../../src/upstream/blames.ts";
import { Health } from "../../src/upstream/health.ts";

const A = "http://a.example";
const B = "http://b.example";
const SECOND = 1000;

let now: number;
let health: Health;
beforeEach(() => {
  now = 1_000_000;
  health = new Health({ now: () => now });
});

function fail(origin: string, code: SourceFault = "REFUSED", facts: { status?: number; retryAfterMs?: number } = {}) {
  health.failed(origin, new SourceError(code, `${origin} failed`, facts));
}

/** How long, in seconds, `origin` is left alone from now. */
function avoidedFor(origin: string): number {
  return (health.of(origin).avoidedForMs ?? 0) / SECOND;
}

describe("a server that fails", () => {
  test.each(["REFUSED", "HEADER_TIMEOUT", "STALLED", "BROKEN", "UNTRUSTED", "BUSY"] as const)(
    "is left alone for 30 s: %s",
    (code) => {
      fail(A, code);
      expect(health.isAvoided(A)).toBe(true);
      now += 30 * SECOND;
      expect(health.isAvoided(A)).toBe(false);
    },
  );

  test.each(["ABSENT", "BAD_LENGTH", "BAD_RANGE", "BAD_REDIRECT", "LOOP", "WRONG_BYTES"] as const)(
    "is not left alone for what concerns one file: %s",
    (code) => {
      fail(A, code);
      expect(health.of(A)).toMatchObject({ failures: 0, problem: undefined, avoidedForMs: undefined });
    },
  );

  test("is left alone for 5xx, not for 403", () => {
    fail(A, "BAD_STATUS", { status: 403 });
    fail(B, "BAD_STATUS", { status: 504 });
    expect(health.isAvoided(A)).toBe(false);
    expect(health.isAvoided(B)).toBe(true);
  });

  test("is left alone twice as long each time that another does well, up to 10 min", () => {
    const waits: number[] = [];
    for (let i = 0; i < 7; i++) {
      fail(A);
      waits.push(avoidedFor(A));
      now += 1;
      health.succeeded(B, { bytes: 1, ms: 1 });
      now += waits.at(-1)! * SECOND;
    }
    expect(waits).toEqual([30, 60, 120, 240, 480, 600, 600]);
  });

  test("is left alone no longer each time when nobody does well, for that may be our own line", () => {
    for (let i = 0; i < 5; i++) {
      fail(A);
      expect(avoidedFor(A)).toBe(30);
      now += 30 * SECOND;
    }
  });

  test("eight times at once has failed once", () => {
    for (let i = 0; i < 8; i++) fail(A);
    expect(avoidedFor(A)).toBe(30);
    expect(health.of(A).failures).toBe(8);
  });

  test("is forgiven on success", () => {
    fail(A);
    now += 1;
    health.succeeded(A, { bytes: 10, ms: 1 });
    expect(health.of(A)).toMatchObject({ failures: 1, problem: undefined, avoidedForMs: undefined });
    fail(A);
    expect(avoidedFor(A)).toBe(30);
  });
});

describe("a server that is busy", () => {
  test("is left alone for as long as it asked, within reason", () => {
    fail(A, "BUSY", { retryAfterMs: 5 * SECOND });
    fail(B, "BUSY", { retryAfterMs: 86_400 * SECOND });
    expect(avoidedFor(A)).toBe(5);
    expect(avoidedFor(B)).toBe(600);
  });

  test("is left alone although a download that was under way ends well", () => {
    fail(A, "BUSY", { retryAfterMs: 60 * SECOND });
    health.succeeded(A, { bytes: 10, ms: 1 });
    expect(avoidedFor(A)).toBe(60);
  });
});

describe("what downloads teach", () => {
  test("is counted, and the speed follows the latest ones", () => {
    health.asked(A);
    health.succeeded(A, { bytes: 1_000_000, ms: 1000 });
    expect(health.of(A)).toMatchObject({ requests: 1, bytes: 1_000_000, rate: 1_000_000 });
    health.succeeded(A, { bytes: 2_000_000, ms: 1000 });
    expect(health.of(A).rate).toBeGreaterThan(1_000_000);
    expect(health.of(A).rate).toBeLessThan(2_000_000);
  });

  test("of small files says nothing of speed", () => {
    health.succeeded(A, { bytes: 1000, ms: 500 });
    expect(health.of(A).rate).toBeUndefined();
  });

  test("does not grow without end: what was asked longest ago is forgotten", () => {
    for (let i = 0; i < 2000; i++) {
      health.asked(`http://host${i}.example`);
      health.asked(A);
    }
    expect(health.origins().length).toBeLessThan(1000);
    expect(health.origins().slice(-2)).toEqual(["http://host1999.example", A]);
    expect(health.of(A).requests).toBe(2000);
  });
});

test("wrong bytes are held against one URL for one blob, for 10 minutes", () => {
  const blames = new Blames({ now: () => now });
  const [one, other] = [digestOf(Buffer.from("1")), digestOf(Buffer.from("2"))];
  blames.add(`${A}/x`, one);
  expect([blames.has(`${A}/x`, one), blames.has(`${A}/x`, other), blames.has(`${A}/y`, one)]).toEqual([
    true,
    false,
    false,
  ]);
  now += 600 * SECOND;
  expect(blames.has(`${A}/x`, one)).toBe(false);
});
