import { stat } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as turnOfTheLoop } from "node:timers/promises";
import { expect, onTestFinished, test, vi } from "vitest";
import type { BlobClaims } from "../../src/core/claim/claims.ts";
import { DistswarmError } from "../../src/core/errors.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { Pulse } from "../../src/core/async/pulse.ts";
import type { Source } from "../../src/core/source.ts";
import { fileName } from "../../src/snapshot/name.ts";
import { Transfers } from "../../src/snapshot/transfers.ts";
import { UpstreamTask } from "../../src/snapshot/upstream-task.ts";
import { DATE } from "./support/unit.ts";
import { tempDir } from "../support/temp-dir.ts";

const nothing = new Pulse();
const never = new AbortController().signal;

/** Bytes of a tarball that never comes to its end. */
const MANY = 1_000_000;

const TARBALL = `/snapshots/${fileName(DATE, "tarball")}`;

/** What the task's own download ends with. */
const OWN = new DistswarmError("NOT_FOUND", "asked upstream itself");

/** What the other boxes do. */
interface Others {
  /** Who claims at the n-th look. */
  readonly claimant: (look: number) => string | undefined;
  /** Milliseconds between two looks. */
  readonly lookEveryMs: number;
  /** What is given each time that somebody is asked. @default nothing */
  readonly gives?: (signal: AbortSignal) => AsyncIterable<Buffer> | Iterable<Buffer>;
}

async function* each(bytes: AsyncIterable<Buffer> | Iterable<Buffer>): AsyncGenerator<Buffer> {
  yield* bytes;
}

/** A task beside boxes that claim for ever, on a clock of its own. */
class Rig {
  now = 0;
  looks = 0;
  /** Boxes that were followed in vain, and when that was. */
  readonly vain: (readonly [string, number])[] = [];
  /** What is staged of the tarball. */
  path = "";
  #isAwaited = false;
  readonly #begun = new Set<() => void>();
  readonly #others: Others;

  constructor(others: Others) {
    this.#others = others;
  }

  async start(signal: AbortSignal): Promise<UpstreamTask> {
    const dir = await tempDir();
    const path = (name: string): string => join(dir, name);
    this.path = path("tarball");
    return new UpstreamTask(
      {
        claims: this.#claims(),
        log: silentLogger,
        store: { makeRoom: async () => {} },
        peers: { sources: () => this.#sources() },
        upstream: {
          mirrorPath: () => Promise.reject(OWN),
          isAwaited: (what) => this.#isAwaited && what === TARBALL,
          onAwaited: (_, begin) => {
            this.#begun.add(begin);
            return () => this.#begun.delete(begin);
          },
        },
        announced: (signal) => nothing.wait(signal),
        pullFromPeers: async () => false,
        shelve: async () => {},
      },
      {
        judgement: { date: DATE, keys: [], now: 0, others: [] },
        paths: { tarball: path("tarball"), signature: path("signature"), md5sum: path("md5sum") },
        transfers: new Transfers(),
        verifyFirst: 0,
        now: () => this.now,
        signal,
      },
    );
  }

  /** An agent begins to wait here for the tarball. */
  await(): void {
    this.#isAwaited = true;
    for (const begin of this.#begun) begin();
  }

  #claims(): BlobClaims {
    const { claimant, lookEveryMs } = this.#others;
    return {
      rival: () => {
        const id = claimant(this.looks);
        return id === undefined ? undefined : { id, holder: "another box", received: 0, hasFailed: false };
      },
      claim: async () => ({ lost: never, winner: undefined, progress: () => {}, release: () => {} }),
      news: async (_, __, signal) => {
        this.looks += 1;
        this.now += lookEveryMs;
        await turnOfTheLoop(undefined, { signal }).catch(() => signal.throwIfAborted());
      },
      wasVain: (id) => void this.vain.push([id, this.now]),
      gave: () => {},
    };
  }

  async *#sources(): AsyncGenerator<Source> {
    const { gives } = this.#others;
    if (gives === undefined) return;
    const open: Source["open"] = async ({ signal }) => ({ bytes: each(gives(signal)), size: MANY });
    yield { kind: "peer", label: "h1", giver: "h1", isGrowing: true, open, blame: () => {} };
  }
}

test("a box that claims a snapshot and gives nothing of it is left after 8 s, and that is remembered", async () => {
  const rig = new Rig({ claimant: () => "h1", lookEveryMs: 100 });
  await expect((await rig.start(never)).done).rejects.toBe(OWN);
  expect(rig.vain[0]).toEqual(["h1", 8100]);
});

test("boxes that claim it in turns hold nobody up for longer than a minute", async () => {
  const rig = new Rig({ claimant: (look) => `h${look % 10}`, lookEveryMs: 100 });
  await expect((await rig.start(never)).done).rejects.toBe(OWN);
  expect(rig.now).toBeLessThan(61_000);
});

test("a box that gives a byte of it now and then holds nobody up for longer than ten minutes", async () => {
  const rig = new Rig({ claimant: () => "h1", lookEveryMs: 1000, gives: () => [Buffer.alloc(1)] });
  await expect((await rig.start(never)).done).rejects.toBe(OWN);
  expect(rig.now).toBe(600_000);
  expect(rig.vain).toEqual([]);
});

test("nor does one that has much of it and gives that slowly hold up who is to download the rest", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const rig = new Rig({ claimant: () => undefined, lookEveryMs: 0, gives: slowly });
  async function* slowly(signal: AbortSignal): AsyncGenerator<Buffer> {
    for (let given = 0; given < MANY; given += 32_768) {
      rig.now += 60_000;
      vi.advanceTimersByTime(60_000);
      signal.throwIfAborted();
      yield Buffer.alloc(32_768);
    }
  }
  await expect((await rig.start(never)).done).rejects.toBe(OWN);
  expect(rig.now).toBe(600_000);
});

test("nobody is followed where agents wait that have this box as a mirror: who claims it may be one of them", async () => {
  const rig = new Rig({ claimant: () => "h1", lookEveryMs: 100 });
  rig.await();
  await expect((await rig.start(never)).done).rejects.toBe(OWN);
  expect(rig.looks).toBe(0);
});

test("who gives nothing is left as soon as such an agent begins to wait", async () => {
  const rig = new Rig({ claimant, lookEveryMs: 0 });
  function claimant(look: number): string {
    if (look === 3) rig.await();
    return "h1";
  }
  await expect((await rig.start(never)).done).rejects.toBe(OWN);
  expect(rig.looks).toBeLessThan(5);
});

test("but not who is giving: all that comes is taken first", async () => {
  const rig = new Rig({ claimant: () => "h1", lookEveryMs: 0, gives });
  function* gives(signal: AbortSignal): Generator<Buffer> {
    yield Buffer.alloc(MANY / 2);
    rig.await();
    signal.throwIfAborted();
    yield Buffer.alloc(MANY / 2);
  }
  await expect((await rig.start(never)).done).rejects.toBe(OWN);
  expect((await stat(rig.path)).size).toBe(MANY);
});

test("who follows and stops meanwhile ends with the reason for that", async () => {
  const stopping = new AbortController();
  const { done } = await new Rig({ claimant: () => "h1", lookEveryMs: 0 }).start(stopping.signal);
  const reason = new Error("the agent is stopping");
  stopping.abort(reason);
  await expect(done).rejects.toBe(reason);
});
