import { describe, expect, it } from "vitest";
import { seededRandom } from "../support/seeded-random.ts";
import { DownloadLan, SIZE, mirror, type DownloadingBox } from "./download-lan.ts";
import { boasts, exaggerates, fails, idles, neverAcknowledges, takesTurns, type Evil } from "./hostile-member.ts";

/** Runs of each simulation, each with another order of events. */
const SEEDS = 400;
const BOXES = 7;
/** By then all is over, whatever happened. */
const END_MS = 90_000;
/** How long two boxes may be at upstream at once: until each has heard of the other, and of its bytes. */
const TWO_AT_ONCE_MS = 7000;
const LOOK_MS = 10;
/** A claim that was not told again for so long counts no more. */
const SILENCE_MS = 5000;
/** The same where a run takes long. */
const FEWER_SEEDS = 120;
/**
 * What one box needs that gets a blob alone, and what a member that means ill may
 * cost: what it is followed for, and to find out.
 */
const ALONE_MS = 4300;
const LATE_MS = 3000;
const IN_VAIN_MS = 10_000;
/** All want a blob within this time of each other. */
const SPREAD_MS = 200;

interface Outcome {
  /** Live boxes that mean well, without the whole blob. */
  readonly without: number;
  readonly circles: number;
  readonly fromUpstream: number;
  readonly downloads: number;
  /** For how long more than one box was at upstream without a break. */
  readonly twoAtOnceMs: number;
  /** The longest time without a byte from upstream for anybody. */
  readonly longestGapMs: number;
  /** Until all had it. */
  readonly ms: number;
}

/** What befalls a LAN while its boxes want the blob. */
type Fate = (lan: DownloadLan, random: () => number) => void;

async function run(random: () => number, slowestMs: number, fate: Fate): Promise<Outcome> {
  const lan = new DownloadLan(BOXES, random, slowestMs);
  fate(lan, random);
  return getWanted(lan, random);
}

/** All boxes that mean well want the blob. */
async function getWanted(lan: DownloadLan, random: () => number): Promise<Outcome> {
  const { claims, wanted, fromUpstream, downloads } = lan;
  const began = claims.now;
  for (const box of lan.honest) claims.clock.at(began + SPREAD_MS * random(), () => void box.want(wanted));
  let [twoSince, twoAtOnceMs]: [number | undefined, number] = [undefined, 0];
  for (let now = began + LOOK_MS; now < began + END_MS && !lan.isOver; now += LOOK_MS) {
    await claims.run(now);
    const hasTwo = lan.honest.filter(({ isAtUpstream }) => isAtUpstream).length > 1;
    twoSince = hasTwo ? (twoSince ?? now - LOOK_MS) : undefined;
    twoAtOnceMs = Math.max(twoAtOnceMs, now - (twoSince ?? now));
  }
  return {
    without: lan.honest.filter((box) => !box.has(wanted.digest)).length,
    circles: lan.circles,
    fromUpstream: lan.fromUpstream - fromUpstream,
    downloads: lan.downloads - downloads,
    twoAtOnceMs,
    longestGapMs: lan.longestGapMs,
    ms: claims.now - began,
  };
}

/** Runs all seeds; whatever fails names its own. */
async function forAllSeeds(judge: (random: () => number) => Promise<void>, seeds = SEEDS): Promise<void> {
  for (let seed = 1; seed <= seeds; seed += 1) {
    await judge(seededRandom(seed)).catch((error: unknown) => {
      throw new Error(`seed ${seed}`, { cause: error });
    });
  }
}

function forAll(slowestMs: number, fate: Fate, judge: (outcome: Outcome) => void, seeds = SEEDS): Promise<void> {
  return forAllSeeds(async (random) => judge(await run(random, slowestMs, fate)), seeds);
}

const unharmed: Fate = () => {};

const deaths: Fate = (lan, random) => {
  for (const box of lan.boxes.slice(0, 1 + Math.floor(3 * random()))) {
    const isSilent = random() < 0.5;
    lan.claims.clock.at(5000 * random(), () => (isSilent ? lan.silence(box) : lan.kill(box)));
  }
};

/** Sessions break at any time, and come back. */
const breaks: Fate = (lan, random) => {
  const pick = (): DownloadingBox => lan.boxes[Math.floor(BOXES * random())]!;
  for (let number = 0; number < 12; number += 1) {
    const [a, b] = [pick().self, pick().self];
    const from = 6000 * random();
    if (a === b) continue;
    lan.claims.clock.at(from, () => lan.claims.disconnect(a, b));
    lan.claims.clock.at(from + 4000 * random(), () => lan.claims.isConnected(a, b) || lan.claims.connect(a, b));
  }
};

/** The LAN is in two parts for a while. */
const split: Fate = (lan, random) => {
  const [from, length] = [3000 * random(), 2000 * random()];
  const pairs = lan.boxes.slice(0, 3).flatMap((a) => lan.boxes.slice(3).map((b) => [a.self, b.self] as const));
  lan.claims.clock.at(from, () => pairs.forEach(([a, b]) => lan.claims.disconnect(a, b)));
  lan.claims.clock.at(from + length, () => pairs.forEach(([a, b]) => lan.claims.connect(a, b)));
};

/** Upstream falls silent for whoever is at it, once. */
const stall: Fate = (lan, random) => {
  lan.claims.clock.at(300 + 3000 * random(), () => {
    for (const box of lan.boxes) if (box.isAtUpstream) lan.silent.add(box);
  });
};

/** The box that downloads is gone in mid-download, and nobody notices. */
const strike: Fate = (lan, random) => {
  lan.claims.clock.at(1000 + 2000 * random(), () => {
    for (const box of lan.boxes) if (box.isAtUpstream) lan.silence(box);
  });
};

/** Some boxes, not all of them, that no mirror answers, or only the second one. */
const refusals =
  (mirrors: 1 | 2): Fate =>
  (lan, random) => {
    const refused = new Set(lan.boxes.slice(1).filter(() => random() < 0.5));
    lan.mirrors = [mirror("first", { refused }), mirror("second", mirrors === 2 ? { refused } : {})];
  };

/** One box that no mirror answers. */
const misfit: Fate = (lan, random) => {
  const refused = new Set([lan.boxes[Math.floor(BOXES * random())]!]);
  lan.mirrors = [mirror("first", { refused }), mirror("second", { refused })];
};

/** The first download has a wrong byte. */
const wrongByte: Fate = (lan, random) => {
  lan.mirrors = [mirror("first", { wrongAt: Math.floor(SIZE * random()) }), mirror("second")];
};

describe("a blob that seven boxes want at once, in any order of what they tell each other", () => {
  it.each([
    ["at once", 12],
    ["late, as where all compile: after up to 60 ms", 60],
  ])("comes from upstream once, also when they hear each other %s", async (_, slowestMs) => {
    await forAll(slowestMs, unharmed, (outcome) => {
      expect(outcome).toMatchObject({ without: 0, circles: 0, fromUpstream: SIZE, twoAtOnceMs: 0 });
    });
  });

  it("is gone on with half a second after the silence at most when the box that downloads is gone, and by one, though all hear late", async () => {
    await forAll(100, strike, ({ without, fromUpstream, twoAtOnceMs, longestGapMs }) => {
      expect({ without, twoAtOnceMs }).toEqual({ without: 0, twoAtOnceMs: 0 });
      expect(fromUpstream).toBeLessThanOrEqual(SIZE + 1); // the last byte of the lost box may have reached nobody
      expect(longestGapMs).toBeLessThanOrEqual(SILENCE_MS + 500);
    });
  });

  it.each([
    ["boxes die, some in silence", deaths, 2.5],
    ["sessions break and come back", breaks, 3],
    ["the LAN falls in two for a while", split, 2],
    ["upstream falls silent for the one that downloads", stall, 1.1],
  ] as const)(
    "comes to all though %s; nobody waits in a circle, and no two download for long",
    async (_, fate, most) => {
      await forAll(20, fate, ({ without, circles, fromUpstream, twoAtOnceMs }) => {
        expect({ without, circles }).toEqual({ without: 0, circles: 0 });
        expect(fromUpstream).toBeLessThanOrEqual(most * SIZE);
        expect(twoAtOnceMs).toBeLessThanOrEqual(TWO_AT_ONCE_MS);
      });
    },
  );

  it.each([
    ["the first mirror answers only some boxes", refusals(1), 1],
    ["no mirror answers one of them", misfit, 1],
    ["no mirror answers some boxes", refusals(2), 1],
    ["the first download has a wrong byte", wrongByte, 4],
  ] as const)("comes to all, and right, though %s", async (_, fate, most) => {
    await forAll(
      20,
      fate,
      ({ without, circles, fromUpstream }) => {
        expect({ without, circles }).toEqual({ without: 0, circles: 0 });
        expect(fromUpstream).toBeLessThanOrEqual(most * SIZE);
      },
      FEWER_SEEDS,
    );
  });
});

describe("beside a member that gives nothing, and that", () => {
  it.each<[string, Evil, { readonly costMs: number; readonly parts: number }]>([
    ["claims again and again", idles, { costMs: IN_VAIN_MS, parts: 1 }],
    ["says that it has nearly all, and gets on", boasts, { costMs: IN_VAIN_MS, parts: 4 }],
    ["says what cannot be true", exaggerates, { costMs: LATE_MS, parts: 1 }],
    ["claims and lets go whenever another box claims", takesTurns, { costMs: IN_VAIN_MS, parts: 10 }],
    ["claims and says that its sources failed, again and again", fails, { costMs: IN_VAIN_MS, parts: 1 }],
    ["claims, and acknowledges nothing", neverAcknowledges, { costMs: IN_VAIN_MS, parts: 1 }],
  ])(
    "%s, six boxes get three blobs, each from upstream once; to wait for it is not repeated",
    async (_, evil, { costMs, parts }) => {
      let lateMs = 0;
      await forAllSeeds(async (random) => {
        const lan = new DownloadLan(BOXES, random, 20);
        lan.corrupt(lan.boxes[Math.floor(BOXES * random())]!, evil, random);
        const outcomes: Outcome[] = [];
        for (let blob = 0; blob < 3; blob += 1, lan.next()) outcomes.push(await getWanted(lan, random));
        for (const outcome of outcomes) {
          expect(outcome).toMatchObject({ without: 0, circles: 0 });
          expect(outcome.twoAtOnceMs).toBeLessThanOrEqual(TWO_AT_ONCE_MS);
          expect(outcome.downloads).toBeLessThanOrEqual(parts);
          expect(outcome.fromUpstream).toBeLessThanOrEqual(SIZE + outcome.downloads); // a byte may be lost where one begins
        }
        const late = outcomes.map(({ ms }) => ms - ALONE_MS);
        expect(Math.max(...late)).toBeLessThanOrEqual(costMs);
        lateMs += late.reduce((sum, ms) => sum + ms, 0);
      }, FEWER_SEEDS);
      expect(lateMs / FEWER_SEEDS).toBeLessThanOrEqual(costMs); // over the three blobs
    },
  );
});
