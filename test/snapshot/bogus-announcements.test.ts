import { randomBytes } from "node:crypto";
import { expect, onTestFinished, test, vi } from "vitest";
import { digestOf, type Digest } from "../../src/core/digest.ts";
import { SourceError } from "../../src/core/errors.ts";
import { Pulse } from "../../src/core/async/pulse.ts";
import { SNAPSHOT_PARTS, type SnapshotAnnouncement, type SnapshotFiles } from "../../src/core/snapshots.ts";
import type { Source, SourceFinder } from "../../src/core/source.ts";
import { latestDate, unitName } from "../../src/snapshot/name.ts";
import { get, keeps, never, startBox, TestLan, type TestBox } from "./support/box.ts";
import { TestMirrors } from "./support/mirrors.ts";
import { announcementOf, DATE, makeKey, makeUnit, NOW } from "./support/unit.ts";

const key = await makeKey();
const unit = await makeUnit(key);

/** A LAN with a member that is busy, whatever it is asked for. */
class BusyLan extends TestLan {
  override finderFor(self: string): SourceFinder {
    const others = super.finderFor(self);
    const open = async () => Promise.reject(new SourceError("BUSY", "has too many readers"));
    return {
      async *sources(want, options) {
        yield* others.sources(want, options);
        yield { kind: "peer", label: "busy", open, blame: () => {} };
      },
    };
  }
}

/** A LAN with a member that has the right small files, and gives one byte of every tarball. */
class TricklingLan extends TestLan {
  constructor() {
    super();
    const small = [unit.files.md5sum, unit.files.signature];
    this.liars.push({ label: "trickling", give: (digest) => small.find((bytes) => digestOf(bytes) === digest) });
  }

  override finderFor(self: string): SourceFinder {
    const others = super.finderFor(self);
    return {
      async *sources(want, options) {
        yield* others.sources(want, options);
        if (want.size < unit.files.tarball.length) return;
        const open: Source["open"] = async ({ signal }) => ({ bytes: oneByte(signal) });
        yield { kind: "peer", label: "trickling", open, blame: () => {} };
      },
    };
  }
}

async function* oneByte(signal: AbortSignal): AsyncGenerator<Buffer> {
  yield Buffer.alloc(1);
  await new Pulse().wait(signal);
}

/** Files of nobody's under a date. */
function bogus(date: string): SnapshotAnnouncement {
  const file = (): { digest: Digest; size: number } => ({
    digest: randomBytes(64).toString("hex") as Digest,
    size: 100,
  });
  return {
    name: unitName(date),
    files: Object.fromEntries(SNAPSHOT_PARTS.map((part) => [part, file()])) as SnapshotFiles,
  };
}

/** A box that keeps the unit, behind mirrors of its own. */
async function havingBox(lan: TestLan): Promise<TestBox> {
  const mirrors = new TestMirrors();
  mirrors.add(unit);
  const box = await startBox({ key, lan, mirrors });
  await box.snapshots.pull(DATE, { signal: never });
  return box;
}

test("a client gets the small file from upstream in seconds where a member announces the date and stays busy", async () => {
  const mirrors = new TestMirrors();
  mirrors.add(unit);
  const box = await startBox({ key, lan: new BusyLan(), mirrors });
  box.snapshots.heard("liar", [bogus(DATE)]);
  expect((await get(box, DATE, "md5sum")).bytes.equals(unit.files.md5sum)).toBe(true);
  expect((await get(box, DATE, "signature")).bytes.equals(unit.files.signature)).toBe(true);
}, 20_000);

test("a member that stays busy does not hold up the one that has the unit", async () => {
  const lan = new BusyLan();
  const having = await havingBox(lan);
  const box = await startBox({ key, lan });
  box.snapshots.heard("liar", [bogus(DATE)]);
  lan.spread(having);
  expect((await get(box, DATE, "tarball")).bytes.equals(unit.files.tarball)).toBe(true);
  await keeps(box, DATE);
});

test("a date that cannot have come yet is not pulled, in the background or on demand", async () => {
  const lan = new BusyLan();
  const having = await havingBox(lan);
  const box = await startBox({ key, lan });
  box.snapshots.heard("liar", [bogus("99991230")]);
  lan.spread(having);
  await keeps(box, DATE);
  expect((await box.snapshots.pull(undefined, { signal: never })).date).toBe(DATE);
});

test("a newer date that its announcers do not have does not stand before the next best", async () => {
  const lan = new TestLan();
  const having = await havingBox(lan);
  const box = await startBox({ key, lan });
  box.snapshots.heard("liar", [bogus(latestDate(NOW))]);
  lan.spread(having);
  await keeps(box, DATE);
  expect((await box.snapshots.pull(undefined, { signal: never })).date).toBe(DATE);
});

test("what no peer can give is said once, however often it is tried and whoever announces it", async () => {
  const box = await startBox({ key });
  for (const peer of ["one", "two"]) {
    box.snapshots.heard(peer, [announcementOf(unit)]);
    await box.snapshots.tick();
    await box.snapshots.pull(DATE, { signal: never }).catch(() => {});
  }
  expect(box.lines.filter((line) => line.includes("from peers"))).toEqual([
    `${unitName(DATE)} from peers: no peer could give ${unitName(DATE)}.tar.xz.md5sum; it is tried again`,
  ]);
});

test("a member that gives a tarball of its own for ever, byte by byte, holds up the right one for ten minutes", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const lan = new TricklingLan();
  const having = await havingBox(lan);
  const box = await startBox({ key, lan });
  const tarball = { digest: randomBytes(64).toString("hex") as Digest, size: unit.files.tarball.length };
  box.snapshots.heard("liar", [{ ...announcementOf(unit), files: { ...announcementOf(unit).files, tarball } }]);
  await vi.waitFor(() => expect(box.snapshots.transfers().map(({ received }) => received)).toEqual([1]));
  lan.spread(having);
  vi.advanceTimersByTime(9 * 60_000);
  expect(box.snapshots.transfers()).toHaveLength(1);
  vi.advanceTimersByTime(2 * 60_000);
  const kept = async (): Promise<number> => box.snapshots.tick().then(() => box.snapshots.list().length);
  await expect.poll(kept).toBe(1);
  expect(box.lines.join()).toContain("give it too slowly");
});
