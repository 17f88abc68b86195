import { execFile } from "node:child_process";
import { mkdir, open as openFile, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { PrivateKey } from "openpgp";
import { beforeAll, describe, expect, test } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import { createLogger } from "../../src/core/logger.ts";
import type { SnapshotPart } from "../../src/core/snapshots.ts";
import { DAY_MS, fileName, newestDate, startOf } from "../../src/snapshot/name.ts";
import { distswarm } from "../cli/cli.ts";
import {
  makeKey,
  makeUnit,
  md5sumOf,
  STRANGER,
  writeKeyring,
  writeUnit,
  type TestUnit,
} from "../snapshot/support/unit.ts";
import { startBox, type Box, type BoxOptions } from "../support/box.ts";
import { closeAfterEach } from "../support/close-after-each.ts";
import { hasProgram, startNginxMirror } from "../support/nginx.ts";
import { testFile } from "../support/repository.ts";
import { treeTarball } from "../support/tree-tarball.ts";
import { FETCH, wget } from "../support/wget.ts";
import { refusingMirror, says, startMirror, well, type Behaviour, type MockMirror } from "../support/zoo/zoo.ts";

const HOUR_MS = 3_600_000;
const MIB = 2 ** 20;

/** As emerge-webrsync calls Portage's FETCHCOMMAND. */
const SYNC = [...FETCH, "--continue", "--no-verbose"];

/** The order in which emerge-webrsync asks. */
const ORDER: readonly SnapshotPart[] = ["md5sum", "signature", "tarball"];

/** The date that emerge-webrsync asks for today, and the one before it. */
const date = newestDate(Date.now());
const olderDate = newestDate(Date.now() - DAY_MS);

const hasNginx = await hasProgram("nginx");
const hasGpg = await hasProgram("gpg");

const open = closeAfterEach();

let key: PrivateKey;
let strangersKey: PrivateKey;
let unrevokedKey: PrivateKey;
let revokedKey: PrivateKey;
let unit: TestUnit;
let older: TestUnit;

beforeAll(async () => {
  const now = Date.now();
  key = await makeKey({ now });
  strangersKey = await makeKey({ now, userID: STRANGER });
  unrevokedKey = await makeKey({ now });
  revokedKey = await unrevokedKey.revoke({}, new Date(now - HOUR_MS));
  unit = await makeUnit(key, { date, tarball: await treeTarball(date) });
  older = await makeUnit(key, { date: olderDate, tarball: await treeTarball(olderDate) });
});

function mirrorFiles(...units: TestUnit[]): Record<string, Buffer> {
  const files = units.flatMap(({ date, files }) =>
    ORDER.map((part): [string, Buffer] => [`/snapshots/${fileName(date, part)}`, files[part]]),
  );
  return Object.fromEntries(files);
}

async function mirrorWith(units: readonly TestUnit[], behaviour: Behaviour = well): Promise<MockMirror> {
  const mirror = await startMirror(behaviour, mirrorFiles(...units));
  open.push(mirror);
  return mirror;
}

interface LoggedBox extends Box {
  /** Messages of its log so far. */
  readonly lines: string[];
}

/** A box whose keyring has our key, a stranger's and a revoked one. */
async function boxWith(mirrors: readonly string[], options: BoxOptions & { keyring?: false } = {}): Promise<LoggedBox> {
  const lines: string[] = [];
  const log = createLogger("info", { write: (line) => void lines.push((JSON.parse(line) as { msg: string }).msg) });
  const box = Object.assign(await startBox({ mirrors, log, ...options }), { lines });
  open.push(box);
  if (options.keyring !== false) await writeKeyring(join(box.dir, "gentoo-release.asc"), key, strangersKey, revokedKey);
  return box;
}

/** The doors: where wget is sent, and by which proxy. */
const DOORS = {
  "the mirror door": (box: Box) => ({ base: box.url }),
  "the forward proxy": (box: Box, mirror: string) => ({ base: mirror, proxy: box.url }),
};
type Door = (box: Box, mirror: string) => { base: string; proxy?: string };
const mirrorDoor: Door = DOORS["the mirror door"];

interface Got {
  readonly code: number;
  readonly bytes: Buffer;
}

async function fetchPart(box: Box, part: SnapshotPart, from: ReturnType<Door>, of = date): Promise<Got> {
  const to = join(box.dir, fileName(of, part));
  const { code } = await wget(SYNC, `${from.base}/snapshots/${fileName(of, part)}`, { to, ...from });
  return { code, bytes: await readFile(to).catch(() => Buffer.alloc(0)) };
}

/** Fetches the three files into a clean directory; each must come as `expected` has it. */
async function sync(
  box: Box,
  expected: TestUnit,
  { door = mirrorDoor, mirror = "", order = ORDER }: { door?: Door; mirror?: string; order?: typeof ORDER } = {},
): Promise<void> {
  for (const part of order) {
    await rm(join(box.dir, fileName(expected.date, part)), { force: true });
    const got = await fetchPart(box, part, door(box, mirror), expected.date);
    expect([part, got.code, got.bytes.equals(expected.files[part])]).toEqual([part, 0, true]);
  }
}

async function keeps(box: Box, ...dates: string[]): Promise<void> {
  const dated = async (): Promise<string[]> => (await box.agent.api.status()).snapshots.map(({ date }) => date);
  await expect.poll(dated, { timeout: 5000 }).toEqual(dates);
}

async function expectNothingKept(box: Box): Promise<void> {
  const { snapshots, store } = await box.agent.api.status();
  expect([snapshots, store.blobs]).toEqual([[], 0]);
}

function askedFor(mirror: MockMirror, part: SnapshotPart, of = date): number {
  return mirror.files().filter(({ url }) => url === `/snapshots/${fileName(of, part)}`).length;
}

const ask = (box: Box, part: SnapshotPart, init: RequestInit = {}) =>
  fetch(`${box.url}/snapshots/${fileName(date, part)}`, init);

describe.each(Object.entries<Door>(DOORS))("a sync through %s", (_, door) => {
  test.each(["16MiB", "64KiB"])(
    "passes upstream's files the first time, and is served without upstream after that (verify_first %s)",
    async (verify_first) => {
      const mirror = await mirrorWith([unit]);
      const box = await boxWith([mirror.url], { config: { proxy: { verify_first } } });
      await sync(box, unit, { door, mirror: mirror.url });
      await keeps(box, date);
      expect(askedFor(mirror, "tarball")).toBe(1);
      await mirror.close();
      await sync(box, unit, { door, mirror: mirror.url });
    },
  );

  test.each<[string, SnapshotPart[]]>([
    ["the tarball first", ["tarball", "signature", "md5sum"]],
    ["the signature first", ["signature", "tarball", "md5sum"]],
  ])("may ask in another order: %s", async (_, order) => {
    const mirror = await mirrorWith([unit]);
    const box = await boxWith([mirror.url], { config: { proxy: { verify_first: "64KiB" } } });
    await sync(box, unit, { door, mirror: mirror.url, order });
    await keeps(box, date);
    expect(askedFor(mirror, "tarball")).toBe(1);
  });

  test.each(["16MiB", "64KiB"])(
    "goes on with a partial, and takes 416 for a whole file, kept or not (verify_first %s)",
    async (verify_first) => {
      const mirror = await mirrorWith([unit]);
      const box = await boxWith([mirror.url], { config: { proxy: { verify_first } } });
      for (const length of [57, 400_000, unit.files.tarball.length]) {
        await writeFile(join(box.dir, fileName(date, "tarball")), unit.files.tarball.subarray(0, length));
        const got = await fetchPart(box, "tarball", door(box, mirror.url));
        expect([length, got.code, got.bytes.equals(unit.files.tarball)]).toEqual([length, 0, true]);
      }
      await keeps(box, date);
      expect(askedFor(mirror, "tarball")).toBe(1);
    },
  );

  test.each([
    ["404", says(404), 404],
    ["500", says(500), 502],
    ["503", says(503), 502],
  ] as const)("is told what upstream says: %s", async (_, behaviour, status) => {
    const mirror = await mirrorWith([unit], behaviour);
    const box = await boxWith([mirror.url]);
    for (const part of ORDER) expect((await ask(box, part)).status).toBe(status);
    expect((await fetchPart(box, "md5sum", door(box, mirror.url))).code).toBe(8);
    await expectNothingKept(box);
  });
});

test.skipIf(!hasNginx)(
  `with nginx upstream, seven clients at once cost one tarball${hasNginx ? "" : " (skipped: needs nginx)"}`,
  async () => {
    const box = await boxWith([]);
    const mirror = await startNginxMirror(box.dir, []);
    open.push(mirror);
    await mkdir(join(box.dir, "mirror", "snapshots"));
    await writeUnit(join(box.dir, "mirror", "snapshots"), unit);
    const near = await boxWith([mirror.url], { config: { proxy: { verify_first: "64KiB" } } });
    const answers = await Promise.all(Array.from({ length: 7 }, () => ask(near, "tarball")));
    const bodies = await Promise.all(answers.map(async (answer) => Buffer.from(await answer.arrayBuffer())));
    expect(bodies.every((bytes) => bytes.equals(unit.files.tarball))).toBe(true);
    await keeps(near, date);
    await sync(near, unit);
    const tarballs = (await mirror.requests()).filter((line) => line.includes(`${fileName(date, "tarball")} `));
    expect(tarballs).toEqual([`GET /snapshots/${fileName(date, "tarball")} 200 -`]);
  },
);

describe("answers", () => {
  test("of a kept file have the digest as ETag, ranges, 416 at its end, and their length for HEAD", async () => {
    const mirror = await mirrorWith([unit]);
    const box = await boxWith([mirror.url]);
    await box.agent.api.pullSnapshot(date, new AbortController().signal);
    const size = unit.files.tarball.length;
    const head = await ask(box, "tarball", { method: "HEAD" });
    expect([head.status, head.headers.get("content-length")]).toEqual([200, String(size)]);
    expect(head.headers.get("etag")).toBe(`"${digestOf(unit.files.tarball)}"`);
    const end = await ask(box, "tarball", { headers: { range: "bytes=-5" } });
    expect([end.status, end.headers.get("cache-status")]).toEqual([206, "distswarm; hit"]);
    expect(Buffer.from(await end.arrayBuffer())).toEqual(unit.files.tarball.subarray(-5));
    const beyond = await ask(box, "tarball", { headers: { range: `bytes=${size}-` } });
    expect([beyond.status, beyond.headers.get("content-range")]).toEqual([416, `bytes */${size}`]);
  });

  test("of a file that is only passing have no ETag; HEAD asks upstream and fetches nothing", async () => {
    const mirror = await mirrorWith([unit]);
    const box = await boxWith([mirror.url], { config: { proxy: { verify_first: "64KiB" } } });
    expect((await ask(box, "tarball", { method: "HEAD" })).headers.get("cache-status")).toMatch(/bypass/);
    expect(mirror.files().map(({ method }) => method)).toEqual(["HEAD"]);
    const answer = await ask(box, "tarball");
    expect(answer.headers.get("cache-status")).toBe("distswarm; fwd=miss; detail=upstream");
    expect(answer.headers.get("etag")).toBeNull();
    await answer.arrayBuffer();
  });

  test("to other names below /snapshots/ are upstream's, and nothing of them is kept", async () => {
    const mirror = await startMirror(well, { "/snapshots/gentoo-latest.tar.xz": Buffer.from("latest") });
    open.push(mirror);
    const box = await boxWith([mirror.url]);
    const answer = await fetch(`${box.url}/snapshots/gentoo-latest.tar.xz`);
    expect([await answer.text(), answer.headers.get("cache-status")]).toEqual(["latest", "distswarm; fwd=bypass"]);
    await expectNothingKept(box);
  });

  test("say that upstream cannot be reached with 502, never 404", async () => {
    const box = await boxWith([await refusingMirror()]);
    for (const part of ORDER) expect((await ask(box, part)).status).toBe(502);
  });

  test("come from the server that a proxy's client names, where our own mirrors lack the file", async () => {
    const theirs = await mirrorWith([unit]);
    const box = await boxWith([(await mirrorWith([])).url]);
    await sync(box, unit, { door: DOORS["the forward proxy"], mirror: theirs.url });
    await expectNothingKept(box);
  });

  test("of a kept file that somebody deleted come from upstream; without upstream they are 502, never 404", async () => {
    const mirror = await mirrorWith([unit]);
    const box = await boxWith([mirror.url]);
    const signal = new AbortController().signal;
    for (const upstream of ["there", "gone"]) {
      await box.agent.api.pullSnapshot(date, signal);
      await rm(join(box.storeDir, "blobs"), { recursive: true });
      if (upstream === "gone") await mirror.close();
      expect((await ask(box, "tarball")).status).toBe(upstream === "there" ? 200 : 502);
    }
  });

  test("are counted in the status: from this box what was kept, passed through what was not", async () => {
    const mirror = await mirrorWith([unit]);
    const box = await boxWith([mirror.url], { config: { proxy: { verify_first: "64KiB" } } });
    const size = ORDER.reduce((sum, part) => sum + unit.files[part].length, 0);
    await sync(box, unit);
    await keeps(box, date);
    await sync(box, unit);
    const counted = async (): Promise<unknown> => {
      const { served, passed } = await box.agent.api.status();
      return [served.store.bytes, passed.bytes];
    };
    await expect.poll(counted).toEqual([size, size]);
  });

  test("of a kept file with a flipped bit break off, and wget gets the rest anew", async () => {
    const mirror = await mirrorWith([unit]);
    const box = await boxWith([mirror.url]);
    await box.agent.api.pullSnapshot(date, new AbortController().signal);
    const digest = digestOf(unit.files.tarball);
    const blob = await openFile(join(box.storeDir, "blobs", digest.slice(0, 2), digest), "r+");
    await blob.write(Buffer.from([unit.files.tarball[300_000]! ^ 1]), 0, 1, 300_000);
    await blob.close();
    await sync(box, unit);
    await keeps(box, date);
    expect(askedFor(mirror, "tarball")).toBe(2);
  });
});

/** What is wrong with a unit, and the check that says so. */
const WRONG: Record<string, { check: string; make: () => Promise<TestUnit> }> = {
  "another tarball than was signed": {
    check: "WRONG_SIGNATURE",
    make: async () => ({ date, files: { ...unit.files, tarball: older.files.tarball, md5sum: md5Of(older) } }),
  },
  "a signature by another key": {
    check: "UNKNOWN_KEY",
    make: async () => makeUnit(await makeKey({ now: Date.now() }), { date }),
  },
  "a key without the user id": { check: "WRONG_USER_ID", make: () => makeUnit(strangersKey, { date }) },
  "a revoked key": { check: "KEY_REVOKED", make: () => makeUnit(unrevokedKey, { date }) },
  "the md5 of another file": {
    check: "WRONG_MD5",
    make: async () => ({ date, files: { ...unit.files, md5sum: md5Of(older) } }),
  },
  "a truncated tarball": {
    check: "TRUNCATED",
    make: async () => ({ date, files: { ...unit.files, tarball: unit.files.tarball.subarray(0, 300_000) } }),
  },
  "an older tarball under today's name": {
    check: "SIGNED_TOO_EARLY",
    make: () => makeUnit(key, { date, tarball: older.files.tarball, signedAt: startOf(date) - HOUR_MS }),
  },
};

function md5Of({ files }: TestUnit): Buffer {
  return md5sumOf(files.tarball, date);
}

describe.each(Object.entries(WRONG))("upstream has %s", (_, { check, make }) => {
  test.each(["16MiB", "64KiB"])(
    "the client gets what upstream sent, nothing is kept, the log names the check (verify_first %s)",
    async (verify_first) => {
      const wrong = await make();
      const box = await boxWith([(await mirrorWith([wrong])).url], { config: { proxy: { verify_first } } });
      await sync(box, wrong);
      await expect.poll(() => box.lines.join("\n")).toContain(`refused (${check})`);
      await expectNothingKept(box);
    },
  );

  test("the right copy of the next mirror is found and kept", async () => {
    const wrong = await mirrorWith([await make()]);
    const right = await mirrorWith([unit]);
    const box = await boxWith([wrong.url, right.url]);
    await sync(box, unit, { order: ["tarball", "md5sum", "signature"] });
    await keeps(box, date);
    expect(askedFor(wrong, "tarball")).toBeLessThanOrEqual(1);
  });
});

describe("without a usable key", () => {
  test("everything passes through, nothing is kept, and the status says why and which package helps", async () => {
    const mirror = await mirrorWith([unit]);
    const box = await boxWith([mirror.url], { keyring: false });
    await sync(box, unit);
    await sync(box, unit);
    expect(askedFor(mirror, "tarball")).toBe(2);
    await expectNothingKept(box);
    const { warnings } = await box.agent.api.status();
    expect(warnings.join()).toMatch(
      /gentoo-release\.asc: there is no keyring: install sec-keys\/openpgp-keys-gentoo-release/,
    );
    const pulling = box.agent.api.pullSnapshot(undefined, new AbortController().signal);
    await expect(pulling).rejects.toMatchObject({ code: "NO_KEYRING" });
  });

  test("and from its arrival on they are kept, and the warning is gone", async () => {
    const mirror = await mirrorWith([unit]);
    const box = await boxWith([mirror.url], { keyring: false });
    await writeKeyring(join(box.dir, "gentoo-release.asc"), key);
    await sync(box, unit);
    await keeps(box, date);
    expect((await box.agent.api.status()).warnings).toEqual([]);
  });
});

describe("what is kept", () => {
  test("outlives a restart with upstream gone", async () => {
    const mirror = await mirrorWith([unit, older]);
    const box = await boxWith([mirror.url]);
    await sync(box, older);
    await sync(box, unit);
    await keeps(box, date, olderDate);
    await mirror.close();
    await box.restart();
    await sync(box, older);
    await sync(box, unit);
  });

  test("is not evicted, though nothing was used longer ago", async () => {
    const files = [1, 2, 3, 4].map((at) => testFile(`file-${at}.tar.gz`, MIB));
    const distfiles = await startMirror(well, {
      ...mirrorFiles(unit),
      ...Object.fromEntries(files.map(({ name, bytes }) => [name, bytes])),
    });
    open.push(distfiles);
    const box = await boxWith([distfiles.url], { files, config: { store: { max_size: "3MiB", min_free: "0B" } } });
    await sync(box, unit);
    await keeps(box, date);
    for (const { name } of files) expect((await fetch(`${box.url}/distfiles/${name}`)).status).toBe(200);
    const { store } = await box.agent.api.status();
    expect(store.bytes).toBeLessThanOrEqual(3 * MIB);
    await distfiles.close();
    await sync(box, unit);
  });

  test("is also what emerge-webrsync -k left in DISTDIR", async () => {
    const box = await boxWith([]);
    await writeUnit(box.distdir, unit);
    await box.restart();
    await keeps(box, date);
    await rm(box.distdir, { recursive: true });
    await sync(box, unit);
  });

  test.skipIf(!hasGpg)(`is verified by gpg where it arrives${hasGpg ? "" : " (skipped: needs gpg)"}`, async () => {
    const mirror = await mirrorWith([unit]);
    const box = await boxWith([mirror.url]);
    await sync(box, unit);
    await mirror.close();
    await sync(box, unit);
    const home = join(box.dir, "gnupg");
    await mkdir(home, { mode: 0o700 });
    const gpg = async (...args: string[]) =>
      (await promisify(execFile)("gpg", ["--homedir", home, "--batch", "--status-fd", "1", ...args])).stdout;
    await gpg("--import", join(box.dir, "gentoo-release.asc"));
    const [signature, tarball] = ["signature" as const, "tarball" as const].map((part) =>
      join(box.dir, fileName(date, part)),
    );
    expect(await gpg("--verify", signature!, tarball!)).toMatch(/GOODSIG .*<infrastructure@gentoo\.org>/);
    await promisify(execFile)("gpgconf", ["--homedir", home, "--kill", "all"]).catch(() => {});
  });
});

test("snapshot pull and snapshot list of the command line", async () => {
  const mirror = await mirrorWith([unit, older]);
  const box = await boxWith([mirror.url]);
  const config = join(box.dir, "distswarm.toml");
  await writeFile(config, `state_dir = ${JSON.stringify(join(box.dir, "state"))}\n`);
  const run = (...args: string[]) => distswarm(["snapshot", ...args, "--config", config]);
  expect((await run("pull", olderDate)).out).toMatch(new RegExp(`^  ${olderDate}  .* verified  signed .* by Gentoo`));
  expect((await run("pull")).out).toContain(`  ${date}  `);
  const { out } = await run("list");
  expect(
    out
      .trim()
      .split("\n")
      .map((line) => line.trim().split(" ")[0]),
  ).toEqual([date, olderDate]);
  expect(JSON.parse((await run("list", "--json")).out)).toEqual((await box.agent.api.status()).snapshots);
  expect(await run("pull", "20200101")).toMatchObject({
    code: 1,
    err: "distswarm: gentoo-20200101 is older than all that are kept: raise snapshot.keep to keep it\n",
  });
  expect(await run("pull", "tomorrow")).toMatchObject({ code: 1, err: "distswarm: not a date (YYYYMMDD): tomorrow\n" });
});
