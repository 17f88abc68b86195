import type { PrivateKey } from "openpgp";
import { beforeAll, describe, expect, test } from "vitest";
import type { BlobClaims, HeldClaim, RivalClaim } from "../../src/core/claims.ts";
import { Pulse } from "../../src/core/pulse.ts";
import { fileName } from "../../src/snapshot/name.ts";
import { electedFor } from "../../src/snapshot/policy.ts";
import { get, keeps, never, startBox, TestLan, type TestBox } from "./support/box.ts";
import { publish, TestMirrors } from "./support/mirrors.ts";
import {
  announcementOf,
  DATE,
  makeKey,
  makeUnit,
  OLDER_DATE,
  OLDEST_DATE,
  tarballBytes,
  writeKeyring,
  type TestUnit,
} from "./support/unit.ts";

const HALF_HOUR_MS = 30 * 60_000;
/** Some of the bytes of a tarball, in whole chunks of a mirror. */
const HALF = 131_072;

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

/** Boxes on one LAN behind the same mirrors; what one holds is told to the others at once. */
async function lanOf(count: number, mirrors: TestMirrors, claims?: "lan"): Promise<TestBox[]> {
  const lan = new TestLan();
  const boxes: TestBox[] = [];
  for (let at = 0; at < count; at += 1) {
    const box = await startBox({ key, lan, mirrors, ...(claims && { claims }) });
    box.snapshots.on("changed", () => lan.spread(box));
    boxes.push(box);
  }
  return boxes;
}

/** What claims are where no other box claims, but for what the test says. */
function claimsBut(part: Partial<BlobClaims>): BlobClaims {
  const held: HeldClaim = { lost: never, winner: undefined, progress: () => {}, release: () => {} };
  return {
    rival: () => undefined,
    claim: async () => held,
    news: async (_, __, signal) => new Pulse().wait(signal),
    wasVain: () => {},
    gave: () => {},
    ...part,
  };
}

/** A claim that is granted, lost when the test says so, and followed after that. */
function claimThatIsLost(): { claims: BlobClaims; lose: () => void; progress: number[] } {
  const lost = new AbortController();
  const progress: number[] = [];
  const winner = { id: "h9", holder: "h9" };
  const rival: RivalClaim = { ...winner, received: 1, hasFailed: false };
  const held: HeldClaim = {
    lost: lost.signal,
    get winner() {
      return lost.signal.aborted ? winner : undefined;
    },
    progress: (received) => void progress.push(received),
    release: () => {},
  };
  const claims = claimsBut({
    rival: () => (lost.signal.aborted ? rival : undefined),
    claim: async () => held,
  });
  return { claims, lose: () => lost.abort(), progress };
}

describe("a snapshot that one box has", () => {
  test("comes to six others in the background, with one download from upstream", async () => {
    const mirrors = new TestMirrors();
    mirrors.add(unit);
    const boxes = await lanOf(7, mirrors);
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
    const [first, late] = (await lanOf(2, mirrors)) as [TestBox, TestBox];
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

describe("one download for the LAN", () => {
  test("seven boxes that run the whole sequence at once, cold, ask upstream for one tarball", async () => {
    const mirrors = new TestMirrors();
    mirrors.add(unit);
    const boxes = await lanOf(7, mirrors, "lan");
    await Promise.all(
      boxes.map(async (box) => {
        for (const part of ["md5sum", "signature", "tarball"] as const) {
          expect((await get(box, DATE, part)).bytes.equals(unit.files[part])).toBe(true);
        }
      }),
    );
    expect(mirrors.count(DATE, "tarball")).toBe(1);
    await Promise.all(boxes.map((box) => keeps(box, DATE)));
  });

  test("when the box that downloads dies, another takes over from the byte reached", async () => {
    const mirrors = new TestMirrors();
    const stuck = { holdsAt: { byte: HALF, until: new Pulse().wait() } };
    publish(mirrors.add(unit), unit, stuck);
    const [dying, ...others] = (await lanOf(4, mirrors, "lan")) as [TestBox, ...TestBox[]];
    const lost = get(dying, DATE, "tarball").catch(() => "dead");
    await expect.poll(() => dying.snapshots.transfers()[0]?.received).toBe(HALF);
    const [late, ...following] = others;
    const getting = following.map((box) => get(box, DATE, "tarball"));
    await expect.poll(() => following.map((box) => box.snapshots.transfers()[0]?.received)).toEqual([HALF, HALF]);
    publish(mirrors.mirrors[0]!, unit);
    dying.lan.cutOff(dying);
    getting.push(get(late!, DATE, "tarball")); // it has nothing of it, and may be the first to claim
    for (const { bytes } of await Promise.all(getting)) expect(bytes.equals(unit.files.tarball)).toBe(true);
    expect(mirrors.requests.filter((request) => request.includes(".xz bytes") || request.endsWith(".xz"))).toEqual([
      `GET /snapshots/${fileName(DATE, "tarball")}`,
      `GET /snapshots/${fileName(DATE, "tarball")} bytes=${HALF}-`,
    ]);
    await dying.stop();
    await lost;
  });

  test("wrong bytes that another box gave of it cost a second download, and reach no client", async () => {
    const wrong = await makeUnit(key, { tarball: tarballBytes("wrong", unit.files.tarball.length) });
    const poisoned = new TestMirrors();
    publish(poisoned.add(wrong), wrong, { holdsAt: { byte: HALF, until: new Pulse().wait() } });
    const mirrors = new TestMirrors();
    mirrors.add(unit);
    const lan = new TestLan();
    const liar = await startBox({ key, lan, mirrors: poisoned, claims: "lan" });
    const box = await startBox({ key, lan, mirrors, claims: "lan" });
    const lost = get(liar, DATE, "tarball").catch(() => "dead");
    await expect.poll(() => liar.snapshots.transfers()[0]?.received).toBe(HALF);
    const getting = get(box, DATE, "tarball");
    await expect.poll(() => box.snapshots.transfers()[0]?.received).toBe(HALF);
    lan.cutOff(liar);
    expect((await getting).bytes.equals(unit.files.tarball)).toBe(true);
    expect(mirrors.count(DATE, "tarball")).toBe(2);
    await keeps(box, DATE);
    await liar.stop();
    await lost;
  });

  test("what another box announced while this one was claiming is taken from there", async () => {
    const mirrors = new TestMirrors();
    mirrors.add(unit);
    const lan = new TestLan();
    const having = await startBox({ key, lan, mirrors });
    await having.snapshots.pull(DATE, { signal: never });
    let released = 0;
    const release = (): void => void (released += 1);
    const claims = claimsBut({
      claim: async () => {
        lan.spread(having);
        return { lost: never, winner: undefined, progress: () => {}, release };
      },
    });
    const late = await startBox({ key, lan, mirrors, claims, init: { replicate: false } });
    expect((await get(late, DATE, "tarball")).kind).toBe("held");
    expect(mirrors.count(DATE, "tarball")).toBe(1);
    expect(released).toBe(1);
  });

  test("a download that another box turns out to make is given up, as long as no client was given a byte of it", async () => {
    const mirrors = new TestMirrors();
    const first = new Pulse();
    publish(mirrors.add(unit), unit, { holdsAt: { byte: 0, until: first.wait() } });
    const { claims, lose } = claimThatIsLost();
    const lan = new TestLan();
    const box = await startBox({ key, lan, mirrors, claims, init: { replicate: false, verifyFirst: 2 ** 20 } });
    const getting = get(box, DATE, "tarball");
    await expect.poll(() => mirrors.count(DATE, "tarball")).toBe(1);
    lose();
    first.fire();
    await expect.poll(() => box.lines.join()).toContain("h9 goes on with it");
    const others = new TestMirrors();
    others.add(unit);
    const other = await startBox({ key, lan, mirrors: others });
    await other.snapshots.pull(DATE, { signal: never });
    lan.spread(other);
    expect((await getting).kind).toBe("held");
    expect(mirrors.count(DATE, "tarball")).toBe(1);
  });

  test("a download of which a client was given bytes goes on, whoever claims it", async () => {
    const mirrors = new TestMirrors();
    const rest = new Pulse();
    publish(mirrors.add(unit), unit, { holdsAt: { byte: 100_000, until: rest.wait() } });
    const { claims, lose, progress } = claimThatIsLost();
    const box = await startBox({ key, mirrors, claims });
    const getting = get(box, DATE, "tarball");
    await expect.poll(() => progress.at(-1), { timeout: 5000 }).toBeGreaterThan(0);
    lose();
    rest.fire();
    const { kind, bytes } = await getting;
    expect([kind, bytes.equals(unit.files.tarball)]).toEqual(["passing", true]);
    await keeps(box, DATE);
  });

  test("what upstream answers with 404 is 404 for those who waited, too", async () => {
    const mirrors = new TestMirrors();
    mirrors.add();
    const boxes = await lanOf(3, mirrors, "lan");
    const answers = await Promise.allSettled(boxes.map((box) => get(box, DATE, "tarball")));
    expect(answers.map((answer) => answer.status === "rejected" && answer.reason.code)).toEqual(
      boxes.map(() => "NOT_FOUND"),
    );
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

  test("finds nothing and says so, where it is not out yet", async () => {
    const mirrors = new TestMirrors();
    mirrors.add();
    const box = await startBox({ key, mirrors, init: { poll: true } });
    await box.snapshots.tick();
    box.clock.time += HALF_HOUR_MS;
    await box.snapshots.tick();
    expect(box.lines.join()).toContain("is not out yet");
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
