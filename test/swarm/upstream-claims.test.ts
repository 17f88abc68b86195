import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { digestOf, type Digest } from "../../src/core/digest.ts";
import type { HeldClaim } from "../../src/core/claims.ts";
import { RuleBroken } from "../../src/swarm/messages.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { ClaimLan, type ClaimBox } from "./claim-lan.ts";

const BLOB = { digest: "ab".repeat(64) as Digest, size: 1000 };
/** Runs of a simulation, each with another order of events. */
const SEEDS = 200;
const never = new AbortController().signal;

/** The order in which claims win. */
function byRank(boxes: readonly ClaimBox[]): ClaimBox[] {
  const rank = ({ id }: ClaimBox): string =>
    createHash("blake2b512").update(BLOB.digest).update(Buffer.from(id, "hex")).digest("hex");
  return boxes.toSorted((a, b) => (rank(a) < rank(b) ? -1 : 1));
}

/** As a tree snapshot on its way is claimed: its size is not known yet. */
const TARBALL = { ...BLOB, size: Infinity };

/** What came of a claim of {@link TARBALL}: it is this box's, or that of another one, until that has ended. */
type Claim =
  | { readonly mine: true; readonly held: HeldClaim }
  | { readonly mine: false; readonly holder: string | undefined; ended(lookEveryMs?: number): Promise<void> };

async function claim(box: ClaimBox, signal = never): Promise<Claim> {
  const held = await box.claims.claim(TARBALL, { received: 0, signal });
  if (held !== undefined && !held.lost.aborted) return { mine: true, held };
  const ended = async (lookEveryMs = 1): Promise<void> => {
    while (box.claims.rival(TARBALL) !== undefined) await box.claims.news(TARBALL.digest, lookEveryMs, never);
  };
  return { mine: false, holder: box.claims.rival(TARBALL)?.holder, ended };
}

function held(claim: Claim | undefined): HeldClaim {
  if (claim?.mine !== true) throw new Error("is not held");
  return claim.held;
}

describe("a claim of upstream", () => {
  it("without peers is granted at once", async () => {
    const lan = new ClaimLan(1, () => 1);
    expect((await claim(lan.boxes[0]!)).mine).toBe(true);
    expect(lan.now).toBe(0);
  });

  it("is granted when all peers have acknowledged it, and not before", async () => {
    const lan = new ClaimLan(3, (from) => (from === 2 ? 9 : 2));
    const claiming = claim(lan.boxes[0]!);
    await lan.run(10);
    expect(await lan.isSettled(claiming)).toBe(false);
    await lan.run(12);
    expect((await claiming).mine).toBe(true);
  });

  it("is granted after 30 ms, though a peer is silent", async () => {
    const lan = new ClaimLan(3, () => 1);
    lan.boxes[2]!.isDeaf = true;
    const claiming = claim(lan.boxes[0]!);
    await lan.run(29);
    expect(await lan.isSettled(claiming)).toBe(false);
    await lan.run(31);
    expect((await claiming).mine).toBe(true);
  });

  it("is granted after a second where nobody answers: they may not hear this box for a moment", async () => {
    const lan = new ClaimLan(3, () => 1);
    lan.boxes[1]!.isDeaf = true;
    lan.boxes[2]!.isDeaf = true;
    const claiming = claim(lan.boxes[0]!);
    await lan.run(999);
    expect(await lan.isSettled(claiming)).toBe(false);
    await lan.run(1001);
    expect((await claiming).mine).toBe(true);
    held(await claiming).release({ failed: false });
    expect((await claim(lan.boxes[0]!)).mine).toBe(true); // who let it wait is not waited for again
    expect(lan.now).toBe(1001);
  });

  it("waits for slow peers four times as long as the slowest took that has answered", async () => {
    const lan = new ClaimLan(3, (from, to) => (Math.max(from, to) === 1 ? 10 : 35));
    const claiming = claim(lan.boxes[0]!);
    await lan.run(69);
    expect(await lan.isSettled(claiming)).toBe(false);
    await lan.run(71);
    expect((await claiming).mine).toBe(true);
  });

  it("is granted after 250 ms where others claim at the same time, though a peer is silent", async () => {
    const lan = new ClaimLan(3, () => 1);
    const [winner, loser] = byRank(lan.boxes.slice(0, 2));
    lan.boxes[2]!.isDeaf = true;
    const claims = [claim(winner!), claim(loser!)];
    await lan.run(249);
    expect(await lan.isSettled(claims[0])).toBe(false);
    await lan.run(251);
    expect((await Promise.all(claims)).map(({ mine }) => mine)).toEqual([true, false]);
  });

  it("does not wait for the peer whose silence it takes over from", async () => {
    const lan = new ClaimLan(2, () => 1);
    const [stuck, next] = lan.boxes;
    await Promise.all([claim(stuck!), lan.run(10)]);
    lan.silence(stuck!);
    await lan.run(6000);
    expect((await claim(next!)).mine).toBe(true);
    expect(lan.now).toBe(6000);
  });

  it("makes its holder one to read from as long as it is told, and for a second more", async () => {
    const lan = new ClaimLan(2, () => 1);
    const [holder, reader] = lan.boxes;
    await Promise.all([holder!.claims.claim(BLOB, { received: 0, signal: never }), lan.run(10)]);
    expect(reader!.claims.givers(BLOB.digest)).toEqual([holder!.id]);
    await lan.run(1010);
    expect(reader!.claims.givers(BLOB.digest)).toEqual([]);
    expect(reader!.claims.rival(BLOB)).toMatchObject({ id: holder!.id });
  });

  it("does not wait for a peer whose session ends", async () => {
    const lan = new ClaimLan(2, () => 1);
    lan.boxes[1]!.isDeaf = true;
    const claiming = claim(lan.boxes[0]!);
    lan.kill(lan.boxes[1]!);
    expect((await claiming).mine).toBe(true);
  });

  it("goes to the box with the lower hash when two claim at the same time, whoever was first by a hair", async () => {
    for (const first of [0, 1]) {
      const lan = new ClaimLan(2, () => 3);
      const [winner, loser] = byRank(lan.boxes);
      const order = first === 0 ? [winner!, loser!] : [loser!, winner!];
      const claims = order.map(async (box, at) => {
        await lan.sleep(at);
        return claim(box);
      });
      await lan.run(100);
      const [one, two] = await Promise.all(claims);
      expect([one!.mine, two!.mine]).toEqual(first === 0 ? [true, false] : [false, true]);
    }
  });

  it("that all know of is followed, whatever the hashes say", async () => {
    const lan = new ClaimLan(2, () => 1);
    const [lower, higher] = byRank(lan.boxes);
    const first = claim(higher!);
    await lan.run(10);
    expect((await first).mine).toBe(true);
    expect(await claim(lower!)).toMatchObject({ mine: false, holder: `name of ${higher!.id}` });
  });

  it("is known to a box that comes later", async () => {
    const lan = new ClaimLan(2, () => 1);
    const [holder, late] = lan.boxes;
    lan.disconnect(holder!, late!);
    expect((await claim(holder!)).mine).toBe(true);
    lan.connect(holder!, late!);
    await lan.run(5);
    expect((await claim(late!)).mine).toBe(false);
  });

  it("of a box that cannot be read from is neither followed nor yielded to: both ask upstream, and a third follows", async () => {
    const lan = new ClaimLan(3, () => 1);
    const [closed, second, third] = byRank(lan.boxes);
    for (const reader of [second!, third!]) lan.closed.add(`${reader.id} ${closed!.id}`);
    const claims = [claim(closed!), claim(second!)];
    await lan.run(10);
    expect((await Promise.all(claims)).map(({ mine }) => mine)).toEqual([true, true]);
    await lan.run(2000);
    const both = (await Promise.all(claims)).map(held);
    expect(both.map(({ lost }) => lost.aborted)).toEqual([false, false]);
    expect(await claim(third!)).toMatchObject({ mine: false, holder: `name of ${second!.id}` });
  });

  it("ends for those who follow when it is released, or its holder dies", async () => {
    for (const end of ["release", "die"]) {
      const lan = new ClaimLan(2, () => 1);
      const [holder, follower] = lan.boxes;
      const claiming = claim(holder!);
      await lan.run(5);
      const following = await claim(follower!);
      const ended = following.mine ? undefined : following.ended();
      expect(await lan.isSettled(ended)).toBe(false);
      if (end === "die") lan.kill(holder!);
      else held(await claiming).release({ failed: false });
      await lan.run(10);
      expect(await lan.isSettled(ended)).toBe(true);
    }
  });

  it("lasts as long as it is told of, and 5 s more", async () => {
    const lan = new ClaimLan(2, () => 1);
    const [holder, follower] = lan.boxes;
    const claiming = claim(holder!);
    await lan.run(5);
    const following = await claim(follower!);
    const ended = following.mine ? undefined : following.ended();
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
    const [mine] = await Promise.all([holder!.claims.claim(BLOB, { received: 0, signal: never }), lan.run(10)]);
    mine!.progress(7, "upstream");
    await lan.run(4000);
    mine!.progress(7, "upstream");
    await lan.run(5005);
    expect(follower!.claims.rival(BLOB)).toMatchObject({ received: 7 });
    await lan.run(5020);
    expect(follower!.claims.rival(BLOB)).toBeUndefined();
  });

  it("that fell silent without a byte is taken over, and lost to the one who took over when that has bytes", async () => {
    const lan = new ClaimLan(2, () => 1);
    const [lower, higher] = byRank(lan.boxes);
    const stuck = claim(lower!);
    await lan.run(5100);
    const taken = claim(higher!);
    await lan.run(5200);
    expect(held(await stuck).lost.aborted).toBe(false);
    held(await taken).progress(1000, "upstream");
    await lan.run(5300);
    expect(held(await stuck).lost.aborted).toBe(true);
    expect(held(await taken).lost.aborted).toBe(false);
  });

  it("with bytes is lost by the higher hash when two parts of a LAN meet: that one goes on from the other's", async () => {
    const lan = new ClaimLan(2, () => 1);
    const [a, b] = byRank(lan.boxes);
    lan.disconnect(a!, b!);
    const claims = [held(await claim(a!)), held(await claim(b!))];
    for (const one of claims) one.progress(5, "upstream");
    lan.connect(a!, b!);
    await lan.run(100);
    expect(claims.map(({ lost }) => lost.aborted)).toEqual([false, true]);
  });

  it("with bytes of other boxes alone is lost to one that upstream gives to, whoever has more", async () => {
    const lan = new ClaimLan(2, () => 1);
    const [a, b] = lan.boxes;
    lan.disconnect(a!, b!);
    const make = (box: ClaimBox) => box.claims.claim(BLOB, { received: 0, signal: never });
    const [fed, working] = await Promise.all([make(a!), make(b!)]);
    fed!.progress(900, "peer");
    fed!.progress(950, "peer");
    working!.progress(5, "upstream");
    lan.connect(a!, b!);
    await lan.run(100);
    expect([fed, working].map((one) => one!.lost.aborted)).toEqual([true, false]);
  });

  it("that goes on from what other boxes gave is as good as one that began there", async () => {
    for (const isFedFirst of [true, false]) {
      const lan = new ClaimLan(2, () => 1);
      const [fed, other] = isFedFirst ? lan.boxes : lan.boxes.toReversed();
      lan.disconnect(fed!, other!);
      const [mine, its] = await Promise.all([
        fed!.claims.claim(BLOB, { received: 0, signal: never }),
        other!.claims.claim(BLOB, { received: 500, signal: never }),
      ]);
      mine!.progress(900, "peer");
      lan.connect(fed!, other!);
      await lan.run(100);
      expect([mine, its].map((one) => one!.lost.aborted)).toEqual([false, true]);
    }
  });

  it("without bytes is lost by the higher hash when two parts of a LAN meet", async () => {
    const lan = new ClaimLan(2, () => 1);
    const [lower, higher] = byRank(lan.boxes);
    lan.disconnect(lower!, higher!);
    const claims = [held(await claim(lower!)), held(await claim(higher!))];
    lan.connect(lower!, higher!);
    await lan.run(100);
    expect(claims.map(({ lost }) => lost.aborted)).toEqual([false, true]);
    expect(String(claims[1]!.lost.reason)).toContain(`name of ${lower!.id}`);
  });

  it("is one at a time for a blob on a box", async () => {
    const lan = new ClaimLan(1, () => 1);
    const first = held(await claim(lan.boxes[0]!));
    await expect(claim(lan.boxes[0]!)).rejects.toThrow(/claimed here already/);
    first.release({ failed: false });
    first.release({ failed: false });
    expect((await claim(lan.boxes[0]!)).mine).toBe(true);
  });

  it("that is broken off while it waits is told to be over", async () => {
    const lan = new ClaimLan(2, () => 10);
    const enough = new AbortController();
    const claiming = claim(lan.boxes[0]!, enough.signal);
    enough.abort(new Error("the agent is stopping"));
    await expect(claiming).rejects.toThrow("the agent is stopping");
    await lan.run(15);
    expect((await Promise.all([claim(lan.boxes[1]!), lan.run(50)]))[0].mine).toBe(true);
  });

  it("is each box's in turn while all fail: who has failed tries again after those who have not", async () => {
    const lan = new ClaimLan(3, () => 1);
    const tried: string[] = [];
    for (let round = 0; round < 6; round += 1) {
      const claiming = lan.boxes.map(({ claims }) => claims.claim(BLOB, { received: 0, signal: never }));
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
      const [mine] = await Promise.all([
        failed!.claims.claim(BLOB, { received: 0, signal: never }),
        lan.run(lan.now + 10),
      ]);
      if (outcome !== undefined) mine!.release(outcome);
      else {
        expect(other!.claims.rival(BLOB)).toBeUndefined();
        mine!.progress(1, "upstream");
      }
      await lan.run(lan.now + 10);
    }
    expect(other!.claims.rival(BLOB)).toMatchObject({ id: failed!.id });
  });

  it("that is silent is let go of for a box that says that it holds the blob; one that gets on is not", async () => {
    const lan = new ClaimLan(2, () => 1);
    const [holder, other] = lan.boxes;
    const [mine] = await Promise.all([holder!.claims.claim(BLOB, { received: 0, signal: never }), lan.run(10)]);
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
    const [mine] = await Promise.all([other!.claims.claim(BLOB, { received: 0, signal: never }), lan.run(10)]);
    lan.say(idler!, other!, { type: "upstream-claim", subject: BLOB.digest, number: 1, base: 900, received: 950 });
    lan.say(idler!, other!, { type: "upstream-ack", subject: BLOB.digest, number: 1, received: 950 });
    await lan.run(20);
    expect(mine!.lost.aborted).toBe(false);
    expect(other!.claims.givers(BLOB.digest)).toEqual([]);
  });

  it("with numbers that cannot be true counts for nothing", async () => {
    const lan = new ClaimLan(2, () => 1);
    const [liar, other] = byRank(lan.boxes);
    const [mine] = await Promise.all([other!.claims.claim(BLOB, { received: 0, signal: never }), lan.run(10)]);
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

/** How one run ended. */
interface Outcome {
  /** Downloads that were begun and not given up before their first byte. */
  readonly downloads: number;
  /** Boxes that have the file. */
  readonly having: number;
}

/** How long the file takes from upstream, and until the first byte of it, in milliseconds. */
const FIRST_BYTE_MS = 40;
const DOWNLOAD_MS = 3000;

/** Seven boxes want the file within 100 ms of each other; each does what the snapshots do with a claim. */
async function wantAll(lan: ClaimLan, random: () => number): Promise<Outcome> {
  let downloads = 0;
  const having = new Set<ClaimBox>();

  async function download(box: ClaimBox, claim: HeldClaim): Promise<void> {
    await lan.sleep(FIRST_BYTE_MS);
    if (box.isDead || claim.lost.aborted) return claim.release({ failed: false });
    downloads += 1;
    for (let ms = 0; ms < DOWNLOAD_MS && !box.isDead; ms += 500) {
      claim.progress(ms + 1, "upstream");
      await lan.sleep(500);
    }
    if (box.isDead) return;
    having.add(box);
    claim.release({ failed: false });
  }

  async function want(box: ClaimBox): Promise<void> {
    await lan.sleep(100 * random());
    while (!box.isDead && !having.has(box)) {
      const one = await claim(box);
      if (having.size > 0) having.add(box); // announced: taken from there
      if (one.mine) await (having.has(box) ? one.held.release({ failed: false }) : download(box, one.held));
      else if (!having.has(box)) await one.ended(250);
    }
  }

  for (const box of lan.boxes) void want(box);
  await lan.run(60_000);
  return { downloads, having: having.size };
}

describe("seven boxes that want the same at once", () => {
  /** Runs all seeds; whatever fails names its own. */
  async function forAll(judge: (random: () => number) => Promise<void>): Promise<void> {
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      await judge(seededRandom(seed)).catch((error: unknown) => {
        throw new Error(`seed ${seed}`, { cause: error });
      });
    }
  }

  it.each([
    ["in any order of what they tell each other", 12],
    ["though some hear late: up to 36 ms", 36],
  ])("download it once, %s", async (_, slowest) => {
    await forAll(async (random) => {
      const lan = new ClaimLan(7, () => 1 + (slowest - 1) * random());
      expect(await wantAll(lan, random)).toEqual({ downloads: 1, having: 7 });
    });
  });

  it("have it in the end, whoever dies when, with one download more for each death", async () => {
    await forAll(async (random) => {
      const lan = new ClaimLan(7, () => 1 + 11 * random());
      const deaths = 1 + Math.floor(3 * random());
      for (const box of lan.boxes.slice(0, deaths)) {
        const isSilent = random() < 0.5;
        lan.clock.at(5000 * random(), () => (isSilent ? lan.silence(box) : lan.kill(box)));
      }
      const { downloads, having } = await wantAll(lan, random);
      expect(having).toBeGreaterThanOrEqual(7 - deaths);
      expect(downloads).toBeLessThanOrEqual(1 + deaths);
    });
  });
});
