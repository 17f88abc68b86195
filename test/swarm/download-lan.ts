import type { Digest } from "../../src/core/digest.ts";
import type { Want } from "../../src/core/distfile.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { Expectations } from "../../src/retrieve/expectations.ts";
import { Flight } from "../../src/retrieve/flight.ts";
import { TransferQueue } from "../../src/retrieve/transfer-queue.ts";
import { ClaimLan, type ClaimBox } from "./claim-lan.ts";
import { HostileMember, type Evil } from "./hostile-member.ts";
import { MemoryStore } from "./memory-store.ts";
import { SimulatedPeers } from "./simulated-peers.ts";
import { SimulatedUpstream } from "./simulated-upstream.ts";
import type { Given, SimulatedBox, SimulatedLan, SimulatedMirror } from "./simulated-lan.ts";

/** The size of each blob in bytes. */
export const SIZE = 40;
/** Who got an error asks again after so long, as Portage does by the next URI of a file. */
const AGAIN_MS = 1000;

/** No source tells its pace here, so none is raced. */
const expectations = new Expectations();

const INIT = { verifyFirst: { peer: Infinity, upstream: Infinity }, finishUpTo: Infinity };

/** A box that wants blobs: flights as they are, claims as they are, between a store and sources on the LAN's clock. */
export class DownloadingBox implements SimulatedBox {
  readonly lan: DownloadLan;
  readonly self: ClaimBox;
  source: DownloadingBox | undefined;
  isAtUpstream = false;
  evil: HostileMember | undefined;
  readonly #store = new MemoryStore();
  readonly #queue = new TransferQueue({ peer: 16, upstream: 8 });
  #flight: Flight | undefined;

  constructor(lan: DownloadLan, self: ClaimBox) {
    this.lan = lan;
    this.self = self;
  }

  /** Bytes that peers can read here now. */
  get received(): number {
    return this.#flight?.received ?? 0;
  }

  has(digest: Digest): boolean {
    return this.#store.bytesOf(digest) !== undefined;
  }

  /** Gets a blob, as a retriever does; asks again when that fails. */
  async want(want: Want): Promise<void> {
    while (!this.self.isDead && !this.has(want.digest)) {
      const flight = this.#begin(want, this.#flight?.want === want ? this.#flight.misled : 0);
      this.#flight = flight;
      const letGo = flight.hold();
      await flight.landed;
      letGo();
      if (!this.has(want.digest)) await this.lan.claims.sleep(AGAIN_MS);
    }
  }

  open(digest: Digest): Given | undefined {
    const bytes = this.#store.bytesOf(digest);
    if (bytes === undefined) return this.#flight?.want.digest === digest ? this.#flight.openGrowing() : undefined;
    const read = async (position: number, length: number): Promise<Buffer> =>
      bytes.subarray(position, position + length);
    return { received: bytes.length, isRoot: true, read, close: () => {} };
  }

  /** Its program ends. */
  end(): void {
    this.#flight?.abort(new Error("the box is gone"));
  }

  get isGoneUnnoticed(): boolean {
    return this.self.isDead && this.self.isDeaf;
  }

  get hasClosed(): boolean {
    return this.self.isDead && !this.self.isDeaf;
  }

  reaches(box: DownloadingBox): boolean {
    return !box.self.isDead && this.lan.claims.isConnected(this.self, box.self);
  }

  #begin(want: Want, misled: number): Flight {
    const peers = new SimulatedPeers(this);
    const sources = { peers, upstream: new SimulatedUpstream(this), lastResort: peers.lastResort };
    const { claims } = this.self;
    return new Flight(
      want,
      { sources, claims, store: this.#store.forFlights, queue: this.#queue, expectations, log: silentLogger },
      { ...INIT, misled, now: () => this.lan.claims.now },
    );
  }
}

/** Boxes that want one blob after another that nobody has, on a clock of their own. */
export class DownloadLan implements SimulatedLan {
  readonly claims: ClaimLan;
  readonly boxes: readonly DownloadingBox[];
  readonly size = SIZE;
  mirrors: readonly SimulatedMirror[] = [mirror("first"), mirror("second")];
  readonly silent = new Set<DownloadingBox>();
  wanted: Want = blob(0);
  circles = 0;
  /** Bytes that came from upstream, and in how many downloads. */
  fromUpstream = 0;
  downloads = 0;
  /** The longest time in which nobody got a byte from upstream, from the first on. */
  longestGapMs = 0;
  #gaveAt: number | undefined;

  constructor(count: number, random: () => number, slowestMs: number) {
    const delay = (): number => 1 + (slowestMs - 1) * random();
    this.claims = new ClaimLan(count, delay, (id) => this.boxOf(id).received);
    this.boxes = this.claims.boxes.map((box) => new DownloadingBox(this, box));
  }

  /** Boxes that mean well, and live. */
  get honest(): readonly DownloadingBox[] {
    return this.boxes.filter(({ self, evil }) => !self.isDead && evil === undefined);
  }

  /** Whether all of them have the blob. */
  get isOver(): boolean {
    return this.honest.every((box) => box.has(this.wanted.digest));
  }

  /** Another blob is wanted now. */
  next(): void {
    this.wanted = blob(Number.parseInt(this.wanted.digest.slice(0, 2), 16) + 1);
  }

  /** A box means ill from now on. */
  corrupt(box: DownloadingBox, evil: Evil, random: () => number): void {
    box.evil = new HostileMember(box, evil, random);
  }

  /** A box dies, and all others see it. */
  kill(box: DownloadingBox): void {
    this.claims.kill(box.self);
    box.end();
  }

  /** A box dies, and nobody sees it. */
  silence(box: DownloadingBox): void {
    this.claims.silence(box.self);
    box.end();
  }

  boxOf(id: string): DownloadingBox {
    return this.boxes.find(({ self }) => self.id === id)!;
  }

  readerOf(giver: DownloadingBox, asking: DownloadingBox): DownloadingBox | undefined {
    return this.boxes.find((box) => box.source === giver && box !== asking && !box.self.isDead);
  }

  hasReset(a: DownloadingBox, b: DownloadingBox): boolean {
    return !b.self.isDead && !this.claims.isConnected(a.self, b.self);
  }

  upstreamGave({ self }: DownloadingBox, { isFirst }: { isFirst: boolean }): void {
    const { now } = this.claims;
    this.longestGapMs = Math.max(this.longestGapMs, now - (this.#gaveAt ?? now));
    this.#gaveAt = now;
    this.fromUpstream += self.isDead ? 0 : 1;
    if (isFirst) this.downloads += 1;
  }

  /** A box reads from another one from now on; counts the circle that this closes. */
  follows(box: DownloadingBox, giver: DownloadingBox): void {
    box.source = giver;
    let at: DownloadingBox | undefined = giver;
    for (let hops = 0; at !== undefined && hops <= this.boxes.length; hops += 1) {
      if (at === box) this.circles += 1;
      at = at.source;
    }
  }
}

/** A mirror that answers all. */
export function mirror(name: string, faults: Partial<SimulatedMirror> = {}): SimulatedMirror {
  return { name, refused: new Set(), wrongAt: undefined, ...faults };
}

function blob(number: number): Want {
  const digest = number.toString(16).padStart(2, "0").repeat(64) as Digest;
  return { digest, size: SIZE, names: [`file-${number}`], packages: [] };
}
