import { join } from "node:path";
import { Readable } from "node:stream";
import { setImmediate as turnOfTheLoop } from "node:timers/promises";
import { expect, onTestFinished, test, vi } from "vitest";
import { DistswarmError } from "../../src/core/errors.ts";
import { silentLogger } from "../../src/core/logger.ts";
import type { MirrorRequest, UpstreamAnswer } from "../../src/core/upstream.ts";
import { MirrorDownload } from "../../src/snapshot/mirror-download.ts";
import { StagedCopy } from "../../src/snapshot/staged-copy.ts";
import { tempDir } from "../support/temp-dir.ts";
import { never } from "./support/box.ts";
import { DATE } from "./support/unit.ts";

const SIZE = 1_000_000;

/** Two mirrors that have the tarball, and give what the test has them give; whoever was asked last gives it. */
class TwoMirrors {
  /** Who was asked, from which byte on. */
  readonly asked: [mirror: string, from: number][] = [];
  /** Bytes of what the second one has under the name. */
  secondHas = SIZE;
  #body = new Readable();

  async mirrorPath(path: string, { headers, avoid = [] }: MirrorRequest): Promise<UpstreamAnswer> {
    const mirror = ["first", "second"].find((name) => !avoid.includes(`http://${name}${path}`));
    if (mirror === undefined) throw new DistswarmError("NO_SOURCE", "nobody is left");
    const from = Number(/\d+/.exec(headers.at(headers.indexOf("Range") + 1) ?? "")?.[0] ?? 0);
    const isPart = headers.includes("Range");
    this.asked.push([mirror, isPart ? from : 0]);
    this.#body = new Readable({ read: () => {} });
    const size = mirror === "second" ? this.secondHas : SIZE;
    const range = { "content-range": `bytes ${from}-${size - 1}/${size}` };
    const whole = { "content-length": String(size) };
    const url = `http://${mirror}${path}`;
    return { status: isPart ? 206 : 200, headers: isPart ? range : whole, body: this.#body, url };
  }

  give(bytes: number, isLast = false): void {
    this.#body.push(Buffer.alloc(bytes));
    if (isLast) this.#body.push(null);
  }
}

/** A download that the first mirror has begun to give, with the time in the test's hands. */
async function begun(): Promise<{ mirrors: TwoMirrors; copy: StagedCopy; filled: Promise<string[]> }> {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
  onTestFinished(() => void vi.useRealTimers());
  const mirrors = new TwoMirrors();
  const copy = await StagedCopy.open(join(await tempDir(), "tarball"));
  onTestFinished(() => copy.close());
  const download = new MirrorDownload({ upstream: mirrors, log: silentLogger }, { date: DATE, signal: never });
  const filled = download.fill(copy, { makeRoom: async () => {}, grew: () => {} });
  await vi.waitFor(() => expect(mirrors.asked).toHaveLength(1));
  return { mirrors, copy, filled };
}

/** Gives a byte a second until somebody else is asked, half a minute at most. */
async function trickle(mirrors: TwoMirrors, copy: StagedCopy): Promise<void> {
  const asked = mirrors.asked.length;
  for (let second = 0; second < 30 && mirrors.asked.length === asked; second += 1) {
    const before = copy.received;
    mirrors.give(1);
    while (copy.received === before) await turnOfTheLoop();
    vi.advanceTimersByTime(1000);
    for (let turn = 0; turn < 10; turn += 1) await turnOfTheLoop();
  }
}

test("a mirror that trickles is left for the next one at the byte reached", async () => {
  const { mirrors, copy, filled } = await begun();
  await trickle(mirrors, copy);
  const at = copy.received;
  expect(mirrors.asked).toEqual([
    ["first", 0],
    ["second", at],
  ]);
  mirrors.give(SIZE - at, true);
  expect(await filled).toHaveLength(2);
  expect(copy.received).toBe(SIZE);
});

test("where all trickle each is left once, and then the first is waited for", async () => {
  const { mirrors, copy, filled } = await begun();
  for (let turn = 1; turn <= 3; turn += 1) await trickle(mirrors, copy);
  expect(mirrors.asked.map(([mirror]) => mirror)).toEqual(["first", "second", "first"]);
  mirrors.give(SIZE - copy.received, true);
  await filled;
});

test("where the next one has another file under the name, the first is waited for, too", async () => {
  const { mirrors, copy, filled } = await begun();
  mirrors.secondHas = SIZE + 1;
  await trickle(mirrors, copy);
  await vi.waitFor(() => expect(mirrors.asked.map(([mirror]) => mirror)).toEqual(["first", "second", "first"]));
  mirrors.give(SIZE - copy.received, true);
  await filled;
});

test("a mirror that takes long to begin is not left for that", async () => {
  const { mirrors, filled } = await begun();
  vi.advanceTimersByTime(60_000);
  mirrors.give(SIZE, true);
  await filled;
  expect(mirrors.asked).toEqual([["first", 0]]);
});
