import { expect, it } from "vitest";
import { LinkedAbort } from "../../../src/core/async/linked-abort.ts";

const reason = new Error("enough");

it("aborts with the first of the others, for its reason, or by itself", () => {
  const [first, second] = [new AbortController(), new AbortController()];
  const linked = new LinkedAbort([first.signal, second.signal]);
  expect(linked.signal.aborted).toBe(false);
  second.abort(reason);
  first.abort(new Error("too late"));
  expect(linked.signal.reason).toBe(reason);
  const alone = new LinkedAbort([new AbortController().signal]);
  alone.abort(reason);
  expect(alone.signal.reason).toBe(reason);
});

it("is aborted from the start where one of the others is", () => {
  const signals = [new AbortController().signal, AbortSignal.abort(reason)];
  expect(new LinkedAbort(signals).signal.reason).toBe(reason);
});

it("minds the others no more once it is unlinked", () => {
  const other = new AbortController();
  const linked = new LinkedAbort([other.signal]);
  linked.unlink();
  other.abort(reason);
  expect(linked.signal.aborted).toBe(false);
});
