import { describe, expect, it } from "vitest";
import { digestOf, type Digest } from "../../src/core/digest.ts";
import { RuleBroken } from "../../src/swarm/messages.ts";
import { ClaimLan } from "./claim-lan.ts";
import { BLOB, byRank, claim, claimBlob, held } from "./claiming.ts";

/** Two boxes, the second of which follows the claim of the first; `ended`: until that is over. */
async function followedClaim() {
  const lan = new ClaimLan(2, () => 1);
  const [holder, follower] = lan.boxes;
  const claiming = claim(holder!);
  await lan.run(5);
  const following = await claim(follower!);
  return { lan, holder: holder!, claiming, ended: following.mine ? undefined : following.ended() };
}

describe("a claim of upstream", () => {
  it("makes its holder one to read from as long as it is told, and for a second more", async () => {
    const lan = new ClaimLan(2, () => 1);
    const [holder, reader] = lan.boxes;
    await Promise.all([claimBlob(holder!), lan.run(10)]);
    expect(reader!.claims.givers(BLOB.digest)).toEqual([holder!.id]);
    await lan.run(1010);
    expect(reader!.claims.givers(BLOB.digest)).toEqual([]);
    expect(reader!.claims.rival(BLOB)).toMatchObject({ id: holder!.id });
  });

  it("ends for those who follow when it is released, or its holder dies", async () => {
    for (const end of ["release", "die"]) {
      const { lan, holder, claiming, ended } = await followedClaim();
      expect(await lan.isSettled(ended)).toBe(false);
      if (end === "die") lan.kill(holder);
      else held(await claiming).release({ failed: false });
      await lan.run(10);
      expect(await lan.isSettled(ended)).toBe(true);
    }
  });

  it("lasts as long as it is told of, and 5 s more", async () => {
    const { lan, claiming, ended } = await followedClaim();
    await lan.run(4000);
    held(await claiming).progress(1, "upstream");
    await lan.run(9000);
    expect(await lan.isSettled(ended)).toBe(false);
    await lan.run(9002);
    expect(await lan.isSettled(ended)).toBe(true);
  });

  it("of a blob lasts only as long as it is told of with new bytes", async () => {
    const lan = new ClaimLan(2, () => 1);
    const [holder, follower] = lan.boxes;
    const [mine] = await Promise.all([claimBlob(holder!), lan.run(10)]);
    mine!.progress(7, "upstream");
    await lan.run(4000);
    mine!.progress(7, "upstream");
    await lan.run(5005);
    expect(follower!.claims.rival(BLOB)).toMatchObject({ received: 7 });
    await lan.run(5020);
    expect(follower!.claims.rival(BLOB)).toBeUndefined();
  });

  it("is each box's in turn while all fail: who has failed tries again after those who have not", async () => {
    const lan = new ClaimLan(3, () => 1);
    const tried: string[] = [];
    for (let round = 0; round < 6; round += 1) {
      const claiming = lan.boxes.map((box) => claimBlob(box));
      await lan.run(lan.now + 10);
      const claims = await Promise.all(claiming);
      const won = claims.findIndex((one) => one !== undefined && !one.lost.aborted);
      tried.push(lan.boxes[won]!.id);
      claims[won]!.release({ failed: true });
      await lan.run(lan.now + 10);
    }
    expect(new Set(tried.slice(0, 3)).size).toBe(3);
    expect(tried.slice(3)).toEqual(tried.slice(0, 3));
  });

  it("of a box that has failed is not waited for by one that has not, unless upstream gives it bytes now", async () => {
    const lan = new ClaimLan(2, () => 1);
    const [failed, other] = lan.boxes;
    for (const outcome of [{ failed: true }, undefined]) {
      const [mine] = await Promise.all([claimBlob(failed!), lan.run(lan.now + 10)]);
      if (outcome !== undefined) mine!.release(outcome);
      else {
        expect(other!.claims.rival(BLOB)).toBeUndefined();
        mine!.progress(1, "upstream");
      }
      await lan.run(lan.now + 10);
    }
    expect(other!.claims.rival(BLOB)).toMatchObject({ id: failed!.id });
  });

  it("of a box that has failed is waited for again when that is a minute ago", async () => {
    const lan = new ClaimLan(2, () => 1);
    const [failed, other] = lan.boxes;
    for (const [ms, counts] of [
      [10, false],
      [60_000, true],
    ] as const) {
      const [first] = await Promise.all([claimBlob(failed!), lan.run(lan.now + 10)]);
      first!.release({ failed: !counts });
      await lan.run(lan.now + ms);
      const [again] = await Promise.all([claimBlob(failed!), lan.run(lan.now + 10)]);
      expect(other!.claims.rival(BLOB) !== undefined).toBe(counts);
      again!.release({ failed: false });
      await lan.run(lan.now + 10);
    }
  });

  it("that is silent is let go of for a box that says that it holds the blob; one that gets on is not", async () => {
    const lan = new ClaimLan(2, () => 1);
    const [holder, other] = lan.boxes;
    const [mine] = await Promise.all([claimBlob(holder!), lan.run(10)]);
    const hearsOf = (...subjects: string[]): boolean => {
      holder!.claims.toldHaves(other!.id, (subject) => subjects.includes(subject));
      return mine!.lost.aborted;
    };
    await lan.run(4000);
    mine!.progress(1, "upstream");
    await lan.run(8990);
    expect(hearsOf(BLOB.digest)).toBe(false);
    await lan.run(9000);
    expect(hearsOf("another one")).toBe(false);
    lan.closed.add(`${holder!.id} ${other!.id}`);
    expect(hearsOf(BLOB.digest)).toBe(false); // it cannot be read from
    lan.closed.clear();
    expect(hearsOf(BLOB.digest)).toBe(true);
    expect(mine!.winner).toMatchObject({ id: other!.id });
  });

  it("of a box that was followed in vain counts no more for a minute, then for two; and again once it has given bytes", async () => {
    const lan = new ClaimLan(2, () => 1);
    const [idler, other] = lan.boxes;
    let number = 0;
    const counts = async (): Promise<boolean> => {
      lan.say(idler!, other!, { type: "upstream-claim", subject: BLOB.digest, number: ++number, base: 0, received: 9 });
      await lan.run(lan.now + 5);
      return other!.claims.rival(BLOB) !== undefined;
    };
    const after = async (ms: number): Promise<boolean> => {
      await lan.run(lan.now + ms);
      return counts();
    };
    expect(await counts()).toBe(true);
    other!.claims.wasVain(idler!.id);
    expect(other!.claims.rival(BLOB)).toBeUndefined();
    expect([await after(59_000), await after(1000)]).toEqual([false, true]);
    other!.claims.wasVain(idler!.id);
    expect([await after(119_000), await after(1000)]).toEqual([false, true]);
    other!.claims.gave(idler!.id);
    other!.claims.wasVain(idler!.id);
    expect([await after(59_000), await after(1000)]).toEqual([false, true]);
    await lan.run(lan.now + 60_000);
    other!.claims.wasVain(idler!.id);
    expect(await after(60_000)).toBe(true); // as if it were the first time
  });

  it("of a box that was followed in vain is not yielded to, and nobody takes from it what it says it has", async () => {
    const lan = new ClaimLan(2, () => 1);
    const [idler, other] = byRank(lan.boxes);
    other!.claims.wasVain(idler!.id);
    const [mine] = await Promise.all([claimBlob(other!), lan.run(10)]);
    lan.say(idler!, other!, { type: "upstream-claim", subject: BLOB.digest, number: 1, base: 900, received: 950 });
    lan.say(idler!, other!, { type: "upstream-ack", subject: BLOB.digest, number: 1, received: 950 });
    await lan.run(20);
    expect(mine!.lost.aborted).toBe(false);
    expect(other!.claims.givers(BLOB.digest)).toEqual([]);
  });

  it("with numbers that cannot be true counts for nothing", async () => {
    const lan = new ClaimLan(2, () => 1);
    const [liar, other] = byRank(lan.boxes);
    const [mine] = await Promise.all([claimBlob(other!), lan.run(10)]);
    for (const [base, received] of [
      [2 ** 53 - 1, 2 ** 53 - 1],
      [0, BLOB.size + 1],
      [BLOB.size, BLOB.size],
    ] as const) {
      lan.say(liar!, other!, { type: "upstream-claim", subject: BLOB.digest, number: base, base, received });
      lan.say(liar!, other!, { type: "upstream-ack", subject: BLOB.digest, number: 1, received: 2 ** 53 - 1 });
      await lan.run(lan.now + 10);
      expect(other!.claims.rival(BLOB)).toBeUndefined();
      expect(mine!.lost.aborted).toBe(false);
    }
    lan.say(liar!, other!, { type: "upstream-claim", subject: BLOB.digest, number: 7, base: 999, received: 1000 });
    await lan.run(lan.now + 10);
    expect(mine!.winner).toEqual({ id: liar!.id, holder: `name of ${liar!.id}` });
  });

  it("beyond what one peer may claim at once breaks a rule; what has been silent for 5 s does not count", async () => {
    const lan = new ClaimLan(1, () => 1);
    const blob = (number: number): Digest => digestOf(Buffer.from(`x${number}`));
    const say = (number: number, received = 0): void =>
      lan.boxes[0]!.claims.heard("aa", { type: "upstream-claim", subject: blob(number), number, base: 0, received });
    for (let number = 0; number < 4095; number += 1) say(number);
    await lan.run(3000);
    say(4095);
    say(7, 1);
    expect(() => say(4096)).toThrow(RuleBroken);
    await lan.run(5000);
    for (let number = 4096; number < 8190; number += 1) say(number); // two of before were heard since
    expect(() => say(8190)).toThrow(RuleBroken);
  });
});
