import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import type { BlobClaims } from "../../src/core/claims.ts";
import { DistswarmError } from "../../src/core/errors.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { Pulse } from "../../src/core/pulse.ts";
import { Transfers } from "../../src/snapshot/transfers.ts";
import { UpstreamTask } from "../../src/snapshot/upstream-task.ts";
import { DATE, tempDir } from "./support/unit.ts";

const nothing = new Pulse();
const never = new AbortController().signal;

/** What the task's own download ends with. */
const OWN = new DistswarmError("NOT_FOUND", "asked upstream itself");

/** A task beside boxes that claim and give nothing; `claimant` names the one that does at its n-th look. */
async function taskWhere(claimant: (look: number) => string, signal: AbortSignal): Promise<UpstreamTask> {
  const dir = await tempDir();
  let looks = 0;
  const claims: BlobClaims = {
    rival: () => ({ id: claimant(looks), holder: claimant(looks), received: 0, hasFailed: false }),
    claim: async () => undefined,
    news: async (_, __, signal) => {
      looks += 1;
      await delay(1, undefined, { signal }).catch(() => signal.throwIfAborted());
    },
    wasVain: () => {},
    gave: () => {},
  };
  const path = (name: string): string => join(dir, name);
  return new UpstreamTask(
    {
      claims,
      log: silentLogger,
      store: { makeRoom: async () => {} },
      peers: { sources: async function* () {} },
      upstream: { mirrorPath: () => Promise.reject(OWN) },
      announced: (signal) => nothing.wait(signal),
      pullFromPeers: async () => false,
      shelve: async () => {},
    },
    {
      judgement: { date: DATE, keys: [], now: 0, others: [] },
      paths: { tarball: path("tarball"), signature: path("signature"), md5sum: path("md5sum") },
      transfers: new Transfers(),
      verifyFirst: 0,
      followAtMostMs: 50,
      signal,
    },
  );
}

test("a claim of a snapshot that is told again for ever holds nobody up for ever", async () => {
  await expect((await taskWhere(() => "h1", never)).done).rejects.toBe(OWN);
});

test("nor do boxes that claim it in turns", async () => {
  await expect((await taskWhere((look) => `h${look % 2}`, never)).done).rejects.toBe(OWN);
});

test("who follows and stops meanwhile ends with the reason for that", async () => {
  const stopping = new AbortController();
  const { done } = await taskWhere(() => "h1", stopping.signal);
  const reason = new Error("the agent is stopping");
  stopping.abort(reason);
  await expect(done).rejects.toBe(reason);
});
