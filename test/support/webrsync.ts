import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import type { SnapshotPart } from "../../src/core/snapshots.ts";
import { DAY_MS, fileName, newestDate } from "../../src/snapshot/name.ts";
import { makeKey, makeUnit, STRANGER, writeKeyring, type TestUnit } from "../snapshot/support/unit.ts";
import { startBox, type Box, type BoxOptions } from "./box.ts";
import { flipBit } from "./flip-bit.ts";
import { treeTarball } from "./tree-tarball.ts";
import { FETCH, wget } from "./wget.ts";
import { startMirror, well, type Behaviour, type MockMirror } from "./zoo/zoo.ts";
import { logInto } from "./log-lines.ts";

/** As emerge-webrsync calls Portage's FETCHCOMMAND. */
export const SYNC = [...FETCH, "--continue", "--no-verbose"];

/** The order in which emerge-webrsync asks. */
export const ORDER: readonly SnapshotPart[] = ["md5sum", "signature", "tarball"];

const now = Date.now();

/** The date that emerge-webrsync asks for today, and the one before it. */
export const DATE = newestDate(now);
export const OLDER_DATE = newestDate(now - DAY_MS);

/** Gentoo's key in these tests, one of somebody else's, and one before and after it was revoked: the keyring of a box. */
export const key = await makeKey({ now });
export const strangersKey = await makeKey({ now, userID: STRANGER });
export const unrevokedKey = await makeKey({ now });
const revokedKey = await unrevokedKey.revoke({}, new Date(now - 1000));

/** The tree snapshots of the two dates. */
export const unit = await makeUnit(key, { date: DATE, tarball: await treeTarball(DATE) });
export const older = await makeUnit(key, { date: OLDER_DATE, tarball: await treeTarball(OLDER_DATE) });

/** Below and above the size of the tarballs: clients are passed them at once, or when they were verified. */
export const VERIFY_FIRST = ["64KiB", "16MiB"] as const;

/** The files of a mirror that has these units. */
export function mirrorFiles(...units: TestUnit[]): Record<string, Buffer> {
  const files = units.flatMap(({ date, files }) =>
    ORDER.map((part): [string, Buffer] => [`/snapshots/${fileName(date, part)}`, files[part]]),
  );
  return Object.fromEntries(files);
}

/** A mirror that has these units; it is closed when the test ends. */
export async function mirrorWith(units: readonly TestUnit[], behaviour: Behaviour = well): Promise<MockMirror> {
  const mirror = await startMirror(behaviour, mirrorFiles(...units));
  onTestFinished(() => mirror.close());
  return mirror;
}

/** How often a mirror was asked for a file of {@link DATE}. */
export function askedFor(mirror: MockMirror, part: SnapshotPart): number {
  return mirror.files().filter(({ url }) => url === `/snapshots/${fileName(DATE, part)}`).length;
}

/** A box with a log that can be read. */
export interface LoggedBox extends Box {
  /** The messages so far. */
  readonly lines: readonly string[];
}

/** A box with the keyring, unless it is to have none; it is closed when the test ends. */
export async function boxWith(
  mirrors: readonly string[],
  options: BoxOptions & { keyring?: false } = {},
): Promise<LoggedBox> {
  const lines: string[] = [];
  const log = logInto(lines);
  const box = Object.assign(await startBox({ mirrors, log, ...options }), { lines });
  onTestFinished(() => box.close());
  if (options.keyring !== false) await writeKeyring(keyringOf(box), key, strangersKey, revokedKey);
  return box;
}

/** Where a box looks for its keyring. */
export function keyringOf(box: Box): string {
  return box.config.snapshot.keyring;
}

/** A way into the agent: what wget is sent to, and by which proxy. */
export type Door = (box: Box, mirror: string) => { base: string; proxy?: string };

const mirrorDoor: Door = (box) => ({ base: box.url });
export const forwardProxy: Door = (box, mirror) => ({ base: mirror, proxy: box.url });

export const DOORS: readonly [string, Door][] = [
  ["the mirror door", mirrorDoor],
  ["the forward proxy", forwardProxy],
];

/** How a client comes in. */
export interface Way {
  readonly door?: Door;
  /** What a proxy's client names. */
  readonly mirror?: string;
}

/** Fetches one file by wget; goes on with what is there of it. */
export async function fetchPart(
  box: Box,
  [date, part]: readonly [string, SnapshotPart],
  { door = mirrorDoor, mirror = "" }: Way = {},
): Promise<{ code: number; bytes: Buffer }> {
  const { base, ...by } = door(box, mirror);
  const to = arrivalOf(box, date, part);
  const { code } = await wget(SYNC, `${base}/snapshots/${fileName(date, part)}`, { to, ...by });
  return { code, bytes: await readFile(to).catch(() => Buffer.alloc(0)) };
}

/** Where {@link fetchPart} puts a file. */
export function arrivalOf(box: Box, date: string, part: SnapshotPart): string {
  return join(box.dir, fileName(date, part));
}

/** Fetches the three files anew by wget; each must come as `expected` has it. */
export async function sync(box: Box, expected: TestUnit, way: Way & { order?: typeof ORDER } = {}): Promise<void> {
  for (const part of way.order ?? ORDER) {
    await rm(arrivalOf(box, expected.date, part), { force: true });
    const { code, bytes } = await fetchPart(box, [expected.date, part], way);
    expect([part, code, bytes.equals(expected.files[part])]).toEqual([part, 0, true]);
  }
}

/** Asks the mirror door for a file of {@link DATE}. */
export function ask(box: Box, part: SnapshotPart, init: RequestInit = {}): Promise<Response> {
  return fetch(`${box.url}/snapshots/${fileName(DATE, part)}`, init);
}

/** Resolves when the box keeps exactly these dates. */
export async function keeps(box: Box, ...dates: string[]): Promise<void> {
  const dated = async (): Promise<string[]> => (await box.agent.api.status()).snapshots.map(({ date }) => date);
  await expect.poll(dated, { timeout: 5000 }).toEqual(dates);
}

/** Nothing of any unit is kept. */
export async function expectNothingKept(box: Box): Promise<void> {
  const { snapshots, store } = await box.agent.api.status();
  expect([snapshots, store.blobs]).toEqual([[], 0]);
}

/** Flips a bit in the middle of a stored blob. */
export function damage(box: Box, bytes: Buffer): Promise<void> {
  const digest = digestOf(bytes);
  return flipBit(join(box.storeDir, "blobs", digest.slice(0, 2), digest), bytes.length >> 1);
}
