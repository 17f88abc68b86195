import { execFile } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import type { SnapshotPart } from "../../src/core/snapshots.ts";
import { fileName } from "../../src/snapshot/name.ts";
import { distswarm } from "../cli/cli.ts";
import { writeUnit } from "../snapshot/support/unit.ts";
import { hasProgram, startNginxMirror } from "../support/nginx.ts";
import { testFile } from "../support/repository.ts";
import {
  arrivalOf,
  ask,
  askedFor,
  boxWith,
  damage,
  DATE,
  DOORS,
  expectNothingKept,
  fetchPart,
  forwardProxy,
  keeps,
  keyringOf,
  mirrorFiles,
  mirrorWith,
  older,
  OLDER_DATE,
  ORDER,
  sync,
  unit,
  VERIFY_FIRST,
} from "../support/webrsync.ts";
import { refusingMirror, says, startMirror, well } from "../support/zoo/zoo.ts";
import { named } from "../support/skipped.ts";
import { tempDir } from "../support/temp-dir.ts";

const MIB = 2 ** 20;
const never = new AbortController().signal;

const hasNginx = await hasProgram("nginx");
const hasGpg = await hasProgram("gpg");

describe.each(DOORS)("a sync through %s", (_, door) => {
  test.each(VERIFY_FIRST)(
    "passes upstream's files the first time, and is served without upstream after that (verify_first %s)",
    async (verify_first) => {
      const mirror = await mirrorWith([unit]);
      const box = await boxWith([mirror.url], { config: { proxy: { verify_first } } });
      await sync(box, unit, { door, mirror: mirror.url });
      await keeps(box, DATE);
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
    await keeps(box, DATE);
    expect(askedFor(mirror, "tarball")).toBe(1);
  });

  test.each(VERIFY_FIRST)(
    "goes on with a partial, and takes 416 for a whole file, kept or not (verify_first %s)",
    async (verify_first) => {
      const mirror = await mirrorWith([unit]);
      const box = await boxWith([mirror.url], { config: { proxy: { verify_first } } });
      for (const length of [57, 400_000, unit.files.tarball.length]) {
        await writeFile(arrivalOf(box, DATE, "tarball"), unit.files.tarball.subarray(0, length));
        const got = await fetchPart(box, [DATE, "tarball"], { door, mirror: mirror.url });
        expect([length, got.code, got.bytes.equals(unit.files.tarball)]).toEqual([length, 0, true]);
      }
      await keeps(box, DATE);
      expect(askedFor(mirror, "tarball")).toBe(1);
    },
  );

  test.each([
    ["404", says(404), 404],
    ["500", says(500), 502],
    ["503", says(503), 503],
  ] as const)("is told what upstream says: %s", async (_, behaviour, status) => {
    const mirror = await mirrorWith([unit], behaviour);
    const box = await boxWith([mirror.url]);
    for (const part of ORDER) expect((await ask(box, part)).status).toBe(status);
    expect((await fetchPart(box, [DATE, "md5sum"], { door, mirror: mirror.url })).code).toBe(8);
    await expectNothingKept(box);
  });
});

test.skipIf(!hasNginx)(
  named("with nginx upstream, seven clients at once cost one tarball", hasNginx ? undefined : "needs nginx"),
  async () => {
    const dir = await tempDir();
    const mirror = await startNginxMirror(dir, []);
    onTestFinished(() => mirror.close());
    await mkdir(join(dir, "mirror", "snapshots"));
    await writeUnit(join(dir, "mirror", "snapshots"), unit);
    const box = await boxWith([mirror.url], { config: { proxy: { verify_first: "64KiB" } } });
    const answers = await Promise.all(Array.from({ length: 7 }, () => ask(box, "tarball")));
    const bodies = await Promise.all(answers.map(async (answer) => Buffer.from(await answer.arrayBuffer())));
    expect(bodies.every((bytes) => bytes.equals(unit.files.tarball))).toBe(true);
    await keeps(box, DATE);
    await sync(box, unit);
    const tarballs = (await mirror.requests()).filter((line) => line.includes(`${fileName(DATE, "tarball")} `));
    expect(tarballs).toEqual([`GET /snapshots/${fileName(DATE, "tarball")} 200 -`]);
  },
);

describe("answers", () => {
  test("of a kept file have the digest as ETag, ranges, 416 at its end, and their length for HEAD", async () => {
    const mirror = await mirrorWith([unit]);
    const box = await boxWith([mirror.url]);
    await box.agent.api.pullSnapshot(DATE, never);
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

  test.each(["/snapshots/gentoo-latest.tar.xz", "/snapshots/deltas/snapshot-20261118-20261119.patch.bz2"])(
    "to other names below /snapshots/, such as %s, are upstream's, and nothing of them is kept",
    async (path) => {
      const mirror = await startMirror(well, { [path]: Buffer.from("latest") });
      onTestFinished(() => mirror.close());
      const box = await boxWith([mirror.url]);
      const answer = await fetch(`${box.url}${path}`);
      expect([await answer.text(), answer.headers.get("cache-status")]).toEqual(["latest", "distswarm; fwd=bypass"]);
      await expectNothingKept(box);
    },
  );

  test("say that upstream cannot be reached with 502, never 404", async () => {
    const box = await boxWith([await refusingMirror()]);
    for (const part of ORDER) expect((await ask(box, part)).status).toBe(502);
  });

  test("come from the server that a proxy's client names, where our own mirrors lack the file", async () => {
    const theirs = await mirrorWith([unit]);
    const box = await boxWith([(await mirrorWith([])).url]);
    await sync(box, unit, { door: forwardProxy, mirror: theirs.url });
    await expectNothingKept(box);
  });

  test("of a kept file that somebody deleted come from upstream; without upstream they are 502, never 404", async () => {
    const mirror = await mirrorWith([unit]);
    const box = await boxWith([mirror.url]);
    for (const upstream of ["there", "gone"]) {
      await box.agent.api.pullSnapshot(DATE, never);
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
    await keeps(box, DATE);
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
    await box.agent.api.pullSnapshot(DATE, never);
    await damage(box, unit.files.tarball);
    await sync(box, unit);
    await keeps(box, DATE);
    expect(askedFor(mirror, "tarball")).toBe(2);
  });
});

describe("what is kept", () => {
  test("outlives a restart with upstream gone", async () => {
    const mirror = await mirrorWith([unit, older]);
    const box = await boxWith([mirror.url]);
    await sync(box, older);
    await sync(box, unit);
    await keeps(box, DATE, OLDER_DATE);
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
    onTestFinished(() => distfiles.close());
    const box = await boxWith([distfiles.url], { files, config: { store: { max_size: "3MiB", min_free: "0B" } } });
    await sync(box, unit);
    await keeps(box, DATE);
    for (const { name } of files) expect((await fetch(`${box.url}/distfiles/${name}`)).status).toBe(200);
    const { store } = await box.agent.api.status();
    expect(store.bytes).toBeLessThanOrEqual(3 * MIB);
    await distfiles.close();
    await sync(box, unit);
  });

  test("is fetched anew by fsck --repair where it is damaged", async () => {
    const mirror = await mirrorWith([unit]);
    const box = await boxWith([mirror.url]);
    await box.agent.api.pullSnapshot(DATE, never);
    await damage(box, unit.files.tarball);
    const verdicts: string[] = [];
    for await (const event of box.agent.api.fsck({ repair: true }, never)) {
      if (event.event === "file") verdicts.push(event.verdict);
    }
    expect(verdicts).toEqual(["damaged", "repaired"]);
    await mirror.close();
    await sync(box, unit);
  });

  test("is known to explain", async () => {
    const mirror = await mirrorWith([unit]);
    const box = await boxWith([mirror.url]);
    const meaning = async () => (await box.agent.api.explain(fileName(DATE, "md5sum"))).meaning;
    expect(await meaning()).toBe("a name that no Manifest on this box has");
    await box.agent.api.pullSnapshot(DATE, never);
    expect(await meaning()).toBe("a file of a tree snapshot, verified and kept here");
  });

  test("is also what emerge-webrsync -k left in DISTDIR", async () => {
    const box = await boxWith([]);
    await writeUnit(box.distdir, unit);
    await box.restart();
    await keeps(box, DATE);
    await rm(box.distdir, { recursive: true });
    await sync(box, unit);
  });

  test.skipIf(!hasGpg)(named("is verified by gpg where it arrives", hasGpg ? undefined : "needs gpg"), async () => {
    const mirror = await mirrorWith([unit]);
    const box = await boxWith([mirror.url]);
    await sync(box, unit);
    await mirror.close();
    await sync(box, unit);
    const home = join(box.dir, "gnupg");
    await mkdir(home, { mode: 0o700 });
    const gpg = async (...args: string[]) =>
      (await promisify(execFile)("gpg", ["--homedir", home, "--batch", "--status-fd", "1", ...args])).stdout;
    await gpg("--import", keyringOf(box));
    const [signature, tarball] = [arrivalOf(box, DATE, "signature"), arrivalOf(box, DATE, "tarball")];
    expect(await gpg("--verify", signature, tarball)).toMatch(/GOODSIG .*<infrastructure@gentoo\.org>/);
    await promisify(execFile)("gpgconf", ["--homedir", home, "--kill", "all"]).catch(() => {});
  });
});

test("snapshot pull and snapshot list of the command line", async () => {
  const mirror = await mirrorWith([unit, older]);
  const box = await boxWith([mirror.url]);
  const config = join(box.dir, "distswarm.toml");
  await writeFile(config, `state_dir = ${JSON.stringify(join(box.dir, "state"))}\n`);
  const run = (...args: string[]) => distswarm(["snapshot", ...args, "--config", config]);
  expect((await run("pull", OLDER_DATE)).out).toMatch(new RegExp(`^  ${OLDER_DATE}  .* verified  signed .* by Gentoo`));
  expect((await run("pull")).out).toContain(`  ${DATE}  `);
  const { out } = await run("list");
  expect(
    out
      .trim()
      .split("\n")
      .map((line) => line.trim().split(" ")[0]),
  ).toEqual([DATE, OLDER_DATE]);
  expect(JSON.parse((await run("list", "--json")).out)).toEqual((await box.agent.api.status()).snapshots);
  expect(await run("pull", "20200101")).toMatchObject({
    code: 1,
    err: "distswarm: gentoo-20200101 is older than all that are kept: raise snapshot.keep to keep it\n",
  });
  expect(await run("pull", "tomorrow")).toMatchObject({ code: 1, err: "distswarm: not a date (YYYYMMDD): tomorrow\n" });
});
