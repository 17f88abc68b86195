import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { PrivateKey } from "openpgp";
import { beforeAll, describe, expect, test } from "vitest";
import { Pulse } from "../../src/core/async/pulse.ts";
import { electedFor } from "../../src/snapshot/policy.ts";
import { get, keeps, lanOf, never, startBox, type TestBox, TestLan } from "./support/box.ts";
import { publish, TestMirrors } from "./support/mirrors.ts";
import {
  announcementOf,
  DATE,
  makeKey,
  makeUnit,
  OLDER_DATE,
  OLDEST_DATE,
  type TestUnit,
  writeKeyring,
} from "./support/unit.ts";

const HALF_HOUR_MS = 30 * 60_000;

let key: PrivateKey;
let unit: TestUnit;
let older: TestUnit;
let oldest: TestUnit;

beforeAll(async () => {
  key = await makeKey();
  unit = await makeUnit(key);
  older = await makeUnit(key, { date: OLDER_DATE });
  oldest = await makeUnit(key, { date: OLDEST_DATE });
});

describe("a snapshot that one box has", () => {
  test("comes to six others in the background, with one download from upstream", async () => {
    const mirrors = new TestMirrors();
    mirrors.add(unit);
    const boxes = await lanOf(7, { key, mirrors });
    await get(boxes[3]!, DATE, "tarball");
    await Promise.all(boxes.map((box) => keeps(box, DATE)));
    expect(mirrors.count(DATE, "tarball")).toBe(1);
    expect(boxes[0]!.snapshots.list()[0]!.peers).toEqual(["h2", "h3", "h4", "h5", "h6", "h7"]);
  });

  test("is served by the others while upstream is down, the small files first", async () => {
    const mirrors = new TestMirrors();
    mirrors.add(unit).down = true;
    const lan = new TestLan();
    const having = await startBox({ key, lan, mirrors });
    const asking = await startBox({ key, lan, mirrors, init: { replicate: false } });
    mirrors.mirrors[0]!.down = false;
    await get(having, DATE, "tarball");
    await keeps(having, DATE);
    mirrors.mirrors[0]!.down = true;
    lan.spread(having);
    for (const part of ["md5sum", "signature", "tarball"] as const) {
      const { kind, bytes } = await get(asking, DATE, part);
      expect(kind).toBe("held");
      expect(bytes.equals(unit.files[part])).toBe(true);
    }
  });

  test("is taken by a box that was off, when it returns: the newest, and it alone", async () => {
    const mirrors = new TestMirrors();
    mirrors.add(oldest, older, unit);
    const [first, late] = (await lanOf(2, { key, mirrors })) as [TestBox, TestBox];
    await first.snapshots.pull(OLDEST_DATE, { signal: never });
    await keeps(late, OLDEST_DATE);
    await late.snapshots.stop();
    await first.snapshots.pull(OLDER_DATE, { signal: never });
    await first.snapshots.pull(DATE, { signal: never });
    await late.restart();
    late.snapshots.heard(first.id, structuredClone(first.snapshots.announcements()));
    await keeps(late, DATE, OLDEST_DATE);
    await late.snapshots.stop();
    expect(late.store.digests()).toHaveLength(6);
  });

  test("is not taken when it is older than what is held, or when replication is off", async () => {
    const lan = new TestLan();
    const mirrors = new TestMirrors();
    mirrors.add(unit, older);
    const having = await startBox({ key, lan, mirrors });
    await having.snapshots.pull(OLDER_DATE, { signal: never });
    const newer = await startBox({ key, lan, mirrors });
    await newer.snapshots.pull(DATE, { signal: never });
    await startBox({ key, lan, mirrors, init: { replicate: false } });
    const taking = await startBox({ key, lan, mirrors });
    lan.askers.clear();
    lan.spread(having);
    await keeps(taking, OLDER_DATE); // the others would have asked by then
    expect([...lan.askers]).toEqual([taking.id]);
  });

  test("held back by the rate limit, hurries as soon as a client asks for it", async () => {
    const lan = new TestLan();
    const mirrors = new TestMirrors();
    mirrors.add(unit);
    const having = await startBox({ key, lan, mirrors });
    await having.snapshots.pull(DATE, { signal: never });
    const slow = await startBox({ key, lan, mirrors, init: { replicateRate: 1000 } }); // would take five minutes
    lan.spread(having);
    expect((await get(slow, DATE, "tarball")).kind).toBe("held");
    expect(mirrors.count(DATE, "tarball")).toBe(1);
  });
});

describe("the poll for the new day's snapshot", () => {
  test("asks upstream from one box, in its turn; the others get it from there", async () => {
    const mirrors = new TestMirrors();
    mirrors.add(unit);
    const lan = new TestLan();
    const start = Date.UTC(2026, 10, 21, 12);
    const turn = (interval: number): string | undefined =>
      electedFor(`${DATE} ${Math.floor(start / HALF_HOUR_MS) + interval}`, ["h1", "h2"]);
    const boxes = [await startBox({ key, lan, mirrors }), await startBox({ key, lan, mirrors })];
    for (const box of boxes) box.snapshots.on("changed", () => lan.spread(box));
    for (const box of boxes) {
      await box.restart({ poll: true });
      box.snapshots.on("changed", () => lan.spread(box));
    }
    expect(mirrors.requests).toEqual([]); // not before the peers have been found
    for (const box of boxes) {
      await box.snapshots.tick();
      box.clock.time += HALF_HOUR_MS;
      await box.snapshots.tick();
    }
    await Promise.all(boxes.map((box) => keeps(box, DATE)));
    expect(mirrors.count(DATE, "tarball")).toBe(1);
    expect(boxes.filter(({ lines }) => lines.join().includes("for all boxes")).map(({ id }) => id)).toEqual([turn(1)]);
  });

  test("is not for what is here, or what a peer has: that comes from there", async () => {
    const mirrors = new TestMirrors();
    mirrors.add(unit);
    const having = await startBox({ key, mirrors, init: { poll: true } });
    await having.snapshots.pull(DATE, { signal: never });
    const hearing = await startBox({ key, mirrors, init: { poll: true, replicate: false } });
    hearing.snapshots.heard(having.id, structuredClone(having.snapshots.announcements()));
    mirrors.requests.length = 0;
    for (const box of [having, hearing]) {
      await box.snapshots.tick();
      box.clock.time += HALF_HOUR_MS;
      await box.snapshots.tick();
      expect(box.lines.join()).not.toContain("for all boxes");
    }
    expect(mirrors.requests).toEqual([]);
  });

  test("finds nothing and says so, where it is not out yet, once; nothing is left on the disk for it", async () => {
    const mirrors = new TestMirrors();
    mirrors.add();
    const box = await startBox({ key, mirrors, init: { poll: true } });
    await box.snapshots.tick();
    box.clock.time += HALF_HOUR_MS;
    await box.snapshots.tick();
    expect(box.lines.join()).toContain("is not out yet");
    box.clock.time += HALF_HOUR_MS;
    await box.snapshots.tick();
    expect(mirrors.count(DATE, "md5sum")).toBe(2);
    expect(box.lines.filter((line) => line.includes("gentoo-"))).toHaveLength(2); // that it looks, and what came of it
    await expect.poll(() => readdirSync(join(box.dir, "staging"), { recursive: true })).toEqual([]);
  });
});

describe("a poll that takes long", () => {
  test("holds up no look at the keyring: what a key signed that is gone is not given out meanwhile", async () => {
    const mirrors = new TestMirrors();
    publish(mirrors.add(older), unit, { holdsAt: { byte: 0, until: new Pulse().wait() } });
    const box = await startBox({ key, mirrors, init: { poll: true } });
    await box.snapshots.pull(OLDER_DATE, { signal: never });
    box.clock.time += HALF_HOUR_MS;
    void box.snapshots.tick();
    await expect.poll(() => mirrors.count(DATE, "tarball")).toBe(1);
    await writeKeyring(box.keyring, await makeKey());
    await box.snapshots.tick();
    expect(box.snapshots.announcements()).toEqual([]);
  });
});

describe("what is announced", () => {
  test("are the verified units with the digests of their files", async () => {
    const mirrors = new TestMirrors();
    mirrors.add(unit);
    const box = await startBox({ key, mirrors });
    await box.snapshots.pull(DATE, { signal: never });
    expect(box.snapshots.announcements()).toEqual([announcementOf(unit)]);
  });
});
