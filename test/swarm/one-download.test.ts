import { describe, expect, it } from "vitest";
import { seededRandom } from "../support/seeded-random.ts";
import { DownloadLan, SIZE, type DownloadingBox } from "./download-lan.ts";

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

interface Outcome {
  /** Live boxes without the whole blob. */
  readonly without: number;
  readonly circles: number;
  readonly fromUpstream: number;
  /** For how long more than one box was at upstream without a break. */
  readonly twoAtOnceMs: number;
  /** The longest time without a byte from upstream for anybody. */
  readonly longestGapMs: number;
}

/** What befalls a LAN while its boxes want the blob. */
type Fate = (lan: DownloadLan, random: () => number) => void;

async function run(random: () => number, slowestMs: number, fate: Fate): Promise<Outcome> {
  const lan = new DownloadLan(BOXES, random, slowestMs);
  for (const box of lan.boxes) lan.claims.clock.at(200 * random(), () => void box.want());
  fate(lan, random);
  let [twoSince, twoAtOnceMs]: [number | undefined, number] = [undefined, 0];
  for (let now = LOOK_MS; now < END_MS && !isOver(lan); now += LOOK_MS) {
    await lan.claims.run(now);
    const hasTwo = lan.boxes.filter((box) => box.isAtUpstream && !box.self.isDead).length > 1;
    twoSince = hasTwo ? (twoSince ?? now - LOOK_MS) : undefined;
    twoAtOnceMs = Math.max(twoAtOnceMs, now - (twoSince ?? now));
  }
  return {
    without: lan.boxes.filter((box) => !box.self.isDead && !box.isWhole).length,
    circles: lan.circles,
    fromUpstream: lan.boxes.reduce((sum, { fromUpstream }) => sum + fromUpstream, 0),
    twoAtOnceMs,
    longestGapMs: lan.longestGapMs,
  };
}

function isOver(lan: DownloadLan): boolean {
  return lan.boxes.every((box) => box.self.isDead || box.isWhole);
}

/** Runs all seeds; whatever fails names its own. */
async function forAll(slowestMs: number, fate: Fate, judge: (outcome: Outcome) => void): Promise<void> {
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const outcome = await run(seededRandom(seed), slowestMs, fate);
    try {
      judge(outcome);
    } catch (error) {
      throw new Error(`seed ${seed}: ${JSON.stringify(outcome)}`, { cause: error });
    }
  }
}

const unharmed: Fate = () => {};

const deaths: Fate = (lan, random) => {
  for (const { self } of lan.boxes.slice(0, 1 + Math.floor(3 * random()))) {
    const isSilent = random() < 0.5;
    lan.claims.clock.at(5000 * random(), () => (isSilent ? lan.claims.silence(self) : lan.claims.kill(self)));
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
    for (const box of lan.boxes) if (box.isAtUpstream) lan.claims.silence(box.self);
  });
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
});
