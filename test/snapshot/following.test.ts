import { expect, test } from "vitest";
import { silentLogger } from "../../src/core/logger.ts";
import { abortable, Pulse } from "../../src/core/pulse.ts";
import type { NameClaim } from "../../src/core/snapshots.ts";
import { UpstreamTask, type UpstreamTaskComponents } from "../../src/snapshot/upstream-task.ts";
import type { UpstreamFlightInit } from "../../src/snapshot/upstream-flight.ts";
import { DATE } from "./support/unit.ts";

const nothing = new Pulse();

/** A task that gets the unit as soon as it claims no more; `ended` is when a claim of the other box ends. */
function taskWhere(ended: (signal: AbortSignal) => Promise<void>, signal: AbortSignal, followAtMostMs: number) {
  let hasClaimed = false;
  const byName = async (): Promise<NameClaim> => {
    hasClaimed = true;
    return { mine: false, holder: "another box", ended };
  };
  const pullFromPeers = async (): Promise<boolean> => {
    const isUnclaimed = !hasClaimed;
    hasClaimed = false;
    return isUnclaimed;
  };
  const announced = (signal: AbortSignal): Promise<void> => nothing.wait(signal);
  const components = {
    claims: { byName },
    pullFromPeers,
    announced,
    log: silentLogger,
  } as Partial<UpstreamTaskComponents>;
  const init = { judgement: { date: DATE }, signal } as UpstreamFlightInit;
  return new UpstreamTask(components as UpstreamTaskComponents, init, { followAtMostMs });
}

const never = new AbortController().signal;

test("a claim of a snapshot that is told again for ever holds nobody up for ever", async () => {
  await taskWhere((signal) => nothing.wait(signal), never, 50).done;
});

test("nor do boxes that claim it in turns", async () => {
  await taskWhere((signal) => abortable(new Promise((resolve) => setTimeout(resolve, 5)), signal), never, 50).done;
});

test("who follows and stops meanwhile ends with the reason for that", async () => {
  const stopping = new AbortController();
  const { done } = taskWhere((signal) => nothing.wait(signal), stopping.signal, 60_000);
  const reason = new Error("the agent is stopping");
  stopping.abort(reason);
  await expect(done).rejects.toBe(reason);
});
