import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { abortable } from "../../../src/core/async/pulse.ts";

test("what is given up before it is waited for may fail later: that ends nothing", async () => {
  const unheard: unknown[] = [];
  const note = (reason: unknown): void => void unheard.push(reason);
  process.on("unhandledRejection", note);
  let fail = (_error: Error): void => {};
  const promise = new Promise<void>((_, reject) => void (fail = reject));
  await expect(abortable(promise, AbortSignal.abort(new Error("given up")))).rejects.toThrow("given up");
  fail(new Error("nobody answers"));
  await setImmediate();
  process.off("unhandledRejection", note);
  expect(unheard).toEqual([]);
});
