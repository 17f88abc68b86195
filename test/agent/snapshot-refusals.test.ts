import { describe, expect, test } from "vitest";
import { startOf } from "../../src/snapshot/name.ts";
import { makeKey, makeUnit, md5sumOf, writeKeyring, type TestUnit } from "../snapshot/support/unit.ts";
import {
  askedFor,
  boxWith,
  DATE,
  expectNothingKept,
  keeps,
  key,
  keyringOf,
  mirrorWith,
  older,
  strangersKey,
  sync,
  unit,
  unrevokedKey,
  VERIFY_FIRST,
} from "../support/webrsync.ts";

const HOUR_MS = 3_600_000;
const never = new AbortController().signal;

/** What is wrong with a unit, and the check that says so. */
const WRONG: Record<string, { check: string; make: () => Promise<TestUnit> }> = {
  "another tarball than was signed": {
    check: "WRONG_SIGNATURE",
    make: async () => ({ date: DATE, files: { ...unit.files, tarball: older.files.tarball, md5sum: md5Of(older) } }),
  },
  "a signature by another key": {
    check: "UNKNOWN_KEY",
    make: async () => makeUnit(await makeKey({ now: Date.now() }), { date: DATE }),
  },
  "a key without the user id": { check: "WRONG_USER_ID", make: () => makeUnit(strangersKey, { date: DATE }) },
  "a revoked key": { check: "KEY_REVOKED", make: () => makeUnit(unrevokedKey, { date: DATE }) },
  "the md5 of another file": {
    check: "WRONG_MD5",
    make: async () => ({ date: DATE, files: { ...unit.files, md5sum: md5Of(older) } }),
  },
  "a truncated tarball": {
    check: "TRUNCATED",
    make: async () => ({ date: DATE, files: { ...unit.files, tarball: unit.files.tarball.subarray(0, 300_000) } }),
  },
  "an older tarball under today's name": {
    check: "SIGNED_TOO_EARLY",
    make: () => makeUnit(key, { date: DATE, tarball: older.files.tarball, signedAt: startOf(DATE) - HOUR_MS }),
  },
};

function md5Of({ files }: TestUnit): Buffer {
  return md5sumOf(files.tarball, DATE);
}

describe.each(Object.entries(WRONG))("upstream has %s", (_, { check, make }) => {
  test.each(VERIFY_FIRST)(
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
    await keeps(box, DATE);
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
    const pulling = box.agent.api.pullSnapshot(undefined, never);
    await expect(pulling).rejects.toMatchObject({ code: "NO_KEYRING" });
  });

  test("everything passes through until one arrives: from then on snapshots are kept, and the warning is gone", async () => {
    const mirror = await mirrorWith([unit]);
    const box = await boxWith([mirror.url], { keyring: false });
    await writeKeyring(keyringOf(box), key);
    await sync(box, unit);
    await keeps(box, DATE);
    expect((await box.agent.api.status()).warnings).toEqual([]);
  });
});
