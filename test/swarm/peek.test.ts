import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { peekId } from "../../src/swarm/discovery/peek.ts";
import { freePort } from "../support/free-port.ts";

test("a look leaves nothing behind: a configured box that is off is looked for every ten seconds, for months", async () => {
  const { signal } = new AbortController();
  const port = await freePort();
  for (let look = 0; look < 3; look += 1)
    await expect(peekId("127.0.0.1", port, { signal })).rejects.toMatchObject({ code: "REFUSED" });
  expect(getEventListeners(signal, "abort")).toEqual([]);
  expect(dependants(signal)).toBe(0);
});

/** Signals that Node has noted to follow this one (`AbortSignal.any`). */
function dependants(signal: AbortSignal): number {
  const symbol = Object.getOwnPropertySymbols(signal).find(({ description }) => description === "kDependantSignals");
  return symbol === undefined ? 0 : (signal as unknown as Record<symbol, ReadonlySet<unknown>>)[symbol]!.size;
}
