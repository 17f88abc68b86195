import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Channel } from "../../src/core/channel.ts";
import type { BlobClaims, HeldClaim } from "../../src/core/claims.ts";
import { silentLogger } from "../../src/core/logger.ts";
import type { OpenOptions, Source, SourceBody, SourceFinder, SourceKind } from "../../src/core/source.ts";
import { Contest } from "../../src/retrieve/contest.ts";
import { Expectations } from "../../src/retrieve/expectations.ts";
import { FlightClaim } from "../../src/core/flight-claim.ts";
import { FlightCopy } from "../../src/retrieve/flight-copy.ts";
import { Intake } from "../../src/retrieve/intake.ts";
import { Race } from "../../src/retrieve/race.ts";
import { TransferQueue } from "../../src/retrieve/transfer-queue.ts";
import { UpstreamAsker } from "../../src/retrieve/upstream-asker.ts";
import { testFile } from "../support/repository.ts";
import { MemoryStore, RIGHT } from "../swarm/memory-store.ts";

const KIB = 1024;
const SIZE = 1024 * KIB;
/** What a slow source gives, in bytes a second: 17 minutes for all. */
const SLOW = KIB;
const TRIAL_MS = 3000;
const PAUSE_MS = 1000;
/** After so long a kind of source may be raced again that has lost. */
const LOST_MS = 600_000;

const never = new AbortController().signal;
const { name, digest } = testFile("wanted-1.0.tar.xz", 1000);
const want = { digest, size: SIZE, names: [name], packages: [] };

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => void vi.useRealTimers());

/** A source that gives what the test says, and tells the pace that the test says. */
class Giving implements Source {
  readonly kind: SourceKind;
  readonly label: string;
  /** The bytes from which it was asked. */
  readonly asked: number[] = [];
  /** Others are raced against it. */
  isDoubted = false;
  timesOutpaced = 0;
  tellPace: (bytesPerSecond: number) => void = () => {};
  #bytes = new Channel<Buffer>();
  #missing = SIZE;

  constructor(label: string, kind: SourceKind = "peer") {
    this.kind = kind;
    this.label = label;
  }

  async open({ offset, signal, paced = () => {} }: OpenOptions): Promise<SourceBody> {
    this.asked.push(offset);
    this.tellPace = paced;
    this.#bytes = new Channel();
    this.#missing = SIZE - offset;
    return { bytes: this.#bytes.read(signal) };
  }

  /** Resolves when all that follows has happened. */
  async give(bytes: number): Promise<void> {
    this.#bytes.push(Buffer.alloc(bytes, RIGHT));
    this.#missing -= bytes;
    if (this.#missing === 0) this.#bytes.end();
    await settled();
  }

  async paces(bytesPerSecond: number): Promise<void> {
    this.tellPace(bytesPerSecond);
    await settled();
  }

  blame(): void {}

  doubt(): () => void {
    this.isDoubted = true;
    return () => void (this.isDoubted = false);
  }

  outpaced(): void {
    this.timesOutpaced += 1;
  }
}

/** A flight's parts around a contest, whose other sources are those that the test puts here. */
class Rig {
  readonly others: Record<SourceKind, Giving[]> = { peer: [], upstream: [] };
  /** The box that claims the blob, if there is one. */
  claimant: string | undefined;
  readonly released: boolean[] = [];
  readonly copy: FlightCopy;
  readonly contest: Contest;
  readonly intake: Intake;

  constructor() {
    const log = silentLogger;
    const store = new MemoryStore().forFlights;
    const claim = new FlightClaim({ claims: this.#claims(), log }, want);
    const copy = new FlightCopy({ store, log }, want, { lowestPosition: () => undefined, signal: never });
    const expectations = new Expectations();
    const intake = new Intake(
      { log, copy, claim, expectations },
      {
        want,
        verifyFirst: { peer: Infinity, upstream: Infinity },
        signal: never,
        grew: () => {},
        startsOver: () => {},
        hasClients: () => true,
      },
    );
    const sources = { peers: this.#finder("peer"), upstream: this.#finder("upstream") };
    const parts = { sources, queue: new TransferQueue({ peer: 16, upstream: 8 }), copy, claim, intake, expectations };
    this.copy = copy;
    this.intake = intake;
    this.contest = new Contest({ ...parts, asker: new UpstreamAsker(parts, { want }) }, { want });
  }

  /** With an empty copy. */
  static async open(): Promise<Rig> {
    const rig = new Rig();
    await rig.copy.open(never);
    return rig;
  }

  /** Begins to take from a source, which gives its first bytes. */
  async take(source: Giving): Promise<{ readonly over: Promise<void> }> {
    const race = new Race(never);
    const over = this.contest.take(source, { race, way: race.enter(), isUpstreamAsked: false });
    await settled();
    await source.give(KIB);
    return { over };
  }

  #finder(kind: SourceKind): SourceFinder {
    const others = (): Giving[] => this.others[kind].filter(({ isDoubted }) => !isDoubted);
    return {
      sources: async function* () {
        yield* others();
      },
    };
  }

  #claims(): BlobClaims {
    const held: HeldClaim = {
      lost: never,
      winner: undefined,
      progress: () => {},
      release: ({ failed }) => void this.released.push(failed),
    };
    return {
      rival: () => {
        const id = this.claimant;
        return id === undefined ? undefined : { id, holder: id, received: SIZE, hasFailed: false };
      },
      claim: async () => held,
      news: async () => {},
      wasVain: () => {},
      gave: () => {},
    };
  }
}

/** All that follows on what has happened has happened. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}

test("a peer that proves faster goes on from the byte reached, and the slow one is told", async () => {
  const rig = await Rig.open();
  const [slow, fast] = [new Giving("slow"), new Giving("fast")];
  rig.others.peer.push(fast);
  const { over } = await rig.take(slow);
  await slow.paces(SLOW);
  expect({ asked: fast.asked, isDoubted: slow.isDoubted }).toEqual({ asked: [KIB], isDoubted: true });
  await slow.give(KIB); // it goes on meanwhile
  await fast.give(SIZE - KIB);
  await over;
  expect(rig.copy.received).toBe(SIZE);
  expect(rig.intake.attempts.map(({ source, bytes }) => [source, bytes])).toEqual([
    ["slow", 2 * KIB],
    ["fast", SIZE - 2 * KIB],
  ]);
  expect([slow.timesOutpaced, fast.timesOutpaced, slow.isDoubted]).toEqual([1, 0, false]);
});

test("one that is no faster is left after its time; others are looked for again later each time, four times in all", async () => {
  const rig = await Rig.open();
  const [slow, other] = [new Giving("slow"), new Giving("other")];
  rig.others.peer.push(other);
  await rig.take(slow);
  const races: number[] = [];
  for (let race = 1; race <= 6; race += 1) {
    await slow.paces(SLOW);
    races.push(other.asked.length);
    await vi.advanceTimersByTimeAsync(TRIAL_MS);
    await settled();
    vi.advanceTimersByTime(LOST_MS);
  }
  expect(races).toEqual([1, 2, 3, 4, 4, 4]);
  expect(slow.timesOutpaced).toBe(0);
});

test("while nobody else has it, that is looked for again after a second, then after two", async () => {
  const rig = await Rig.open();
  rig.claimant = "another box"; // so upstream is not asked
  const [slow, late] = [new Giving("slow"), new Giving("late")];
  await rig.take(slow);
  await slow.paces(SLOW);
  rig.others.peer.push(late);
  const asked = async (ms: number): Promise<boolean> => {
    vi.advanceTimersByTime(ms);
    await slow.paces(SLOW);
    return late.asked.length > 0;
  };
  expect([await asked(PAUSE_MS - 1), await asked(1)]).toEqual([false, true]);
});

test("upstream is raced after the peers, where it is this box's turn; its claim ends where that is lost", async () => {
  const rig = await Rig.open();
  const [slow, mirror] = [new Giving("slow"), new Giving("mirror", "upstream")];
  rig.others.upstream.push(mirror);
  rig.claimant = "another box";
  const { over } = await rig.take(slow);
  await slow.paces(SLOW);
  expect(mirror.asked).toEqual([]);
  rig.claimant = undefined;
  for (const pause of [PAUSE_MS, LOST_MS]) {
    vi.advanceTimersByTime(pause);
    await slow.paces(SLOW);
    if (pause === LOST_MS) break;
    await vi.advanceTimersByTimeAsync(TRIAL_MS);
    await settled();
    expect(rig.released).toEqual([false]);
  }
  expect(mirror.asked).toEqual([KIB, KIB]);
  await mirror.give(SIZE - KIB);
  await over;
  expect({ received: rig.copy.received, released: rig.released }).toEqual({ received: SIZE, released: [false] });
});

test("one that was faster only at first is left for the others", async () => {
  const rig = await Rig.open();
  const [slow, fickle] = [new Giving("slow"), new Giving("fickle")];
  rig.others.peer.push(fickle);
  const { over } = await rig.take(slow);
  await slow.paces(SLOW);
  await fickle.give(100 * KIB);
  await fickle.paces(SLOW - 1);
  await over;
  expect(rig.copy.received).toBe(101 * KIB);
  expect([slow.timesOutpaced, fickle.timesOutpaced]).toEqual([1, 1]);
});

test("a newcomer's own pace counts only once it gives: on trial nobody is raced against it", async () => {
  const rig = await Rig.open();
  const [slow, newcomer, third] = [new Giving("slow"), new Giving("newcomer"), new Giving("third")];
  rig.others.peer.push(newcomer, third);
  await rig.take(slow);
  await slow.paces(SLOW);
  await newcomer.give(KIB);
  await newcomer.paces(SLOW);
  expect(third.asked).toEqual([]);
});

test("where each source is asked for all of it, a slow one is left once for the others", async () => {
  const rig = await Rig.open();
  const [slow, other] = [new Giving("slow"), new Giving("other")];
  rig.others.peer.push(other);
  Object.defineProperty(rig.intake, "asksAlone", { value: true });
  const { over } = await rig.take(slow);
  await slow.paces(SLOW);
  await over;
  expect({ received: rig.copy.received, asked: other.asked }).toEqual({ received: KIB, asked: [] });
  await rig.take(slow); // nobody had all of it: it is asked again
  await slow.paces(SLOW);
  await slow.give(KIB);
  expect(rig.copy.received).toBe(3 * KIB);
});
