import { Channel } from "../../src/core/async/channel.ts";
import type { BlobClaims, HeldClaim } from "../../src/core/claim/claims.ts";
import type { SourceError } from "../../src/core/errors.ts";
import { silentLogger } from "../../src/core/logger.ts";
import type { OpenOptions, Source, SourceBody, SourceFinder, SourceKind } from "../../src/core/source.ts";
import { Contest } from "../../src/retrieve/contest.ts";
import { Filling } from "../../src/retrieve/filling.ts";
import { Expectations } from "../../src/retrieve/expectations.ts";
import { FlightClaim } from "../../src/core/claim/flight-claim.ts";
import { FlightCopy } from "../../src/retrieve/flight-copy.ts";
import { Intake } from "../../src/retrieve/intake.ts";
import { Race } from "../../src/retrieve/race.ts";
import { TransferQueue } from "../../src/retrieve/transfer-queue.ts";
import { UpstreamAsker } from "../../src/retrieve/upstream-asker.ts";
import { testFile } from "../support/repository.ts";
import { MemoryStore, RIGHT } from "../swarm/memory-store.ts";

const KIB = 1024;
/** Bytes of the blob that a rig is about. */
export const SIZE = 1024 * KIB;

const never = new AbortController().signal;
const { name, digest } = testFile("wanted-1.0.tar.xz", 1000);
/** It. */
export const WANT = { digest, size: SIZE, names: [name], packages: [] };

/** A source that gives what the test says, and tells the pace that the test says. */
export class Giving implements Source {
  readonly kind: SourceKind;
  readonly label: string;
  isGrowing = false;
  /** The bytes from which it was asked. */
  readonly asked: number[] = [];
  /** Others are raced against it. */
  isDoubted = false;
  timesOutpaced = 0;
  timesBlamed = 0;
  /** Thrown when it is asked. */
  fault: SourceError | undefined;
  tellPace: (bytesPerSecond: number) => void = () => {};
  #bytes = new Channel<Buffer>();
  #missing = SIZE;

  constructor(label: string, kind: SourceKind = "peer") {
    this.kind = kind;
    this.label = label;
  }

  async open({ offset, signal, paced = () => {} }: OpenOptions): Promise<SourceBody> {
    this.asked.push(offset);
    if (this.fault !== undefined) throw this.fault;
    this.tellPace = paced;
    this.#bytes = new Channel();
    this.#missing = SIZE - offset;
    return { bytes: this.#bytes.read(signal) };
  }

  /** Ends early, and has this fault when it is asked again. @param fault none by default */
  async breaksOff(fault?: SourceError): Promise<void> {
    this.fault = fault;
    this.#bytes.end();
    await settled();
  }

  /** Resolves when all that follows has happened. */
  async give(bytes: number, byte = RIGHT): Promise<void> {
    this.#bytes.push(Buffer.alloc(bytes, byte));
    this.#missing -= bytes;
    if (this.#missing === 0) this.#bytes.end();
    await settled();
  }

  /** The same of all that is missing. */
  async giveRest(byte = RIGHT): Promise<void> {
    await this.give(this.#missing, byte);
  }

  async paces(bytesPerSecond: number): Promise<void> {
    this.tellPace(bytesPerSecond);
    await settled();
  }

  blame(): void {
    this.timesBlamed += 1;
  }

  doubt(): () => void {
    this.isDoubted = true;
    return () => void (this.isDoubted = false);
  }

  outpaced(): void {
    this.timesOutpaced += 1;
  }
}

/** A flight's parts around its filling and a contest, whose sources are those that the test puts here. */
export class Rig {
  readonly others: Record<SourceKind, Giving[]> = { peer: [], upstream: [] };
  /** The box that claims the blob, if there is one. */
  claimant: string | undefined;
  readonly released: boolean[] = [];
  /** Ends the filling. */
  readonly ending = new AbortController();
  /** Called when somebody looks for sources of this kind. */
  looking: (kind: SourceKind) => void = () => {};
  #isAwaited = false;
  #begin = (): void => {};
  readonly copy: FlightCopy;
  readonly contest: Contest;
  readonly filling: Filling;
  readonly intake: Intake;

  constructor() {
    const log = silentLogger;
    const store = new MemoryStore().forFlights;
    const claim = new FlightClaim({ claims: this.#claims(), log }, WANT);
    const copy = new FlightCopy({ store, log }, WANT, { positions: () => [], signal: never });
    const expectations = new Expectations();
    const intake = new Intake(
      { log, copy, claim, expectations },
      {
        want: WANT,
        verifyFirst: { peer: Infinity, upstream: Infinity },
        signal: never,
        grew: () => {},
        startsOver: () => {},
        hasClients: () => true,
      },
    );
    const onAwaited = (_: unknown, begin: () => void): (() => void) => {
      this.#begin = begin;
      return () => void (this.#begin = () => {});
    };
    const peers = this.#finder("peer");
    const sources = {
      peers,
      upstream: {
        ...this.#finder("upstream"),
        withheld: async () => [],
        isAwaited: () => this.#isAwaited,
        onAwaited,
      },
      lastResort: peers,
    };
    const parts = { sources, queue: new TransferQueue({ peer: 16, upstream: 8 }), copy, claim, intake, expectations };
    this.copy = copy;
    this.intake = intake;
    this.contest = new Contest({ ...parts, asker: new UpstreamAsker(parts, { want: WANT }) }, { want: WANT });
    this.filling = new Filling(parts, { want: WANT, signal: this.ending.signal });
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

  /** An agent begins to wait here. */
  async awaited(): Promise<void> {
    this.#isAwaited = true;
    this.#begin();
    await settled();
  }

  #finder(kind: SourceKind): SourceFinder {
    const others = (): Giving[] => this.others[kind].filter(({ isDoubted }) => !isDoubted);
    const looking = (): void => this.looking(kind);
    return {
      sources: async function* () {
        looking();
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
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}
