import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { readBody } from "../../src/peer/body.ts";

describe("a body of a growing copy of which nothing has come yet", () => {
  beforeEach(() => vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] }));
  afterEach(() => vi.useRealTimers());

  it("is waited for as long as one that grows, not as one that lies there", async () => {
    const abort = vi.fn<(reason: Error) => void>();
    const silent: AsyncIterable<Buffer> = { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) };
    const body = { chunks: silent, offset: 0, size: 100, present: 0, isBounded: false, name: "h2" };
    void readBody(body, { abort }).next();
    vi.advanceTimersByTime(4500);
    expect(abort).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1000);
    expect(abort).toHaveBeenCalledOnce();
  });
});
