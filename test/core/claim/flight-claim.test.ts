import { expect, test } from "vitest";
import { claimText } from "../../../src/core/claim/claim-event.ts";
import type { BlobClaims, HeldClaim, RivalClaim } from "../../../src/core/claim/claims.ts";
import { FlightClaim } from "../../../src/core/claim/flight-claim.ts";
import { testFile } from "../../support/repository.ts";
import { logInto } from "../../support/log-lines.ts";

const { name, digest } = testFile("wanted-1.0.tar.xz", 1000);
const want = { digest, size: 1000, names: [name], packages: [] };

const never = new AbortController().signal;
const peer = { kind: "peer", isGrowing: true, giver: "giver" } as const;
const upstream = { kind: "upstream" } as const;

/** Other boxes that claim as the test says, and what is told of them. */
class Boxes implements BlobClaims {
  readonly vain: string[] = [];
  readonly forgiven: string[] = [];
  /** Whose claim counts. */
  claimant: RivalClaim | undefined;
  /** What this box's claims become. */
  held: HeldClaim | undefined;

  claimedBy(id: string, received = 0): void {
    this.claimant = { id, holder: `name of ${id}`, received, hasFailed: false };
  }

  rival(): RivalClaim | undefined {
    return this.claimant !== undefined && this.vain.includes(this.claimant.id) ? undefined : this.claimant;
  }

  async claim(): Promise<HeldClaim | undefined> {
    return this.held;
  }

  async news(): Promise<void> {}

  wasVain(id: string): void {
    this.vain.push(id);
  }

  gave(id: string): void {
    this.forgiven.push(id);
  }
}

/** A flight's claim beside boxes, on a clock of its own. */
class Rig {
  readonly boxes = new Boxes();
  now = 0;
  /** Messages at level info and above. */
  readonly logged: string[] = [];
  readonly claim = new FlightClaim({ claims: this.boxes, log: logInto(this.logged) }, want, { now: () => this.now });

  /** Looks each 100 ms whose turn it is, until it is not theirs; returns when that was. */
  followUntil(untilMs: number, received: number, claims: (turn: number) => void = () => {}): number {
    for (let turn = 0; this.now < untilMs; turn += 1, this.now += 100) {
      claims(turn);
      if (this.claim.turn(received) !== "theirs") break;
    }
    return this.now;
  }
}

test("boxes that take turns to claim, each another one, are followed for a minute; a byte of theirs begins another", () => {
  const rig = new Rig();
  const claimedByNext = (turn: number): void => rig.boxes.claimedBy(`box ${turn}`, 900);
  expect(rig.followUntil(30_000, 10, claimedByNext)).toBe(30_000);
  rig.claim.grew(10, peer);
  expect(rig.followUntil(200_000, 10, claimedByNext)).toBe(90_100);
  expect(rig.claim.events.length).toBe(100);
  expect(rig.claim.events.at(-1)).toMatchObject({ event: "alone" });
});

test("the log says which box a file is awaited from, once, however many take turns; who downloads it says so when it is here", async () => {
  const rig = new Rig();
  rig.followUntil(1000, 10, (turn) => rig.boxes.claimedBy(`box ${turn % 2}`, 900));
  expect(rig.logged).toEqual([`${name}: this box awaits it from name of box 0`]);
  expect(rig.claim.events.length).toBe(10);
});

test.each([
  ["says that it has more", 900],
  ["claims again and again, and never says that it has any", 0],
])(
  "a box that %s and gives nothing is followed for 8 s; then its claims count no more, and it is anybody's turn",
  (_, has) => {
    const rig = new Rig();
    rig.boxes.claimedBy("idler", has);
    expect(rig.followUntil(60_000, 0)).toBe(8100);
    expect(rig.boxes.vain).toEqual(["idler"]);
    expect(rig.claim.turn(0)).toBe("open");
  },
);

test("nor is it when two take turns: each has 8 s", () => {
  const rig = new Rig();
  const inTurns = (turn: number): void => rig.boxes.claimedBy(turn % 2 === 0 ? "one" : "other", 900);
  expect(rig.followUntil(60_000, 0, inTurns)).toBeLessThan(17_000);
  rig.boxes.claimedBy("other", 900);
  expect(rig.followUntil(60_000, 0)).toBeLessThan(17_000);
  expect(rig.boxes.vain).toEqual(["one", "other"]);
});

test("boxes with ever new ids that give nothing cost a file two times 8 s, then it goes alone", () => {
  const rig = new Rig();
  const anew = (): void => rig.boxes.claimedBy(`box ${rig.boxes.vain.length}`, 900);
  for (let times = 0; times < 2; times += 1) expect(rig.followUntil(60_000, 10, anew)).toBeLessThan(17_000);
  anew();
  expect(rig.claim.turn(10)).toBe("alone");
  expect(rig.claim.events.at(-1)).toMatchObject({ event: "alone" });
  expect(rig.boxes.vain).toEqual(["box 0", "box 1"]);
});

test("a box that has less than is here may be getting on: it is followed for a minute, and nothing is held against it", () => {
  const rig = new Rig();
  expect(rig.followUntil(200_000, 500, (turn) => rig.boxes.claimedBy("catching up", Math.min(499, 1 + turn)))).toBe(
    60_100,
  );
  expect(rig.boxes.vain).toEqual([]);
});

test("boxes that fall silent in turn, as where upstream is slow for all, have nothing held against them", () => {
  const rig = new Rig();
  expect(rig.followUntil(40_000, 0, (turn) => rig.boxes.claimedBy(`box ${Math.floor(turn / 50)}`))).toBe(40_000);
  expect(rig.boxes.vain).toEqual([]);
});

test("a box for which claims are given up again and again, and that gives nothing, is not given way to any more", async () => {
  const rig = new Rig();
  const winner = { id: "idler", holder: "h2" };
  rig.boxes.held = { lost: AbortSignal.abort(), winner, progress: () => {}, release: () => {} };
  for (let times = 1; times <= 5; times += 1) {
    expect(rig.boxes.vain).toEqual([]);
    expect(rig.claim.turn(0)).toBe("open");
    await rig.claim.claim(0, never);
    rig.claim.grew(times, upstream); // what upstream gives in between says nothing of that box
  }
  expect(rig.boxes.vain).toEqual(["idler"]);
});

test("a box that gives bytes of what it is still receiving is forgiven; bytes begin its time anew", () => {
  const rig = new Rig();
  rig.boxes.claimedBy("slow", 900);
  for (let received = 0; received < 5; received += 1) {
    rig.followUntil(rig.now + 7000, received);
    rig.claim.grew(received + 1, peer);
  }
  expect(rig.boxes.vain).toEqual([]);
  expect(new Set(rig.boxes.forgiven)).toEqual(new Set(["giver"]));
});

test("who lets go of a claim tells for whom", async () => {
  const rig = new Rig();
  const lost = new AbortController();
  const held = { lost: lost.signal, winner: undefined, progress: () => {}, release: () => {} };
  rig.boxes.held = held;
  await rig.claim.claim(0, never);
  Object.assign(held, { winner: { id: "ab", holder: "h2" } });
  lost.abort();
  expect(rig.claim.turn(0)).toBe("open");
  expect(rig.claim.events.at(-1)).toMatchObject({ event: "yielded", box: "h2" });
  expect(claimText(rig.claim.events.at(-1)!)).toBe("h2 goes on with it: this box lets go");
});
