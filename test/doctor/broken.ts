import { expect, test } from "vitest";
import { DistswarmError } from "../../src/core/errors.ts";
import type { PeerStatus } from "../../src/core/report/swarm-status.ts";
import { healthyBox, type TestBox } from "./box.ts";

/** An agent that does not run, for a look at the box. */
export const NOBODY_LISTENS = { agent: { error: new DistswarmError("AGENT_NOT_RUNNING", "no agent is running") } };

/** A finding that asks for something, with a piece of what was seen and of the mend. */
export const finding = (verdict: "warn" | "fail", seen: string, mend: string) => ({
  verdict,
  seen: expect.stringContaining(seen) as string,
  mend: expect.stringContaining(mend) as string,
});

/** What is broken; which check finds it; what it says. */
type Broken = readonly [
  what: string,
  check: string,
  breakIt: (box: TestBox) => unknown,
  found: ReturnType<typeof finding>,
];

/** Shows of each thing that is broken that its check finds it, and names the mend. */
export function testBroken(broken: readonly Broken[]): void {
  test.for(broken)("%s (%s)", async ([, check, breakIt, found]) => {
    const box = await healthyBox();
    await breakIt(box);
    expect(await box.finding(check)).toEqual(found);
  });
}

/** Changes what the agent says of its peer. */
export const peer = (box: TestBox, change: Partial<PeerStatus>): void => {
  box.status = { ...box.status, swarm: { peers: [{ ...box.status.swarm.peers[0]!, ...change }] } };
};

/** Changes what the agent says of its index. */
export const index = (box: TestBox, change: object): void => {
  box.status = { ...box.status, index: { ...box.status.index, ...change } };
};

/** Changes what the agent says of its swarm. */
export const swarm = (box: TestBox, change: object): void => {
  box.status = { ...box.status, swarm: { ...box.status.swarm, ...change } };
};
