import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { newAgentName } from "../../src/core/agent-names.ts";
import { withInterimAnswers } from "../../src/proxy/interim.ts";
import type { Exchange } from "../../src/proxy/reply.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** How many interim answers a request with these fields gets in a minute. */
async function interimAnswers(headers: Record<string, string>, httpVersion = "1.1"): Promise<number> {
  const writeContinue = vi.fn();
  const exchange = { request: { headers, httpVersion }, response: { writeContinue } } as unknown as Exchange;
  const work = new Promise((resolve) => setTimeout(resolve, 59_999));
  const done = withInterimAnswers(exchange, work);
  await vi.advanceTimersByTimeAsync(60_000);
  await done;
  return writeContinue.mock.calls.length;
}

test.each([
  ["every 10 s", {}, "1.1", 5],
  ["every 3 s to who asks for a range", { range: "bytes=1-" }, "1.1", 19],
  ["never to HTTP/1.0", {}, "1.0", 0],
  ["to who comes by another proxy", { via: "1.1 squid" }, "1.1", 5],
  ["never to another agent, whose undici takes 100 for an error", { via: `1.1 ${newAgentName()}` }, "1.1", 0],
])("a waiting client is kept patient %s", async (_, headers, version, expected) => {
  expect(await interimAnswers(headers, version)).toBe(expected);
});
