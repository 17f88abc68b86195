import type { Digest } from "../../src/core/digest.ts";
import type { HeldClaim, RivalClaim } from "../../src/core/claims.ts";
import type { SourceKind } from "../../src/core/source.ts";
import { mayFollow } from "../../src/peer/may-follow.ts";
import { NOTHING_ASKED, nextStep, turnOf, type Turn } from "../../src/retrieve/source-plan.ts";
import { ClaimLan, type ClaimBox } from "./claim-lan.ts";

export const SUBJECT = "ab".repeat(64) as Digest;
/** The size of the blob, and what upstream and a peer bring in one step, in bytes. */
export const SIZE = 40;
const BLOB = { digest: SUBJECT, size: SIZE };
const FROM_UPSTREAM = 1;
const FROM_PEER = 5;
const STEP_MS = 100;
/** To the first byte from upstream. */
const FIRST_BYTE_MS = 40;
/** A reader leaves a copy that brought nothing for so long. */
const SILENCE_MS = 5000;
const PROGRESS_MS = 250;
const NEWS_MS = 100;
/** What a dial to a box costs that is gone, which nobody knows. */
const DIAL_MS = 1000;

const never = new AbortController().signal;

/** A box that wants the blob. */
export class DownloadingBox {
  readonly lan: DownloadLan;
  readonly self: ClaimBox;
  received = 0;
  /** Whom it reads from and waits for. */
  source: DownloadingBox | undefined;
  isRoot = false;
  /** Bytes that it got from upstream. */
  fromUpstream = 0;
  isAtUpstream = false;
  #held: HeldClaim | undefined;
  #rival: RivalClaim | undefined;
  #movedAt = 0;
  #toldAt = 0;

  constructor(lan: DownloadLan, self: ClaimBox) {
    this.lan = lan;
    this.self = self;
  }

  get isWhole(): boolean {
    return this.received === SIZE;
  }

  /** Gets the blob, as a flight does. */
  async want(): Promise<void> {
    this.#movedAt = this.lan.claims.now;
    let asked = NOTHING_ASKED;
    while (!this.isWhole && !this.self.isDead) {
      const turn = this.#turn();
      const step = nextStep(asked, turn);
      if (step === "peers") {
        asked = { ...asked, peers: await this.#askPeers({ follow: turn !== "alone" }) };
      } else if (step === "wait") {
        await this.self.claims.news(SUBJECT, NEWS_MS, never);
        asked = { ...asked, peers: false };
      } else {
        await this.#askUpstream(turn);
        asked = NOTHING_ASKED;
      }
    }
    if (!this.self.isDead) this.#held?.release({ failed: false });
  }

  #turn(): Turn {
    if (this.#held?.lost.aborted === true) this.#held = undefined;
    const rival = this.self.claims.rival(BLOB);
    if (rival !== undefined && this.#held === undefined) this.#follow(rival);
    const turn = turnOf({
      isOurs: this.#held !== undefined,
      isTheirs: rival !== undefined && this.#held === undefined,
      hasRivalFailed: rival === undefined && this.#rival?.hasFailed === true,
      idleMs: this.lan.claims.now - this.#movedAt,
      misled: 0,
    });
    this.isRoot = turn === "ours";
    return turn;
  }

  #follow(rival: RivalClaim): void {
    if (rival.holder !== this.#rival?.holder) this.#movedAt = this.lan.claims.now;
    this.#rival = rival;
  }

  /** Whether all were asked in vain. */
  async #askPeers({ follow }: { follow: boolean }): Promise<boolean> {
    const whole = this.lan.boxes.filter((box) => box.isWhole && this.#reaches(box));
    const growing = follow ? this.self.claims.givers(SUBJECT).map((id) => this.lan.boxOf(id)) : [];
    const before = this.received;
    for (const first of [...whole, ...growing]) {
      await this.#readAlong(first, { follow });
      if (this.received > before) return false;
    }
    return true;
  }

  /** Reads where it is let in: of a box that has a reader, from that one. */
  async #readAlong(first: DownloadingBox, { follow }: { follow: boolean }): Promise<void> {
    let giver: DownloadingBox | undefined = first;
    for (let hops = 0; giver !== undefined && hops < this.lan.boxes.length; hops += 1) {
      const reader: DownloadingBox | undefined = this.lan.readerOf(giver, this);
      if (reader === undefined) return this.#read(giver, { follow });
      giver = reader;
    }
  }

  async #read(giver: DownloadingBox, { follow }: { follow: boolean }): Promise<void> {
    await this.lan.claims.sleep(giver.isGoneUnnoticed ? DIAL_MS : 2);
    if (this.self.isDead || !this.#reaches(giver) || !mayFollow(giver, this.received)) return;
    const end = follow ? SIZE : giver.received;
    this.source = follow ? giver : undefined;
    this.lan.checkCircle(this);
    for (let silentMs = 0; this.received < end && silentMs < SILENCE_MS;) {
      await this.lan.claims.sleep(STEP_MS);
      if (this.self.isDead || giver.hasClosed || this.lan.hasReset(this, giver)) break;
      const more = this.#reaches(giver) ? Math.min(FROM_PEER, giver.received - this.received) : 0;
      silentMs = more > 0 ? 0 : silentMs + STEP_MS;
      if (more > 0) this.#grow(more, "peer");
    }
    this.source = undefined;
  }

  async #askUpstream(turn: Turn): Promise<void> {
    this.isRoot = true;
    if (turn === "open") {
      this.#held = await this.self.claims.claim(BLOB, { received: this.received, signal: never });
      if (this.#held?.lost.aborted === true) this.#held = undefined;
      if (this.#held === undefined) return void (this.isRoot = false);
      await this.#takePresent();
    }
    const lost = this.#held?.lost ?? never;
    await this.lan.claims.sleep(FIRST_BYTE_MS);
    while (!this.isWhole && !this.self.isDead && !lost.aborted) {
      this.isAtUpstream = !this.self.isDeaf;
      await this.lan.claims.sleep(STEP_MS);
      if (this.self.isDead || lost.aborted || this.lan.isUpstreamSilent(this)) continue;
      this.fromUpstream += FROM_UPSTREAM;
      this.lan.upstreamGave();
      this.#grow(FROM_UPSTREAM, "upstream");
    }
    this.isAtUpstream = false;
    this.isRoot = this.isWhole;
  }

  async #takePresent(): Promise<void> {
    for (const id of this.self.claims.givers(SUBJECT)) await this.#read(this.lan.boxOf(id), { follow: false });
  }

  get isGoneUnnoticed(): boolean {
    return this.self.isDead && this.self.isDeaf;
  }

  /** Its program is gone: whoever reads from it sees that, if the line is not. */
  get hasClosed(): boolean {
    return this.self.isDead && !this.self.isDeaf;
  }

  #reaches(box: DownloadingBox): boolean {
    return !box.self.isDead && this.lan.claims.isConnected(this.self, box.self);
  }

  #grow(bytes: number, from: SourceKind): void {
    this.received += bytes;
    this.#movedAt = this.lan.claims.now;
    if (this.lan.claims.now - this.#toldAt < PROGRESS_MS) return;
    this.#toldAt = this.lan.claims.now;
    this.#held?.progress(this.received, from);
  }
}

/** Boxes that want one blob that nobody has, on a clock of their own. Throws when they wait for each other in a circle. */
export class DownloadLan {
  readonly claims: ClaimLan;
  readonly boxes: readonly DownloadingBox[];
  /** Boxes whose upstream sends nothing now. */
  readonly silent = new Set<DownloadingBox>();
  circles = 0;
  /** The longest time in which nobody got a byte from upstream, from the first on. */
  longestGapMs = 0;
  #gaveAt: number | undefined;

  constructor(count: number, random: () => number, slowestMs: number) {
    const delay = (): number => 1 + (slowestMs - 1) * random();
    this.claims = new ClaimLan(count, delay, (id) => this.boxOf(id).received);
    this.boxes = this.claims.boxes.map((box) => new DownloadingBox(this, box));
  }

  boxOf(id: string): DownloadingBox {
    return this.boxes.find(({ self }) => self.id === id)!;
  }

  /** The box that reads from a box now, beside the one that asks. */
  readerOf(giver: DownloadingBox, asking: DownloadingBox): DownloadingBox | undefined {
    return this.boxes.find((box) => box.source === giver && box !== asking && !box.self.isDead);
  }

  /** Whether a connection was broken off, which both ends see. */
  hasReset(a: DownloadingBox, b: DownloadingBox): boolean {
    return !b.self.isDead && !this.claims.isConnected(a.self, b.self);
  }

  /** Upstream gave somebody a byte. */
  upstreamGave(): void {
    const { now } = this.claims;
    this.longestGapMs = Math.max(this.longestGapMs, now - (this.#gaveAt ?? now));
    this.#gaveAt = now;
  }

  isUpstreamSilent(box: DownloadingBox): boolean {
    return this.silent.has(box);
  }

  /** Counts a circle that a box has closed. */
  checkCircle(box: DownloadingBox): void {
    let at = box.source;
    for (let hops = 0; at !== undefined && hops <= this.boxes.length; hops += 1) {
      if (at === box) this.circles += 1;
      at = at.source;
    }
  }
}
