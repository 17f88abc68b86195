import { describe, expect, it } from "vitest";
import type { HeldClaim } from "../../src/core/claim/claims.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { ClaimLan, type ClaimBox } from "./claim-lan.ts";
import { claim } from "./claiming.ts";

/** Runs of a simulation, each with another order of events. */
const SEEDS = 200;

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
