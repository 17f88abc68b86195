import { expect, test } from "vitest";
import { DistswarmError, SourceError, type ErrorCode } from "../../src/core/errors.ts";
import { answerFor } from "../../src/proxy/status-code.ts";

const failure = (code: ErrorCode, facts = {}): DistswarmError => new DistswarmError(code, "why", { facts });

test.each([
  ["what no client of ours sends", failure("INVALID_REQUEST"), 400],
  ["what is no digest", failure("INVALID_DIGEST"), 400],
  ["who may not use the doors", failure("NOT_PERMITTED"), 403],
  ["what is known to be nowhere", failure("NOT_FOUND"), 404],
  ["a way to the bytes that failed", failure("NO_SOURCE", { busy: false }), 502],
  ["a server that does not answer, which is never 504", new SourceError("HEADER_TIMEOUT", "why"), 502],
  ["a store that has no room", failure("STORE_FULL"), 502],
  ["a request that has passed here before", failure("LOOP"), 508],
  ["a fault of ours", new TypeError("why"), 500],
])("to a client %s is told with its reason, and without a time to wait", (_, error, status) => {
  const { headers, ...answer } = answerFor(error);
  expect(answer).toEqual({ status, message: "why" });
  expect(headers).not.toHaveProperty("Retry-After");
});

test.each([
  ["Manifests that are still being read", failure("INDEX_NOT_READY"), 5],
  ["sources that only asked to be left alone", failure("NO_SOURCE", { busy: true }), 5],
  ["sources that said for how long, in whole seconds", failure("NO_SOURCE", { busy: true, retryAfterMs: 8001 }), 9],
])("to a client %s are 503, and it is told when to ask again", (_, error, seconds) => {
  expect(answerFor(error)).toMatchObject({ status: 503, headers: { "Retry-After": seconds } });
});
