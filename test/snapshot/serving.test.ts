import type { PrivateKey } from "openpgp";
import { beforeAll, describe, expect, test } from "vitest";
import { fileName } from "../../src/snapshot/name.ts";
import { get, keeps, never, startBox, sync } from "./support/box.ts";
import { gate, mirrorsWith, publish } from "./support/mirrors.ts";
import { DATE, makeKey, makeUnit, OLDER_DATE, OLDEST_DATE, type TestUnit, writeKeyring } from "./support/unit.ts";

let key: PrivateKey;
let unit: TestUnit;

beforeAll(async () => {
  key = await makeKey();
  unit = await makeUnit(key);
});

describe("a client that syncs as emerge-webrsync does", () => {
  test("is passed upstream's files the first time, and then given what is kept, without upstream", async () => {
    const box = await startBox({ key, mirrors: mirrorsWith(unit) });
    expect(await sync(box, unit)).toEqual(["passing", "passing", "passing"]);
    await keeps(box, DATE);
    box.mirrors.mirrors[0]!.down = true;
    expect(await sync(box, unit)).toEqual(["held", "held", "held"]);
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
    expect(await sync(box, unit)).toEqual(["passing", "passing", "passing"]);
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
