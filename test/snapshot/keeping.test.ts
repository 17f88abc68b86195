import { once } from "node:events";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { PrivateKey } from "openpgp";
import { beforeAll, describe, expect, test } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import { fileName } from "../../src/snapshot/name.ts";
import { expectNothing, get, keeps, never, startBox, type TestBox } from "./support/box.ts";
import { TestMirrors } from "./support/mirrors.ts";
import { DATE, makeKey, makeUnit, NOW, OLDER_DATE, writeKeyring, type TestUnit } from "./support/unit.ts";
import { tempDir } from "../support/temp-dir.ts";

let key: PrivateKey;
let unit: TestUnit;
let older: TestUnit;

beforeAll(async () => {
  key = await makeKey();
  unit = await makeUnit(key);
  older = await makeUnit(key, { date: OLDER_DATE });
});

/** A box that keeps both units, and whose mirrors are down. */
async function keepingBox(): Promise<TestBox> {
  const mirrors = new TestMirrors();
  const mirror = mirrors.add(unit, older);
  const box = await startBox({ key, mirrors });
  await box.snapshots.pull(OLDER_DATE, { signal: never });
  await box.snapshots.pull(DATE, { signal: never });
  mirror.down = true;
  mirrors.requests.length = 0;
  return box;
}

describe("after a restart", () => {
  test("the kept units are served and announced at once", async () => {
    const box = await keepingBox();
    const announced = box.snapshots.announcements();
    await box.restart();
    expect(box.snapshots.announcements()).toEqual(announced);
    expect((await get(box, DATE, "tarball")).kind).toBe("held");
    expect(box.mirrors.requests).toEqual([]);
  });

  test("a unit that lost a blob meanwhile is gone, with its other blobs", async () => {
    const box = await keepingBox();
    await box.snapshots.stop();
    await rm(join(box.store.dir, digestOf(unit.files.signature)));
    await box.restart();
    await keeps(box, OLDER_DATE);
    expect(box.store.digests()).toHaveLength(3);
  });

  test("fewer are kept when the config says so", async () => {
    const box = await keepingBox();
    await box.restart({ keep: 1 });
    await keeps(box, DATE);
    expect(box.store.digests()).toHaveLength(3);
  });

  test("leftovers of staging are gone, but for a download that can be resumed", async () => {
    const box = await keepingBox();
    const staging = join(box.dir, "staging");
    for (const date of ["20261118", "20261121", DATE]) {
      const peers = join(staging, date, `peers-${"ab".repeat(64)}`);
      await mkdir(peers, { recursive: true });
      await writeFile(join(peers, "cd".repeat(64)), "begun");
      await writeFile(join(staging, date, fileName(date, "tarball")), "begun");
    }
    await box.restart();
    expect(await readdir(staging)).toEqual(["20261121"]);
    expect(await readdir(join(staging, "20261121"))).toHaveLength(2);
  });

  test("what else lies beside them is left alone: it may have been there before the store", async () => {
    const box = await keepingBox();
    const staging = join(box.dir, "staging");
    for (const dir of ["x", "20261118", "20261117/peers-mine"]) await mkdir(join(staging, dir), { recursive: true });
    for (const file of ["stray", "20261118/backup.tar"]) await writeFile(join(staging, file), "");
    await box.restart();
    expect(await readdir(staging)).toEqual(["20261117", "20261118", "stray", "x"]);
    expect(await readdir(join(staging, "20261118"))).toEqual(["backup.tar"]);
    expect(await readdir(join(staging, "20261117"))).toEqual(["peers-mine"]);
  });
});

describe("a blob that leaves the store", () => {
  test("takes its unit with it; the next request gets it anew", async () => {
    const box = await keepingBox();
    const changed = once(box.snapshots, "changed");
    await box.store.remove(digestOf(unit.files.md5sum));
    await changed;
    expect(box.snapshots.announcements()).toHaveLength(1);
    expect(box.store.digests()).toHaveLength(3);
    box.mirrors.mirrors[0]!.down = false;
    expect((await get(box, DATE, "tarball")).bytes.equals(unit.files.tarball)).toBe(true);
  });
});

describe("when the keyring changes", () => {
  test("to one that revokes the key, its units are dropped", async () => {
    const box = await keepingBox();
    await writeKeyring(box.keyring, await key.revoke({}, new Date(NOW - 1000)), await makeKey());
    await box.snapshots.tick();
    expectNothing(box);
    expect(box.lines.join()).toContain("fails the changed keyring");
  });

  test("to one that also holds other keys, they are verified again, and stay", async () => {
    const box = await keepingBox();
    await writeKeyring(box.keyring, await makeKey(), key);
    expect((await get(box, DATE, "md5sum")).kind).toBe("held");
    expect(box.snapshots.list().map(({ verified }) => verified)).toEqual([true, true]);
    await box.restart();
    expect(box.snapshots.announcements()).toHaveLength(2);
  });

  test("or goes, nothing is served or announced from here until it is back", async () => {
    const box = await keepingBox();
    await rm(box.keyring);
    expect((await get(box, DATE, "tarball")).kind).toBe("pass");
    expect(await box.snapshots.find(`gentoo-${DATE}.tar.xz`)).toBeUndefined();
    expect(box.snapshots.announcements()).toEqual([]);
    expect(box.snapshots.list().map(({ verified }) => verified)).toEqual([false, false]);
    await writeKeyring(box.keyring, key);
    expect((await get(box, DATE, "tarball")).kind).toBe("held");
    expect(box.snapshots.announcements()).toHaveLength(2);
  });

  test("to the right one, what was refused for want of a key is tried again", async () => {
    const mirrors = new TestMirrors();
    mirrors.add(unit);
    const box = await startBox({ key: await makeKey(), mirrors });
    expect((await get(box, DATE, "tarball")).kind).toBe("pass");
    expect(box.lines.join()).toContain("UNKNOWN_KEY");
    await writeKeyring(box.keyring, key);
    expect((await get(box, DATE, "tarball")).kind).toBe("passing");
    await keeps(box, DATE);
  });
});

test("a directory that cannot be written: the stage starts, and requests pass through", async () => {
  const mirrors = new TestMirrors();
  mirrors.add(unit);
  const file = join(await tempDir(), "file");
  await writeFile(file, "");
  const box = await startBox({ key, mirrors });
  await box.restart({ stagingDir: join(file, "staging") });
  expect((await get(box, DATE, "tarball")).kind).toBe("pass");
});
