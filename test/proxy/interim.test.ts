import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { newAgentName } from "../../src/core/net/agent-names.ts";
import { withInterimAnswers } from "../../src/proxy/interim.ts";
import type { Exchange } from "../../src/proxy/reply.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** How many interim answers a request with these fields gets in two minutes. */
async function interimAnswers(headers: Record<string, string>, httpVersion = "1.1"): Promise<number> {
  const writeContinue = vi.fn();
  const exchange = { request: { headers, httpVersion }, response: { writeContinue } } as unknown as Exchange;
  const work = new Promise((resolve) => setTimeout(resolve, 119_999));
  const done = withInterimAnswers(exchange, work);
  await vi.advanceTimersByTimeAsync(120_000);
  await done;
  return writeContinue.mock.calls.length;
}

const portage = "Portage (Gentoo, https://www.gentoo.org) distfile-fetch";

test.each([
  ["every 3 s where it is wget in Portage's name", { "user-agent": portage }, "1.1", 39],
  ["every 3 s where it is wget", { "user-agent": "Wget/1.25.0" }, "1.1", 39],
  ["every 3 s where it is aria2, which gives up after 5", { "user-agent": "aria2/1.37.0" }, "1.1", 39],
  ["every 3 s where it is a wget2 that can be", { "user-agent": "Wget/2.2.1" }, "1.1", 39],
  ["also by another proxy", { "user-agent": "Wget/1.25.0", via: "1.1 squid" }, "1.1", 39],
  ["five times at most where it is Go, which ends at the sixth", { "user-agent": "Go-http-client/1.1" }, "1.1", 5],
  ["five times at most where it does not say who it is", { range: "bytes=1-" }, "1.1", 5],
  ["never where it is a wget2 before 2.2, which makes an empty file of it", { "user-agent": "wget2/2.1.0" }, "1.1", 0],
  [
    "never where it may be that in Portage's name",
    { "user-agent": portage, "accept-encoding": "gzip, lzma" },
    "1.1",
    0,
  ],
  ["never where it speaks HTTP/1.0", { "user-agent": "Wget/1.11" }, "1.0", 0],
  ["never where it is another agent, whose undici takes 100 for an error", { via: `1.1 ${newAgentName()}` }, "1.1", 0],
])("a waiting client is kept patient %s", async (_, headers, version, expected) => {
  expect(await interimAnswers(headers, version)).toBe(expected);
});
