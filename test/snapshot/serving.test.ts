import { execFileSync } from "node:child_process";
import { join } from "node:path";
import type { PrivateKey } from "openpgp";
import { beforeAll, describe, expect, test } from "vitest";
import { hasCode } from "../../src/core/errors.ts";
import { SNAPSHOT_PARTS } from "../../src/core/snapshots.ts";
import { fileName } from "../../src/snapshot/name.ts";
import { get, keeps, never, startBox, type TestBox } from "./support/box.ts";
import { publish, TestMirrors } from "./support/mirrors.ts";
import {
  DATE,
  makeKey,
  makeUnit,
  OLDER_DATE,
  OLDEST_DATE,
  tarballBytes,
  writeKeyring,
  writeUnit,
  type TestUnit,
} from "./support/unit.ts";

const MINUTE_MS = 60_000;
const TARBALL = `GET /snapshots/${fileName(DATE, "tarball")}`;

let key: PrivateKey;
let unit: TestUnit;

beforeAll(async () => {
  key = await makeKey();
  unit = await makeUnit(key);
});

function mirrorsWith(...units: TestUnit[]): TestMirrors {
  const mirrors = new TestMirrors();
  mirrors.add(...units);
  return mirrors;
}

/** A promise that a test resolves. */
function gate(): { until: Promise<void>; open: () => void } {
  let open = (): void => {};
  const until = new Promise<void>((resolve) => (open = resolve));
  return { until, open };
}

async function codeOf(asking: Promise<unknown>): Promise<string> {
  const error = await asking.then(
    () => undefined,
    (error: unknown) => error,
  );
  return hasCode(error, "NOT_FOUND", "NO_SOURCE", "BROKEN") ? error.code : `no code of ours: ${String(error)}`;
}

/** Asks in the order of emerge-webrsync. */
async function sync(box: TestBox): Promise<string[]> {
  const kinds = [];
  for (const part of ["md5sum", "signature", "tarball"] as const) {
    const got = await get(box, DATE, part);
    expect(got.bytes.equals(unit.files[part])).toBe(true);
    kinds.push(got.kind);
  }
  return kinds;
}

describe("a client that syncs as emerge-webrsync does", () => {
  test("is passed upstream's files the first time, and then given what is kept, without upstream", async () => {
    const box = await startBox({ key, mirrors: mirrorsWith(unit) });
    expect(await sync(box)).toEqual(["passing", "passing", "passing"]);
    await keeps(box, DATE);
    box.mirrors.mirrors[0]!.down = true;
    expect(await sync(box)).toEqual(["held", "held", "held"]);
    expect(box.mirrors.count(DATE, "tarball")).toBe(1);
  });

  test("is answered in whatever order it asks", async () => {
    const box = await startBox({ key, mirrors: mirrorsWith(unit) });
    expect((await get(box, DATE, "tarball")).bytes.equals(unit.files.tarball)).toBe(true);
    await keeps(box, DATE);
    expect((await get(box, DATE, "signature")).kind).toBe("held");
    expect((await get(box, DATE, "md5sum")).kind).toBe("held");
  });

  test("goes on with a partial tarball from the byte that it has", async () => {
    const box = await startBox({ key, mirrors: mirrorsWith(unit) });
    const got = await get(box, DATE, "tarball", 57_000);
    expect(got.bytes.equals(unit.files.tarball.subarray(57_000))).toBe(true);
  });

  test("gets bytes while the tarball is still coming, and the rest as it comes", async () => {
    const mirrors = mirrorsWith();
    const { until, open } = gate();
    publish(mirrors.mirrors[0]!, unit, { holdsAt: { byte: 200_000, until } });
    const box = await startBox({ key, mirrors });
    const content = await box.snapshots.open(fileName(DATE, "tarball"), { signal: never });
    if (content?.kind !== "passing") throw new Error("not passing");
    const chunks: Buffer[] = [];
    for await (const chunk of content.body.read({ start: 0, end: content.body.size }, never)) {
      chunks.push(chunk);
      expect(box.snapshots.list()).toEqual([]);
      if (Buffer.concat(chunks).length >= 150_000) open();
    }
    expect(Buffer.concat(chunks).equals(unit.files.tarball)).toBe(true);
    await content.body.close();
    await keeps(box, DATE);
  });

  test("is shown with what came of it, until it is here", async () => {
    const mirrors = mirrorsWith();
    const { until, open } = gate();
    publish(mirrors.mirrors[0]!, unit, { holdsAt: { byte: 200_000, until } });
    const box = await startBox({ key, mirrors });
    const asked = get(box, DATE, "tarball");
    const name = fileName(DATE, "tarball");
    const size = unit.files.tarball.length;
    const shown = { name, size, kind: "upstream", source: `http://mirror0.example/snapshots/${name}`, clients: 1 };
    await expect.poll(() => box.snapshots.transfers()).toEqual([expect.objectContaining(shown)]);
    open();
    await asked;
    await keeps(box, DATE);
    expect(box.snapshots.transfers()).toEqual([]);
  });

  test("waits for the verification of a tarball that is small", async () => {
    const box = await startBox({ key, mirrors: mirrorsWith(unit), init: { verifyFirst: unit.files.tarball.length } });
    expect((await get(box, DATE, "tarball")).kind).toBe("held");
  });

  test("waits for it, too, where upstream tells no length", async () => {
    const mirrors = mirrorsWith();
    publish(mirrors.mirrors[0]!, unit, { withoutLength: true });
    const box = await startBox({ key, mirrors });
    expect((await get(box, DATE, "tarball")).kind).toBe("held");
  });

  test("shares one download with twenty others", async () => {
    const box = await startBox({ key, mirrors: mirrorsWith(unit) });
    const all = await Promise.all(Array.from({ length: 20 }, () => get(box, DATE, "tarball")));
    expect(all.every(({ bytes }) => bytes.equals(unit.files.tarball))).toBe(true);
    expect(box.mirrors.count(DATE, "tarball")).toBe(1);
  });

  test("may leave: the download goes on", async () => {
    const box = await startBox({ key, mirrors: mirrorsWith(unit) });
    const leaving = new AbortController();
    const asking = box.snapshots.open(fileName(DATE, "tarball"), { signal: leaving.signal });
    leaving.abort();
    await expect(asking).rejects.toThrow();
    const { kind } = await get(box, DATE, "tarball");
    expect(["held", "passing"]).toContain(kind);
    await keeps(box, DATE);
    expect(box.mirrors.count(DATE, "tarball")).toBe(1);
  });
});

describe("a request passes through untouched", () => {
  test("for every other name", async () => {
    const box = await startBox({ key, mirrors: mirrorsWith(unit) });
    for (const name of ["gentoo-latest.tar.xz", "portage-20261120.tar.bz2", "gentoo-20261131.tar.xz.md5sum"]) {
      expect(await box.snapshots.open(name, { signal: never })).toBeUndefined();
    }
    expect(box.mirrors.requests).toEqual([]);
  });

  test("without a usable key; nothing is kept, and a warning says which package brings one", async () => {
    const box = await startBox({ mirrors: mirrorsWith(unit) });
    expect((await get(box, DATE, "md5sum")).kind).toBe("pass");
    expect((await get(box, DATE, "tarball")).kind).toBe("pass");
    expect(box.mirrors.requests).toEqual([]);
    expect(box.snapshots.warnings().join()).toContain("install sec-keys/openpgp-keys-gentoo-release");
    await expect(box.snapshots.pull(DATE, { signal: never })).rejects.toMatchObject({ code: "NO_KEYRING" });
  });

  test("as long as there is no key, and no longer", async () => {
    const box = await startBox({ mirrors: mirrorsWith(unit) });
    expect((await get(box, DATE, "tarball")).kind).toBe("pass");
    await writeKeyring(box.keyring, key);
    expect(await sync(box)).toEqual(["passing", "passing", "passing"]);
    expect(box.snapshots.warnings()).toEqual([]);
  });

  test("for a date older than all that are kept", async () => {
    const newer = await makeUnit(key, { date: OLDER_DATE });
    const oldest = await makeUnit(key, { date: OLDEST_DATE });
    const box = await startBox({ key, mirrors: mirrorsWith(unit, newer, oldest) });
    await box.snapshots.pull(DATE, { signal: never });
    await box.snapshots.pull(OLDER_DATE, { signal: never });
    expect((await get(box, OLDEST_DATE, "tarball")).kind).toBe("pass");
    await expect(box.snapshots.pull(OLDEST_DATE, { signal: never })).rejects.toThrow(/raise snapshot.keep/);
  });

  test("when the store is full: the client still gets its tarball", async () => {
    const box = await startBox({ key, mirrors: mirrorsWith(unit), init: { verifyFirst: 2 ** 30 } });
    box.store.full = true;
    expect((await get(box, DATE, "tarball")).kind).toBe("pass");
    expect(box.snapshots.list()).toEqual([]);
    box.store.full = false;
    expect((await get(box, DATE, "tarball")).kind).toBe("held");
  });
});

describe("what upstream says", () => {
  test("404 is 404, remembered for two minutes and no longer", async () => {
    const box = await startBox({ key, mirrors: mirrorsWith() });
    for (const part of ["md5sum", "signature", "tarball"] as const) {
      expect(await codeOf(get(box, DATE, part))).toBe("NOT_FOUND");
      expect(await codeOf(get(box, DATE, part))).toBe("NOT_FOUND");
    }
    expect(box.mirrors.count(DATE, "md5sum")).toBe(2); // for itself, and once before the tarball
    expect(box.mirrors.count(DATE, "tarball")).toBe(0);
    publish(box.mirrors.mirrors[0]!, unit);
    box.clock.time += 2 * MINUTE_MS;
    expect(await sync(box)).toEqual(["passing", "passing", "passing"]);
  });

  test("a failure is a failure, never 404, and asked again at once", async () => {
    const box = await startBox({ key, mirrors: mirrorsWith(unit) });
    box.mirrors.mirrors[0]!.down = true;
    for (const part of ["md5sum", "signature", "tarball"] as const) {
      expect(await codeOf(get(box, DATE, part))).toBe("NO_SOURCE");
    }
    box.mirrors.mirrors[0]!.down = false;
    expect(await sync(box)).toEqual(["passing", "passing", "passing"]);
  });

  test("a body that breaks off is gone on with at the byte reached", async () => {
    const mirrors = mirrorsWith();
    publish(mirrors.mirrors[0]!, unit, { breaksAfter: [131_072, 65_536] });
    const box = await startBox({ key, mirrors });
    expect((await get(box, DATE, "tarball")).bytes.equals(unit.files.tarball)).toBe(true);
    await keeps(box, DATE);
    expect(mirrors.requests.slice(-2)).toEqual([`${TARBALL} bytes=131072-`, `${TARBALL} bytes=196608-`]);
    expect(mirrors.sent).toBe(Object.values(unit.files).reduce((sum, { length }) => sum + length, 0));
  });

  test("a server without ranges sends all again, and the client sees no byte twice", async () => {
    const mirrors = mirrorsWith();
    publish(mirrors.mirrors[0]!, unit, { breaksAfter: [131_072], ignoresRange: true });
    const box = await startBox({ key, mirrors });
    expect((await get(box, DATE, "tarball")).bytes.equals(unit.files.tarball)).toBe(true);
    await keeps(box, DATE);
  });

  test("what breaks off for good is broken for the client, and resumed by the next, also after a restart", async () => {
    const mirrors = mirrorsWith();
    publish(mirrors.mirrors[0]!, unit, { breaksAfter: Array.from({ length: 5 }, () => 32_768) });
    const box = await startBox({ key, mirrors });
    expect(await codeOf(get(box, DATE, "tarball"))).toBe("BROKEN");
    await box.restart();
    expect((await get(box, DATE, "tarball")).bytes.equals(unit.files.tarball)).toBe(true);
    expect(mirrors.requests.at(-1)).toBe(`${TARBALL} bytes=163840-`);
  });

  test("what was staged of another file is begun anew", async () => {
    const mirrors = mirrorsWith();
    publish(mirrors.mirrors[0]!, unit, { breaksAfter: Array.from({ length: 5 }, () => 32_768) });
    const box = await startBox({ key, mirrors });
    expect(await codeOf(get(box, DATE, "tarball"))).toBe("BROKEN");
    const shorter = await makeUnit(key, { tarball: tarballBytes("shorter", 100_000) });
    publish(mirrors.mirrors[0]!, shorter);
    expect((await get(box, DATE, "tarball")).bytes.equals(shorter.files.tarball)).toBe(true);
    await keeps(box, DATE);
  });
});

describe("a tarball begun anew", () => {
  test("waits for its verification no more than any other: nothing of it is of an earlier run", async () => {
    const mirrors = mirrorsWith();
    publish(mirrors.mirrors[0]!, unit, { breaksAfter: Array.from({ length: 5 }, () => 32_768) });
    const box = await startBox({ key, mirrors });
    expect(await codeOf(get(box, DATE, "tarball"))).toBe("BROKEN");
    const { until, open } = gate();
    const shorter = await makeUnit(key, { tarball: tarballBytes("shorter", 100_000) });
    publish(mirrors.mirrors[0]!, shorter, { holdsAt: { byte: 65_536, until } });
    const content = await box.snapshots.open(fileName(DATE, "tarball"), { signal: never });
    open();
    if (content?.kind !== "passing") throw new Error("not passing");
    await content.body.close();
    await keeps(box, DATE);
  });
});

describe("snapshot list and pull", () => {
  test("say what is kept, of what size, signed by whom and when, and who else has it", async () => {
    const box = await startBox({ key, mirrors: mirrorsWith(unit) });
    const pulled = await box.snapshots.pull(undefined, { signal: never });
    expect(box.snapshots.list()).toEqual([pulled]);
    box.snapshots.heard("h9", structuredClone(box.snapshots.announcements()));
    expect(box.snapshots.list()).toEqual([
      {
        name: `gentoo-${DATE}`,
        date: DATE,
        size: Object.values(unit.files).reduce((sum, { length }) => sum + length, 0),
        verified: true,
        signed_by: "Gentoo ebuild repository signing key <infrastructure@gentoo.org>",
        key: key.getFingerprint().toUpperCase(),
        signed_at: "2026-11-21T00:45:00.000Z",
        peers: ["h9"],
      },
    ]);
  });

  test("keep the newest two", async () => {
    const units = [await makeUnit(key, { date: OLDEST_DATE }), await makeUnit(key, { date: OLDER_DATE }), unit];
    const box = await startBox({ key, mirrors: mirrorsWith(...units) });
    for (const { date } of units) await box.snapshots.pull(date, { signal: never });
    expect(box.snapshots.list().map(({ date }) => date)).toEqual([DATE, OLDER_DATE]);
    expect(box.store.digests()).toHaveLength(6);
    expect(box.store.digests().every((digest) => box.snapshots.protects(digest))).toBe(true);
  });

  test("refuse what is no date", async () => {
    const box = await startBox({ key });
    await expect(box.snapshots.pull("../../etc", { signal: never })).rejects.toMatchObject({ code: "INVALID_REQUEST" });
  });
});

describe("what emerge-webrsync -k left in DISTDIR", () => {
  test("is adopted, and told to the others, without upstream", async () => {
    const box = await startBox({ key });
    await writeUnit(box.distdir, unit);
    await box.restart({ distdir: box.distdir });
    await keeps(box, DATE);
    expect(box.mirrors.requests).toEqual([]);
    expect((await get(box, DATE, "tarball")).bytes.equals(unit.files.tarball)).toBe(true);
  });

  test("is left alone when it fails a check", async () => {
    const box = await startBox({ key });
    await writeUnit(box.distdir, { ...unit, files: { ...unit.files, tarball: Buffer.from("short") } });
    await box.restart({ distdir: box.distdir });
    await box.snapshots.stop();
    expect(box.lines.join()).toContain("is not adopted");
    expect(box.store.digests()).toEqual([]);
  });

  test("is adopted later, when the keyring that lacked its key has it", async () => {
    const box = await startBox({ key: await makeKey() });
    await writeUnit(box.distdir, unit);
    await box.restart({ distdir: box.distdir });
    await box.snapshots.tick();
    expect(box.lines.join()).toContain("is not in the keyring");
    await writeKeyring(box.keyring, key);
    await box.snapshots.tick();
    await keeps(box, DATE);
  });

  test("is adopted later, when the store that was full has room", async () => {
    const box = await startBox({ key });
    await writeUnit(box.distdir, unit);
    box.store.full = true;
    await box.restart({ distdir: box.distdir });
    await box.snapshots.tick();
    expect(box.snapshots.list()).toEqual([]);
    box.store.full = false;
    await box.snapshots.tick();
    await keeps(box, DATE);
  });

  test("holds up nothing when its files are FIFOs, and is no snapshot", async () => {
    const box = await startBox({ key });
    const names = SNAPSHOT_PARTS.map((part) => join(box.distdir, fileName(DATE, part)));
    execFileSync("mkfifo", names);
    await box.restart({ distdir: box.distdir });
    await box.snapshots.tick();
    await box.snapshots.stop();
    expect(box.lines.join()).toContain("is no regular file");
  });
});
