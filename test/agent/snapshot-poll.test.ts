import { writeFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { buildRetrieval, type Retrieval } from "../../src/compose/retrieval.ts";
import { checkConfig } from "../../src/config/check.ts";
import { openDatabase } from "../../src/core/database.ts";
import { startAll, stopAll } from "../../src/core/lifecycle.ts";
import { fileName } from "../../src/snapshot/name.ts";
import { DATE, makeKey, makeUnit, NOW, writeKeyring, type TestUnit } from "../snapshot/support/unit.ts";
import { boxConfig } from "../support/box.ts";
import { freePort } from "../support/free-port.ts";
import { mirrorFiles } from "../support/webrsync.ts";
import { startMirror, well, type MockMirror } from "../support/zoo/zoo.ts";
import { logInto } from "../support/log-lines.ts";
import { tempDir } from "../support/temp-dir.ts";

const HALF_HOUR_MS = 30 * 60_000;

const key = await makeKey();
const otherKey = await makeKey();
const unit = await makeUnit(key);

/** The clock of all boxes; it also goes on by itself. */
let clock: { offset: number };

beforeEach(() => {
  const { now } = Date;
  clock = { offset: NOW - now() };
  vi.spyOn(Date, "now").mockImplementation(() => now() + clock.offset);
  onTestFinished(() => void vi.restoreAllMocks());
});

/** A box with a mirror of its own that polls; all of an agent but its doors. */
interface PollingBox extends Retrieval {
  readonly mirror: MockMirror;
  /** Of its swarm. */
  readonly port: number;
  readonly lines: readonly string[];
}

/** Boxes in one network, all of which know each other. */
async function network(units: readonly TestUnit[], keyrings = units.map(() => key)): Promise<PollingBox[]> {
  const boxes: PollingBox[] = [];
  for (const [at, its] of units.entries()) boxes.push(await startBox(its, keyrings[at]!, boxes[0]));
  const peers = (): number[] => boxes.map(({ lan }) => lan.status().length);
  await expect.poll(peers, { timeout: 20_000 }).toEqual(boxes.map(() => boxes.length - 1));
  await Promise.all(boxes.map(({ snapshots }) => snapshots.tick())); // the first one is no turn
  return boxes;
}

async function startBox(has: TestUnit, keyOfRing: typeof key, first?: PollingBox): Promise<PollingBox> {
  const dir = await tempDir();
  const mirror = await startMirror(well, mirrorFiles(has));
  const port = await freePort();
  const peers = first === undefined ? [] : [`127.0.0.1:${first.port}`];
  const options = { mirrors: [mirror.url], config: { snapshot: { poll: true }, swarm: { peers } } };
  const config = checkConfig(boxConfig(dir, options, port), "test");
  await mkdir(config.state_dir, { recursive: true });
  if (first !== undefined) await writeFile(join(config.state_dir, "network.key"), first.lan.swarm.invite());
  await writeKeyring(config.snapshot.keyring, keyOfRing);
  const lines: string[] = [];
  const log = logInto(lines);
  const db = await openDatabase(join(config.state_dir, "db"), log);
  const parts = await buildRetrieval(config, { db, log, via: "test" });
  const order = [parts.index, parts.upstream, parts.store, parts.snapshots, parts.retriever, ...parts.lan.parts];
  onTestFinished(async () => {
    await stopAll(order);
    await db.close();
    await mirror.close();
  });
  await startAll(order);
  return { ...parts, mirror, port, lines };
}

/** The next half hour has begun: each box looks whether it is its turn. */
async function nextTurn(boxes: readonly PollingBox[]): Promise<void> {
  clock.offset += HALF_HOUR_MS;
  await Promise.all(boxes.map(({ snapshots }) => snapshots.tick()));
}

function kept(boxes: readonly PollingBox[]): string[] {
  return boxes.map(({ snapshots }) =>
    snapshots
      .list()
      .map(({ date, verified }) => `${date} ${verified}`)
      .join(),
  );
}

/** How often the mirrors were asked for the tarball. */
function tarballs(boxes: readonly PollingBox[]): number {
  const path = `/snapshots/${fileName(DATE, "tarball")}`;
  return boxes.flatMap(({ mirror }) => mirror.files()).filter(({ url }) => url === path).length;
}

describe("three boxes that poll, each with a mirror of its own", () => {
  test("ask one mirror for the new day's snapshot; the others get it from that box, and verify it themselves", async () => {
    const boxes = await network([unit, unit, unit]);
    expect(boxes.map(({ mirror }) => mirror.files().length)).toEqual([0, 0, 0]);
    await nextTurn(boxes);
    await expect.poll(() => kept(boxes), { timeout: 10_000 }).toEqual(boxes.map(() => `${DATE} true`));
    expect(boxes.map(({ mirror }) => mirror.files().length).toSorted((a, b) => a - b)).toEqual([0, 0, 3]);
    const fromPeers = () => boxes.filter(({ lines }) => lines.join().includes("came from peers, signed by Gentoo"));
    await expect.poll(fromPeers).toHaveLength(2);
    await nextTurn(boxes);
    expect(tarballs(boxes)).toBe(1);
  });

  test("keep none that is forged, and look for the right one in the next turn", async () => {
    const forged = await makeUnit(otherKey);
    const boxes = await network([forged, forged, forged]);
    await nextTurn(boxes);
    expect(boxes.flatMap(({ lines }) => lines).join()).toContain("(UNKNOWN_KEY)");
    expect([kept(boxes), tarballs(boxes)]).toEqual([["", "", ""], 0]); // the small files tell
    const right = mirrorFiles(unit);
    for (const { mirror } of boxes)
      mirror.become((exchange) => well({ ...exchange, file: right[exchange.request.url!]! }));
    await nextTurn(boxes);
    await expect.poll(() => kept(boxes), { timeout: 10_000 }).toEqual(boxes.map(() => `${DATE} true`));
    expect(tarballs(boxes)).toBe(1);
  });

  test("judge it each by its own keyring", async () => {
    const boxes = await network([unit, unit, unit], [key, key, otherKey]);
    const [first, second, third] = boxes as [PollingBox, PollingBox, PollingBox];
    while (kept([first]).includes("")) {
      await nextTurn(boxes);
      const isOut = [first, second].some(({ mirror }) => mirror.files().length > 0);
      if (isOut)
        await expect.poll(() => kept(boxes), { timeout: 10_000 }).toEqual([`${DATE} true`, `${DATE} true`, ""]);
    }
    await expect.poll(() => third.lines.join()).toContain("(UNKNOWN_KEY)");
    expect(kept([third])).toEqual([""]);
  });
});
