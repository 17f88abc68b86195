import { expect, test } from "vitest";
import type { Attempt } from "../../src/core/report/attempt.ts";
import { digestOf } from "../../src/core/digest.ts";
import type { Want } from "../../src/core/distfile.ts";
import { failureOf } from "../../src/retrieve/failure.ts";

const WANT: Want = { digest: digestOf(Buffer.from("a")), size: 10, names: ["a.tgz"], packages: [] };

function attempt(kind: Attempt["kind"], source: string, detail: string): Attempt {
  return { kind, source, at: "2026-11-22T08:00:00.000Z", offset: 0, bytes: 0, ms: 1, outcome: "REFUSED", detail };
}

test("what was tried is told with the name of each source once, whether its fault has it or not", () => {
  const tried = [
    attempt("peer", "box7 (10.0.0.7)", "box7: no answer in time"),
    attempt("peer", "box7 (10.0.0.7)", "silent for too long"),
    attempt("peer", "s (10.0.0.8)", "silent for too long"),
    attempt("upstream", "http://m/a.tgz", "http://m/a.tgz answered 403"),
    attempt("upstream", "http://n/a.tgz", "http://n/a.tgz: no connection"),
  ];
  expect(failureOf(WANT, tried).message).toBe(
    "no source gave a.tgz; tried: box7: no answer in time, box7 (10.0.0.7) silent for too long, " +
      "s (10.0.0.8) silent for too long, http://m/a.tgz answered 403, http://n/a.tgz: no connection",
  );
});
