import { writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import { startOf } from "../../src/snapshot/name.ts";
import { distswarm } from "../cli/cli.ts";
import { announcementOf, makeKey, makeUnit, md5sumOf, type TestUnit } from "../snapshot/support/unit.ts";
import { lyingPeer, type Lie } from "../support/lying-peer.ts";
import {
  askedFor,
  boxWith,
  DATE,
  expectNothingKept,
  keeps,
  key,
  mirrorWith,
  older,
  sync,
  unit,
  type LoggedBox,
} from "../support/webrsync.ts";
import { refusingMirror, slow, well } from "../support/zoo/zoo.ts";

const HOUR_MS = 3_600_000;
const GIB = 2 ** 30;
const never = new AbortController().signal;

/** A box in the network of another one. */
async function besideOf(
  first: LoggedBox,
  mirrors: readonly string[],
  snapshot: { replicate?: boolean } = {},
): Promise<LoggedBox> {
  const { host, port } = first.config.swarm.listen;
  const second = await boxWith(mirrors, { config: { swarm: { peers: [`${host}:${port}`] }, snapshot } });
  await second.agent.api.join(await first.agent.api.invite());
  for (const box of [first, second]) {
    await expect.poll(async () => (await box.agent.api.status()).swarm.peers, { timeout: 10_000 }).toHaveLength(1);
  }
  return second;
}

describe("two boxes of one network", () => {
  test("the second gets what the first keeps in the background, and has verified it itself", async () => {
    const mirror = await mirrorWith([unit]);
    const first = await boxWith([mirror.url]);
    const second = await besideOf(first, [await refusingMirror()]);
    await sync(first, unit);
    await keeps(second, DATE);
    await expect.poll(() => second.lines.join("\n")).toMatch(/came from peers, signed by Gentoo .*: verified and kept/);
    expect(askedFor(mirror, "tarball")).toBe(1);
    await sync(second, unit);
  });

  test("a box that joins later catches up: with the newest, at once", async () => {
    const mirror = await mirrorWith([unit, older]);
    const first = await boxWith([mirror.url]);
    await sync(first, older);
    await sync(first, unit);
    await mirror.close();
    await keeps(await besideOf(first, [mirror.url]), DATE);
  });

  test("without replication, a client's request brings it from the other box, upstream being gone", async () => {
    const mirror = await mirrorWith([unit]);
    const first = await boxWith([mirror.url]);
    const second = await besideOf(first, [mirror.url], { replicate: false });
    await sync(first, unit);
    await keeps(first, DATE);
    await mirror.close();
    await sync(second, unit, { order: ["md5sum", "signature", "tarball"] });
    await keeps(second, DATE);
  });

  test("that sync at once, cold, download it once", async () => {
    const mirror = await mirrorWith([unit], slow(unit.files.tarball.length));
    const first = await boxWith([mirror.url]);
    const second = await besideOf(first, [mirror.url]);
    await Promise.all([sync(first, unit), sync(second, unit)]);
    await Promise.all([keeps(first, DATE), keeps(second, DATE)]);
    expect(askedFor(mirror, "tarball")).toBe(1);
  });

  test("of which one has the other as a mirror do not wait for each other: the one that is asked follows nobody", async () => {
    const mirror = await mirrorWith([unit]);
    const asked = await boxWith([mirror.url]);
    const asking = await besideOf(asked, [asked.url]);
    await sync(asking, unit, { order: ["tarball"] });
    expect(askedFor(mirror, "tarball")).toBe(1);
    expect(asked.lines.join("\n")).not.toContain("this box takes over");
  });

  test("that sync at once stay with the one that downloads, though the mirror takes a while before each answer", async () => {
    const mirror = await mirrorWith([unit], async (exchange) => {
      await delay(700);
      await well(exchange);
    });
    const first = await boxWith([mirror.url]);
    const second = await besideOf(first, [mirror.url]);
    await Promise.all([sync(first, unit, { order: ["tarball"] }), sync(second, unit, { order: ["tarball"] })]);
    await Promise.all([keeps(first, DATE), keeps(second, DATE)]);
    expect(askedFor(mirror, "tarball")).toBe(1);
    expect([...first.lines, ...second.lines].join("\n")).not.toContain("gives nothing");
  });

  test("when the one that downloads it goes away, the other goes on from the byte reached", async () => {
    const mirror = await mirrorWith([unit], slow(unit.files.tarball.length / 4));
    const first = await boxWith([mirror.url]);
    const second = await besideOf(first, [mirror.url]);
    const received = async (box: LoggedBox) => (await box.agent.api.status()).transfers[0]?.received ?? 0;
    const broken = first.agent.api.pullSnapshot(DATE, never).catch(() => "broken");
    await expect.poll(() => received(first)).toBeGreaterThan(0);
    const synced = sync(second, unit, { order: ["tarball", "signature", "md5sum"] });
    await expect.poll(() => received(second)).toBeGreaterThan(0);
    mirror.become(well);
    await first.agent.stop();
    expect(await broken).toBe("broken");
    await synced;
    await keeps(second, DATE);
    const tarballs = mirror.files().filter(({ url }) => url.endsWith(".xz"));
    expect(tarballs.map(({ headers }) => headers.range)).toEqual([undefined, expect.stringMatching(/^bytes=[1-9]/)]);
  });

  test("snapshot list names the other box, until it has left", async () => {
    const mirror = await mirrorWith([unit]);
    const first = await boxWith([mirror.url]);
    const second = await besideOf(first, [mirror.url]);
    await first.agent.api.pullSnapshot(DATE, never);
    await keeps(second, DATE);
    const config = join(first.dir, "distswarm.toml");
    await writeFile(config, `state_dir = ${JSON.stringify(join(first.dir, "state"))}\n`);
    const list = async (): Promise<string> => (await distswarm(["snapshot", "list", "--config", config])).out;
    await expect.poll(list).toContain(`also on ${hostname()}`);
    const { id } = await second.agent.api.status();
    expect((await first.agent.api.status()).snapshots[0]!.peers).toEqual([id]);
    await second.agent.stop();
    await expect.poll(list, { timeout: 10_000 }).not.toContain("also on");
  });
});

/** What an honest peer of a wrong unit announces and gives. */
function lieOf(wrong: TestUnit): Lie {
  return { announcement: announcementOf(wrong), blobs: Object.values(wrong.files).map((bytes) => ({ bytes })) };
}

const RIGHT = announcementOf(unit);

/** What a peer announces and gives, and what the log says of it. */
const LIES: readonly [string, string, () => Promise<Lie>][] = [
  [
    "with another tarball than was signed",
    "(WRONG_SIGNATURE)",
    async () =>
      lieOf({
        date: DATE,
        files: { ...unit.files, tarball: older.files.tarball, md5sum: md5sumOf(older.files.tarball, DATE) },
      }),
  ],
  [
    "with a signature by another key",
    "(UNKNOWN_KEY)",
    async () => lieOf(await makeUnit(await makeKey({ now: Date.now() }), { date: DATE })),
  ],
  [
    "that is an older one under a newer name",
    "(SIGNED_TOO_EARLY)",
    async () =>
      lieOf(await makeUnit(key, { date: DATE, tarball: older.files.tarball, signedAt: startOf(DATE) - HOUR_MS })),
  ],
  [
    "with a digest of its own making",
    "with another digest",
    async () => {
      const tarball = Buffer.from(unit.files.tarball);
      tarball[1000]! ^= 1;
      const { signature, md5sum } = unit.files;
      const under = digestOf(unit.files.tarball);
      return { announcement: RIGHT, blobs: [{ bytes: signature }, { bytes: md5sum }, { bytes: tarball, under }] };
    },
  ],
  [
    "of 2 GiB",
    "(MALFORMED)",
    async () => {
      const files = { ...RIGHT.files, tarball: { ...RIGHT.files.tarball, size: 2 * GIB } };
      return { ...lieOf(unit), announcement: { ...RIGHT, files } };
    },
  ],
];

describe.each(LIES)("a peer announces a snapshot %s", (_, line, lie) => {
  test("nothing is kept and the log says why; the right one is still found upstream", async () => {
    const mirror = await mirrorWith([unit]);
    const box = await boxWith([mirror.url]);
    await lyingPeer(box, await lie());
    await expect.poll(() => box.lines.join("\n"), { timeout: 10_000 }).toContain(line);
    await expectNothingKept(box);
    expect(askedFor(mirror, "tarball")).toBe(0);
    await sync(box, unit);
    await keeps(box, DATE);
    expect(askedFor(mirror, "tarball")).toBe(1);
  });
});
