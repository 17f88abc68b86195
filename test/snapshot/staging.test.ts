import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { digestOf, type Digest } from "../../src/core/digest.ts";
import { SourceError } from "../../src/core/errors.ts";
import { Pulse } from "../../src/core/async/pulse.ts";
import type { SnapshotAnnouncement } from "../../src/core/snapshots.ts";
import type { SourceFinder } from "../../src/core/source.ts";
import { fileName } from "../../src/snapshot/name.ts";
import { get, keeps, startBox, TestLan, type TestBox } from "./support/box.ts";
import { announcementOf, makeKey, makeUnit } from "./support/unit.ts";

const MIB = 2 ** 20;
const HALF_HOUR_MS = 30 * 60_000;
const key = await makeKey();
const unit = await makeUnit(key);

/** A LAN with a member that has the right small files, and breaks off every tarball after 1 MiB of it. */
class BreakingLan extends TestLan {
  readonly asked = new Set<string>();

  constructor() {
    super();
    const small = [unit.files.md5sum, unit.files.signature];
    this.liars.push({ label: "breaking", give: (digest) => small.find((bytes) => digestOf(bytes) === digest) });
  }

  override finderFor(self: string): SourceFinder {
    const others = super.finderFor(self);
    const open = async () => ({ bytes: breakingOff() });
    const { asked } = this;
    return {
      async *sources(want, options) {
        yield* others.sources(want, options);
        if (want.size < MIB) return;
        asked.add(want.digest);
        yield { kind: "peer", label: "breaking", open, blame: () => {} };
      },
    };
  }
}

async function* breakingOff(): AsyncGenerator<Buffer> {
  yield Buffer.alloc(MIB);
  throw new SourceError("BROKEN", "cut off");
}

/** The right small files, with a tarball of nobody's. */
function forged(): SnapshotAnnouncement {
  const tarball = { digest: randomBytes(64).toString("hex") as Digest, size: 30 * MIB };
  return { ...announcementOf(unit), files: { ...announcementOf(unit).files, tarball } };
}

function staged(box: TestBox): number {
  const dir = join(box.dir, "staging");
  if (!existsSync(dir)) return 0;
  const files = readdirSync(dir, { recursive: true, encoding: "utf8" }).map((name) => statSync(join(dir, name)));
  return files.reduce((sum, file) => sum + (file.isFile() ? file.size : 0), 0);
}

test("of units that a member announces and breaks off, one after the other, a bounded number is left on the disk", async () => {
  const lan = new BreakingLan();
  const box = await startBox({ key, lan, init: { replicateRate: 1000 * MIB } });
  for (let turn = 1; turn <= 6; turn += 1) {
    box.snapshots.heard("breaking", [forged()]);
    // what is announced while a pull goes on is looked at when time has passed
    const asked = async (): Promise<number> => box.snapshots.tick().then(() => lan.asked.size);
    await expect.poll(asked, { timeout: 5000 }).toBe(turn);
  }
  await expect.poll(() => staged(box), { timeout: 5000 }).toBeLessThan(2.1 * MIB);
  await box.snapshots.stop();
  expect(staged(box)).toBeLessThan(2.1 * MIB);
});

test("a tarball for which the store has no room is not asked for", async () => {
  const lan = new BreakingLan();
  const box = await startBox({ key, lan });
  box.store.full = true;
  box.snapshots.heard("breaking", [forged()]);
  await expect.poll(() => box.lines.join(), { timeout: 5000 }).toContain("no room");
  expect(lan.asked.size).toBe(0);
});

test("a tarball from upstream for which the store has no room is not staged: the request passes through, and the log says why", async () => {
  const box = await startBox({ key });
  box.mirrors.add(unit);
  box.store.full = true;
  expect((await get(box, unit.date, "tarball")).kind).toBe("pass");
  expect(staged(box)).toBeLessThan(unit.files.tarball.length);
  expect(box.lines).toContainEqual(expect.stringMatching(/passes through and is not kept: no room/));
});

test("a full store speaks against no peer: what it announces is still awaited from there, not looked for upstream", async () => {
  const lan = new BreakingLan();
  const box = await startBox({ key, lan, init: { poll: true } });
  box.mirrors.add(unit);
  box.store.full = true;
  box.snapshots.heard("breaking", [announcementOf(unit)]);
  await expect.poll(() => box.lines.join(), { timeout: 5000 }).toContain("no room");
  box.clock.time += HALF_HOUR_MS;
  await box.snapshots.tick();
  expect(box.mirrors.requests).toEqual([]);
});

test("a unit that peers give and that is refused takes no directory from a download that is about to begin", async () => {
  const lan = new TestLan();
  const box = await startBox({ key, lan });
  const md5sum = new Pulse();
  const mirror = box.mirrors.add(unit);
  const held = { bytes: unit.files.md5sum, holdsAt: { byte: 0, until: md5sum.wait() } };
  mirror.files.set(`/snapshots/${fileName(unit.date, "md5sum")}`, held);
  const getting = get(box, unit.date, "tarball");
  await expect.poll(() => box.mirrors.count(unit.date, "md5sum")).toBe(1);
  const wrong = await makeUnit(await makeKey());
  const files = Object.values(wrong.files);
  lan.liars.push({ label: "liar", give: (digest) => files.find((bytes) => digestOf(bytes) === digest) });
  box.snapshots.heard("liar", [announcementOf(wrong)]);
  await expect.poll(() => box.lines.join(), { timeout: 5000 }).toContain("UNKNOWN_KEY");
  const dirs = (): string => readdirSync(join(box.dir, "staging"), { recursive: true }).join();
  await expect.poll(dirs).not.toContain("peers-");
  md5sum.fire();
  expect((await getting).kind).toBe("passing");
  await keeps(box, unit.date);
});
