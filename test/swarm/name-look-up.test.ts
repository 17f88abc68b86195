import { expect, test, vi } from "vitest";
import { peekId } from "../../src/swarm/discovery/peek.ts";

const { lookup } = vi.hoisted(() => ({ lookup: vi.fn<(name: string) => Promise<{ address: string }>>() }));
vi.mock("node:dns/promises", () => ({ lookup }));

/** Looks at a box until it is given up, at once. */
async function lookAndGiveUp(host: string): Promise<void> {
  const given = new AbortController();
  const look = peekId(host, 8481, { signal: given.signal });
  given.abort(new Error("given up"));
  await expect(look).rejects.toThrow("given up");
}

test("a name whose name server is silent has one look-up under way, however often its box is looked for", async () => {
  let fail = (_error: Error): void => {};
  lookup.mockImplementation(() => new Promise((_, reject) => void (fail = reject)));
  for (let times = 0; times < 3; times += 1) await lookAndGiveUp("silent.lan");
  await lookAndGiveUp("other.lan");
  expect(lookup.mock.calls.map(([name]) => name)).toEqual(["silent.lan", "other.lan"]);
  fail(new Error("nobody answers"));
  const asked = (): Promise<number> => lookAndGiveUp("other.lan").then(() => lookup.mock.calls.length);
  await expect.poll(asked).toBe(3); // the one that failed is over
});
