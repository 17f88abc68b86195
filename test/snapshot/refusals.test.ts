import { Readable } from "node:stream";
import type { PrivateKey } from "openpgp";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import type { UpstreamAnswer } from "../../src/core/upstream.ts";
import { fileName, startOf, unitName } from "../../src/snapshot/name.ts";
import { expectNothing, get, keeps, never, startBox, TestLan, type TestBox } from "./support/box.ts";
import { TestMirrors } from "./support/mirrors.ts";
import {
  announcementOf,
  DATE,
  makeKey,
  makeUnit,
  md5sumOf,
  NOW,
  OLDER_DATE,
  OLDEST_DATE,
  STRANGER,
  tarballBytes,
  writeKeyring,
  type TestUnit,
} from "./support/unit.ts";

// The cap of 1 GiB, lowered so that reaching it costs no disk.
vi.mock("../../src/snapshot/limits.ts", () => ({
  MAX_BYTES: { tarball: 2 ** 23, signature: 2 ** 16, md5sum: 2 ** 16 },
}));

const HOUR_MS = 3_600_000;
const CHUNK = Buffer.alloc(2 ** 20);

let key: PrivateKey;
let strangersKey: PrivateKey;
let revokedKey: PrivateKey;
let right: TestUnit;
/** What is wrong with a unit -> that unit, and the check that says so. */
let wrong: Record<string, { unit: TestUnit; check: string }>;

beforeAll(async () => {
  key = await makeKey();
  strangersKey = await makeKey({ userID: STRANGER });
  const unrevoked = await makeKey();
  revokedKey = await unrevoked.revoke({}, new Date(NOW - HOUR_MS));
  right = await makeUnit(key);
  const other = tarballBytes("other");
  const withFiles = (files: Partial<TestUnit["files"]>): TestUnit => ({
    ...right,
    files: { ...right.files, ...files },
  });
  const old = { tarball: tarballBytes(OLDER_DATE), signedAt: startOf(OLDER_DATE) + 12 * HOUR_MS };
  wrong = {
    "wrong signature": { unit: withFiles({ tarball: other, md5sum: md5sumOf(other, DATE) }), check: "WRONG_SIGNATURE" },
    "another key": { unit: await makeUnit(await makeKey()), check: "UNKNOWN_KEY" },
    "a key without the user id": { unit: await makeUnit(strangersKey), check: "WRONG_USER_ID" },
    "a revoked key": { unit: await makeUnit(unrevoked), check: "KEY_REVOKED" },
    "the md5 of another file": { unit: withFiles({ md5sum: md5sumOf(other, DATE) }), check: "WRONG_MD5" },
    "a truncated tarball": {
      unit: withFiles({ tarball: right.files.tarball.subarray(0, 250_000) }),
      check: "TRUNCATED",
    },
    "an older tarball under today's name": { unit: await makeUnit(key, old), check: "SIGNED_TOO_EARLY" },
  };
});

async function boxWith(options: { mirrors?: TestMirrors; lan?: TestLan }): Promise<TestBox> {
  const box = await startBox({ ...options, init: { verifyFirst: 2 ** 30, replicate: false } });
  await writeKeyring(box.keyring, key, strangersKey, revokedKey);
  return box;
}

/** A peer that holds a unit, right or wrong, and gives what it announced. */
function peerWith(lan: TestLan, label: string, { files }: TestUnit): void {
  lan.liars.push({ label, give: (digest) => Object.values(files).find((bytes) => digestOf(bytes) === digest) });
}

describe.each([
  "wrong signature",
  "another key",
  "a key without the user id",
  "a revoked key",
  "the md5 of another file",
  "a truncated tarball",
  "an older tarball under today's name",
])("%s", (what) => {
  test("at upstream: nothing is kept, the log says which check failed, the client is passed what upstream has", async () => {
    const { unit, check } = wrong[what]!;
    const mirrors = new TestMirrors();
    mirrors.add(unit);
    const box = await boxWith({ mirrors });
    expect((await get(box, DATE, "tarball")).kind).toBe("pass");
    expect(box.lines.join("\n")).toContain(check);
    expectNothing(box);
    const requests = mirrors.requests.length;
    expect((await get(box, DATE, "tarball")).kind).toBe("pass");
    expect(mirrors.requests).toHaveLength(requests); // not downloaded in vain each time
  });

  test("at one mirror: the right copy of the next is found and kept", async () => {
    const mirrors = new TestMirrors();
    mirrors.add(wrong[what]!.unit);
    mirrors.add(right);
    const box = await boxWith({ mirrors });
    expect((await get(box, DATE, "tarball")).bytes.equals(right.files.tarball)).toBe(true);
    await keeps(box, DATE);
  });

  test("at a peer: nothing is kept, it is not pulled again, and the right copy of another peer is found", async () => {
    const { unit, check } = wrong[what]!;
    const lan = new TestLan();
    peerWith(lan, "liar", unit);
    const box = await boxWith({ lan });
    box.snapshots.heard("liar", [announcementOf(unit)]);
    await expect(get(box, DATE, "md5sum")).rejects.toMatchObject({ code: "NO_SOURCE" });
    expect(box.lines.join("\n")).toContain(check);
    expectNothing(box);
    const told = box.lines.length;
    await expect(get(box, DATE, "md5sum")).rejects.toMatchObject({ code: "NO_SOURCE" });
    expect(box.lines).toHaveLength(told);
    peerWith(lan, "honest", right);
    box.snapshots.heard("honest", [announcementOf(right)]);
    expect((await get(box, DATE, "tarball")).bytes.equals(right.files.tarball)).toBe(true);
  });
});

describe("what peers may do", () => {
  test("an older snapshot announced as newer is refused, by its signature's time or as the one that is kept", async () => {
    const lan = new TestLan();
    const mirrors = new TestMirrors();
    const box = await boxWith({ lan, mirrors });
    for (const [date, check] of [
      [OLDEST_DATE, "SIGNED_TOO_EARLY"],
      [OLDER_DATE, "SAME_TARBALL"],
    ] as const) {
      const older = await makeUnit(key, { date });
      mirrors.add(older);
      await box.snapshots.pull(date, { signal: never });
      const renamed = { date: DATE, files: { ...older.files, md5sum: md5sumOf(older.files.tarball, DATE) } };
      peerWith(lan, "liar", renamed);
      box.snapshots.heard("liar", [announcementOf(renamed)]);
      await expect(box.snapshots.pull(DATE, { signal: never })).rejects.toMatchObject({ code: "NOT_FOUND" });
      expect(box.lines.join("\n")).toContain(check);
    }
    expect(box.snapshots.list().map(({ date }) => date)).toEqual([OLDER_DATE, OLDEST_DATE]);
  });

  test("what a slow clock has signed in the future is pulled when the clock is right", async () => {
    const lan = new TestLan();
    peerWith(lan, "honest", right);
    const box = await boxWith({ lan });
    box.clock.time = startOf(DATE) + 20 * HOUR_MS;
    box.snapshots.heard("honest", [announcementOf(right)]);
    await expect(get(box, DATE, "md5sum")).rejects.toMatchObject({ code: "NO_SOURCE" });
    expect(box.lines.join("\n")).toMatch(/SIGNED_IN_FUTURE.*the clock of this box says 2026-11-20T20:00/);
    box.clock.time = NOW;
    expect((await get(box, DATE, "tarball")).bytes.equals(right.files.tarball)).toBe(true);
  });

  test("bytes unlike the announced digest are dropped, their source is blamed, and the next peer is asked", async () => {
    const lan = new TestLan();
    lan.liars.push({ label: "liar", give: () => Buffer.alloc(right.files.md5sum.length) });
    peerWith(lan, "honest", right);
    const box = await boxWith({ lan });
    box.snapshots.heard("honest", [announcementOf(right)]);
    expect((await get(box, DATE, "md5sum")).bytes.equals(right.files.md5sum)).toBe(true);
    expect(lan.blamed).toContain("liar");
  });

  test("a peer's own tarball under a digest of its own making is refused, though the small files are right", async () => {
    const lan = new TestLan();
    const made = { ...right, files: { ...right.files, tarball: tarballBytes("made") } };
    peerWith(lan, "liar", made);
    const mirrors = new TestMirrors();
    mirrors.add(right);
    const box = await boxWith({ lan, mirrors });
    box.snapshots.heard("liar", [announcementOf(made)]);
    expect((await get(box, DATE, "tarball")).bytes.equals(right.files.tarball)).toBe(true);
    expect(box.lines.join("\n")).toContain("WRONG_SIGNATURE");
  });

  test("malformed announcements, and no list at all, are ignored", async () => {
    const box = await boxWith({});
    for (const heard of [undefined, "x", [null], [{ name: unitName(DATE) }], { length: 3 }]) {
      box.snapshots.heard("liar", heard);
    }
    await expect(get(box, DATE, "md5sum")).rejects.toMatchObject({ code: "NO_SOURCE" });
    expectNothing(box);
  });
});

describe("a 'snapshot' of 2 GB", () => {
  /** Mirrors of which the first sends a tarball without end, and the second the right files. */
  class EndlessFirst extends TestMirrors {
    readonly #headers: Record<string, string>;
    endless = 0;

    constructor(headers: Record<string, string>) {
      super();
      this.#headers = headers;
      this.add(right);
    }

    override async mirrorPath(...[path, request]: Parameters<TestMirrors["mirrorPath"]>): Promise<UpstreamAnswer> {
      const url = `http://endless.example${path}`;
      if (!path.endsWith(".tar.xz") || request.avoid?.includes(url)) return super.mirrorPath(path, request);
      return { status: 200, headers: this.#headers, url, body: Readable.from(this.#forever()) };
    }

    async *#forever(): AsyncGenerator<Buffer> {
      for (; this.endless < 2 ** 31; this.endless += CHUNK.length) yield CHUNK;
    }
  }

  test("is refused by its length before a byte is taken, and the right copy elsewhere is found", async () => {
    const mirrors = new EndlessFirst({ "content-length": String(2 ** 31) });
    const box = await boxWith({ mirrors });
    expect((await get(box, DATE, "tarball")).bytes.equals(right.files.tarball)).toBe(true);
    expect(box.lines.join("\n")).toContain(`TOO_LARGE`);
    expect(mirrors.endless).toBeLessThan(2 ** 24);
  });

  test("is cut at the cap where it has no length", async () => {
    const mirrors = new EndlessFirst({});
    const box = await boxWith({ mirrors });
    expect((await get(box, DATE, "tarball")).bytes.equals(right.files.tarball)).toBe(true);
    expect(box.lines.join("\n")).toContain(`${fileName(DATE, "tarball")} has more than 8.00 MiB`);
  });

  test("is ignored where a peer announces it", async () => {
    const lan = new TestLan();
    const box = await boxWith({ lan });
    const { name, files } = announcementOf(right);
    box.snapshots.heard("liar", [{ name, files: { ...files, tarball: { ...files.tarball, size: 2 ** 31 } } }]);
    await expect(get(box, DATE, "md5sum")).rejects.toMatchObject({ code: "NO_SOURCE" });
    expectNothing(box);
  });

  test("as a small file passes through, unread beyond 64 KiB", async () => {
    const mirrors = new TestMirrors();
    mirrors.add({ ...right, files: { ...right.files, md5sum: Buffer.alloc(2 ** 20) } });
    const box = await boxWith({ mirrors });
    expect((await get(box, DATE, "md5sum")).kind).toBe("pass");
    expect(mirrors.sent).toBeLessThan(2 ** 18);
  });
});
