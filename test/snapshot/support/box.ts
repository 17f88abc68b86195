import { join } from "node:path";
import { mkdir } from "node:fs/promises";
import type { PrivateKey } from "openpgp";
import { expect, onTestFinished } from "vitest";
import { openDatabase } from "../../../src/core/database.ts";
import type { BlobClaims } from "../../../src/core/claim/claims.ts";
import type { Digest } from "../../../src/core/digest.ts";
import { hasCode, SourceError } from "../../../src/core/errors.ts";
import type { GrowingCopy } from "../../../src/core/growing-copy.ts";
import type { SnapshotContent } from "../../../src/core/snapshots.ts";
import type { GrowingUse, Source, SourceFinder } from "../../../src/core/source.ts";
import { fileName } from "../../../src/snapshot/name.ts";
import { Snapshots, type SnapshotsInit } from "../../../src/snapshot/snapshots.ts";
import { UpstreamClaims } from "../../../src/swarm/upstream-claims.ts";
import { DiskStore } from "./disk-store.ts";
import { TestMirrors } from "./mirrors.ts";
import { NOW, type TestUnit, writeKeyring } from "./unit.ts";
import { logInto } from "../../support/log-lines.ts";
import { tempDir } from "../../support/temp-dir.ts";

export const never = new AbortController().signal;

/** A clock that tests move. */
export interface Clock {
  time: number;
}

/** A box of a test, with the stage and what it stands on. */
export interface TestBox {
  readonly id: string;
  readonly dir: string;
  readonly keyring: string;
  readonly distdir: string;
  readonly store: DiskStore;
  readonly mirrors: TestMirrors;
  readonly lan: TestLan;
  readonly clock: Clock;
  /** What was logged as a warning or an information. */
  readonly lines: string[];
  snapshots: Snapshots;
  /** Stops the stage and starts it again on the same directories. */
  restart(init?: Partial<SnapshotsInit>): Promise<void>;
  stop(): Promise<void>;
}

/** What a box is made with; by default it has a keyring with `key`, and mirrors and a LAN of its own. */
interface TestBoxOptions {
  readonly key?: PrivateKey;
  readonly mirrors?: TestMirrors;
  readonly lan?: TestLan;
  /** `lan`: as the swarm makes them. @default none */
  readonly claims?: BlobClaims | "lan";
  readonly init?: Partial<SnapshotsInit>;
}

/** How a copy that grows is read, and until when. */
interface CopyUse {
  readonly signal: AbortSignal;
  readonly growing: GrowingUse;
}

/** Boxes that hear each other's announcements and hold blobs for each other. */
export class TestLan {
  readonly boxes = new Map<string, TestBox>();
  /** Peers that are no box: what they give for a digest, right or wrong. */
  readonly liars: { readonly label: string; give(digest: string): Buffer | undefined }[] = [];
  /** Labels of the sources that were blamed. */
  readonly blamed: string[] = [];
  /** Ids of the boxes that asked who has something. */
  readonly askers = new Set<string>();
  readonly #claims = new Map<string, UpstreamClaims>();
  /** Aborts when the box with the id is cut off. */
  readonly #cuts = new Map<string, AbortController>();

  /** The claims of a box among those of all others that have some. */
  claimsFor(box: string): UpstreamClaims {
    const ownId = hexOf(box);
    const claims = new UpstreamClaims({
      ownId,
      peers: () => [...this.#claims.keys()].filter((id) => id !== ownId),
      tell: (peer, message) => void setImmediate(() => this.#claims.get(peer)?.heard(ownId, message)),
      nameOf: (peer) => `h${Number(peer)}`,
      canRead: () => true,
      received: (subject) => this.boxes.get(box)?.snapshots.received(subject) ?? 0,
    });
    this.#claims.set(ownId, claims);
    return claims;
  }

  /** Its power fails: the others do not hear of it any more, nor can they read from it. */
  cutOff({ id }: TestBox): void {
    this.boxes.delete(id);
    this.#cuts.get(id)?.abort(new SourceError("BROKEN", "it is gone"));
    this.#claims.delete(hexOf(id));
    for (const claims of this.#claims.values()) claims.gone(hexOf(id));
    for (const box of this.boxes.values()) box.snapshots.gone(id);
  }

  /** The blobs of all boxes but `self`, and of the liars, who come first. */
  finderFor(self: string): SourceFinder {
    return {
      sources: (want, { signal, growing = "follow" }) => this.#sources(self, want.digest, { signal, growing }),
    };
  }

  /** Tells every other box what this one holds. */
  spread(from: TestBox): void {
    for (const box of this.boxes.values()) {
      if (box !== from) box.snapshots.heard(from.id, structuredClone(from.snapshots.announcements()));
    }
  }

  async *#sources(self: string, digest: Digest, use: CopyUse): AsyncGenerator<Source> {
    this.askers.add(self);
    for (const { label, give } of this.liars) {
      const bytes = give(digest);
      if (bytes !== undefined) yield this.#source(label, async (offset) => [bytes.subarray(offset)]);
    }
    for (const box of [...this.boxes.values()].filter(({ id }) => id !== self)) {
      const blob = await box.store.open(digest);
      if (blob !== undefined) yield this.#source(box.id, async (start) => blob.read({ start, end: blob.size }));
      const copy = use.growing === "none" ? undefined : box.snapshots.openGrowing(digest);
      if (copy !== undefined) yield* this.#growing(box, copy, use);
    }
  }

  /** As the data plane gives it: to who has less of it, and no more than is there to who asks for that. */
  async *#growing(box: TestBox, copy: GrowingCopy, { signal, growing }: CopyUse): AsyncGenerator<Source> {
    const cut = this.#cuts.get(box.id) ?? new AbortController();
    this.#cuts.set(box.id, cut);
    const ended = AbortSignal.any([signal, cut.signal]);
    async function* read(offset: number, end: number): AsyncGenerator<Buffer> {
      for (let position = offset; position < end;) {
        await copy.grown(position, ended);
        const bytes = await copy.read(position, Math.min(copy.received, end) - position);
        position += bytes.length;
        yield bytes;
      }
    }
    const open: Source["open"] = async ({ offset }) => {
      if (offset >= copy.received) throw new SourceError("BUSY", "has no more than this box");
      return { bytes: each(read(offset, growing === "present" ? copy.received : copy.size)), size: copy.size };
    };
    try {
      yield { kind: "peer", label: box.id, giver: hexOf(box.id), isGrowing: true, open, blame: () => {} };
    } finally {
      copy.close();
    }
  }

  #source(label: string, read: (offset: number) => Promise<AsyncIterable<Buffer> | Iterable<Buffer>>): Source {
    const open: Source["open"] = async ({ offset }) => ({ bytes: each(await read(offset)) });
    return { kind: "peer", label, open, blame: () => void this.blamed.push(label) };
  }
}

/** The public key of a box, of a kind. */
function hexOf(id: string): string {
  return id.slice(1).padStart(64, "0");
}

async function* each(bytes: AsyncIterable<Buffer> | Iterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* bytes;
  } catch (error) {
    if (error instanceof SourceError) throw error;
    throw new SourceError("BROKEN", String(error));
  }
}

/** Makes a box and starts its stage; it is stopped when the test ends. */
export async function startBox(options: TestBoxOptions = {}): Promise<TestBox> {
  const { mirrors = new TestMirrors(), lan = new TestLan(), key } = options;
  const dir = await tempDir();
  const keyring = join(dir, "gentoo-release.asc");
  const distdir = join(dir, "distfiles");
  await mkdir(distdir);
  if (key !== undefined) await writeKeyring(keyring, key);
  const lines: string[] = [];
  const log = logInto(lines);
  const db = await openDatabase(join(dir, "db"), log);
  const id = `h${lan.boxes.size + 1}`;
  const clock = { time: NOW };
  const store = new DiskStore(join(dir, "blobs"));
  const claims = options.claims === "lan" ? lan.claimsFor(id) : options.claims;

  async function start(init: Partial<SnapshotsInit> = {}): Promise<Snapshots> {
    const snapshots = new Snapshots(
      {
        store,
        db,
        upstream: mirrors,
        peers: lan.finderFor(id),
        log,
        peerIds: () => [...lan.boxes.keys()].filter((other) => other !== id),
        ...(claims && { claims }),
      },
      {
        id,
        keyring,
        stagingDir: join(dir, "staging"),
        verifyFirst: 0,
        now: () => clock.time,
        ...options.init,
        ...init,
      },
    );
    await snapshots.start();
    return snapshots;
  }

  const box: TestBox = {
    id,
    dir,
    keyring,
    distdir,
    store,
    mirrors,
    lan,
    clock,
    lines,
    snapshots: await start(),
    restart: async (init) => {
      await box.snapshots.stop();
      box.snapshots = await start(init);
    },
    stop: async () => {
      lan.boxes.delete(id);
      await box.snapshots.stop();
      await db.close();
    },
  };
  lan.boxes.set(id, box);
  onTestFinished(() => box.stop());
  return box;
}

/** What a client gets for one file of a date. */
interface Got {
  readonly kind: SnapshotContent["kind"] | "pass";
  readonly bytes: Buffer;
}

/** Boxes on one LAN behind the same mirrors; what one holds is told to the others at once. */
export async function lanOf(
  count: number,
  options: { key: PrivateKey; mirrors: TestMirrors; claims?: "lan" },
): Promise<TestBox[]> {
  const lan = new TestLan();
  const boxes: TestBox[] = [];
  for (let at = 0; at < count; at += 1) {
    const box = await startBox({ ...options, lan });
    box.snapshots.on("changed", () => lan.spread(box));
    boxes.push(box);
  }
  return boxes;
}

/** Asks as a door does, and reads all of the answer from `start` on. */
export async function get(
  box: TestBox,
  date: string,
  part: "tarball" | "signature" | "md5sum",
  start = 0,
): Promise<Got> {
  const { signal } = new AbortController();
  const content = await box.snapshots.open(fileName(date, part), { signal });
  if (content === undefined) return { kind: "pass", bytes: Buffer.alloc(0) };
  if (content.kind === "held") {
    const blob = await box.store.open(content.file.digest);
    const bytes = await bytesOf(blob!.read({ start, end: content.file.size }));
    return { kind: "held", bytes };
  }
  const { body } = content;
  try {
    return { kind: "passing", bytes: await bytesOf(body.read({ start, end: body.size }, signal)) };
  } finally {
    await body.close();
  }
}

/** Asks for all of a unit in the order of emerge-webrsync; how each file was answered. */
export async function sync(box: TestBox, { date, files }: TestUnit): Promise<string[]> {
  const kinds = [];
  for (const part of ["md5sum", "signature", "tarball"] as const) {
    const got = await get(box, date, part);
    expect(got.bytes.equals(files[part])).toBe(true);
    kinds.push(got.kind);
  }
  return kinds;
}

/** What a request that fails is told. */
export async function codeOf(asking: Promise<unknown>): Promise<string> {
  const error = await asking.then(
    () => undefined,
    (error: unknown) => error,
  );
  return hasCode(error, "NOT_FOUND", "NO_SOURCE", "BROKEN") ? error.code : `no code of ours: ${String(error)}`;
}

async function bytesOf(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

/** Resolves when the box keeps exactly these dates, newest first. */
export async function keeps(box: TestBox, ...dates: string[]): Promise<void> {
  const held = (): string =>
    box.snapshots
      .list()
      .map(({ date }) => date)
      .join();
  while (held() !== dates.join()) {
    const signal = AbortSignal.timeout(5000);
    await new Promise<void>((resolve, reject) => {
      box.snapshots.once("changed", resolve);
      signal.addEventListener("abort", () => reject(new Error(`keeps ${held()}, not ${dates.join()}`)));
    });
  }
}

/** Nothing of any unit is in the store, on the shelf, or announced. */
export function expectNothing(box: TestBox): void {
  expect(box.store.digests()).toEqual([]);
  expect(box.snapshots.list()).toEqual([]);
  expect(box.snapshots.announcements()).toEqual([]);
}
