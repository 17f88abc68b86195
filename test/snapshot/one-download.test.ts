import type { PrivateKey } from "openpgp";
import { beforeAll, describe, expect, test } from "vitest";
import type { BlobClaims, HeldClaim, RivalClaim } from "../../src/core/claim/claims.ts";
import { Pulse } from "../../src/core/async/pulse.ts";
import { fileName } from "../../src/snapshot/name.ts";
import { get, keeps, lanOf, never, startBox, type TestBox, TestLan } from "./support/box.ts";
import { publish, TestMirrors } from "./support/mirrors.ts";
import { DATE, makeKey, makeUnit, tarballBytes, type TestUnit } from "./support/unit.ts";

/** Some of the bytes of a tarball, in whole chunks of a mirror. */
const HALF = 131_072;

let key: PrivateKey;
let unit: TestUnit;

beforeAll(async () => {
  key = await makeKey();
  unit = await makeUnit(key);
});

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

describe("one download for the LAN", () => {
  test("seven boxes that run the whole sequence at once, cold, ask upstream for one tarball", async () => {
    const mirrors = new TestMirrors();
    mirrors.add(unit);
    const boxes = await lanOf(7, { key, mirrors, claims: "lan" });
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
    const [dying, ...others] = (await lanOf(4, { key, mirrors, claims: "lan" })) as [TestBox, ...TestBox[]];
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
    const boxes = await lanOf(3, { key, mirrors, claims: "lan" });
    const answers = await Promise.allSettled(boxes.map((box) => get(box, DATE, "tarball")));
    expect(answers.map((answer) => answer.status === "rejected" && answer.reason.code)).toEqual(
      boxes.map(() => "NOT_FOUND"),
    );
  });
});
