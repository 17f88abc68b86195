import { chmod, open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PrivateKey, UserIDPacket } from "openpgp";
import { describe, expect, test, vi } from "vitest";
import { Keyring } from "../../src/snapshot/keyring.ts";
import { GENTOO, makeKey, NOW, STRANGER, writeKeyring } from "./support/unit.ts";
import { named } from "../support/skipped.ts";
import { tempDir } from "../support/temp-dir.ts";

// As it is, but for the one test that takes the open files away.
vi.mock("node:fs/promises", { spy: true });

const IS_ROOT = process.getuid?.() === 0;

const PACKAGE = "sec-keys/openpgp-keys-gentoo-release";
const HOUR_S = 3600;

async function keyringAt(now = NOW): Promise<{ keyring: Keyring; path: string }> {
  const path = join(await tempDir(), "gentoo-release.asc");
  return { keyring: new Keyring({ path, now: () => now }), path };
}

/** Why it cannot be used; fails the test when it can. */
async function reason(keyring: Keyring): Promise<string> {
  const state = await keyring.current();
  return state.usable ? "it can be used" : state.reason;
}

describe("a keyring can be used", () => {
  test("when one of several keys is of Gentoo's infrastructure", async () => {
    const { keyring, path } = await keyringAt();
    await writeKeyring(path, await makeKey({ userID: STRANGER }), await makeKey());
    const state = await keyring.current();
    expect(state.usable && state.keys).toHaveLength(2);
  });

  test("when of two of Gentoo's infrastructure one has expired", async () => {
    const { keyring, path } = await keyringAt();
    await writeKeyring(path, await makeKey({ expiresInS: 24 * HOUR_S }), await makeKey());
    expect(await reason(keyring)).toBe("it can be used");
  });

  test("as soon as the file is there, and anew when it changes", async () => {
    const { keyring, path } = await keyringAt();
    expect(await reason(keyring)).toContain(`install ${PACKAGE}`);
    await writeKeyring(path, await makeKey());
    const first = await keyring.current();
    await writeKeyring(path, await makeKey());
    const second = await keyring.current();
    if (!first.usable || !second.usable) throw new Error("it cannot be used");
    expect(second.stamp).not.toBe(first.stamp);
    expect(second.keys[0]!.getFingerprint()).not.toBe(first.keys[0]!.getFingerprint());
  });

  test("as soon as a lack of open files is over", async () => {
    const { keyring, path } = await keyringAt();
    await writeKeyring(path, await makeKey());
    const lack = Object.assign(new Error("EMFILE: too many open files"), { code: "EMFILE" });
    vi.mocked(open).mockRejectedValueOnce(lack);
    expect(await reason(keyring)).toContain("the keyring cannot be read now (EMFILE)");
    expect(await reason(keyring)).toBe("it can be used");
  });
});

describe("a keyring that cannot be used says why, and which package mends it", () => {
  test("absent", async () => {
    const { keyring, path } = await keyringAt();
    expect(await reason(keyring)).toBe(
      `${path}: there is no keyring: install ${PACKAGE}; tree snapshots pass through and are not kept`,
    );
  });

  test("no key in it, or damaged ones", async () => {
    const { keyring, path } = await keyringAt();
    await writeFile(path, "not a key");
    expect(await reason(keyring)).toContain(`holds no armored public key: install ${PACKAGE} again`);
    const armored = (await makeKey()).toPublic().armor();
    await writeFile(path, armored.replace(/\n.{20}/, "\n"));
    expect(await reason(keyring)).toMatch(/cannot be read .* again/);
  });

  test("a directory in its place", async () => {
    const keyring = new Keyring({ path: await tempDir() });
    expect(await reason(keyring)).toContain("cannot be read (EISDIR)");
  });

  test.skipIf(IS_ROOT)(
    named("not readable by this user", IS_ROOT ? "root may read and write everything" : undefined),
    async () => {
      const { keyring, path } = await keyringAt();
      await writeKeyring(path, await makeKey());
      await chmod(path, 0);
      expect(await reason(keyring)).toContain("EACCES");
    },
  );

  test("only keys of others", async () => {
    const { keyring, path } = await keyringAt();
    await writeKeyring(path, await makeKey({ userID: STRANGER }));
    expect(await reason(keyring)).toContain(`no key has the user id <infrastructure@gentoo.org>: install ${PACKAGE}`);
  });

  test("a key to which somebody has put the user id, which it does not certify", async () => {
    const { keyring, path } = await keyringAt();
    const packets = (await makeKey({ userID: STRANGER })).toPacketList();
    packets.push(UserIDPacket.fromObject(GENTOO));
    await writeKeyring(path, new PrivateKey(packets));
    expect(await reason(keyring)).toMatch(/key [0-9A-F]{16} does not certify <infrastructure@gentoo.org>: update/);
  });

  test("expired, from the moment on at which it expires", async () => {
    const key = await makeKey({ expiresInS: 365 * 24 * HOUR_S });
    const before = await keyringAt(NOW - 1000);
    await writeKeyring(before.path, key);
    expect((await before.keyring.current()).usable).toBe(true);
    const after = new Keyring({ path: before.path, now: () => NOW + 1000 });
    expect(await reason(after)).toMatch(new RegExp(`key [0-9A-F]{16} expired on 2026-11-21: update ${PACKAGE}`));
  });

  test("of a later time than this box's clock tells: the clock is to be mended, not the package", async () => {
    const { keyring, path } = await keyringAt(0);
    await writeKeyring(path, await makeKey());
    const later = new Keyring({ path, now: () => 60_000 });
    expect(await reason(later)).toBe(await reason(keyring)); // each look at it would tell it anew
    expect(await reason(keyring)).toMatch(/: the clock of this box says 1970-01-01, set it right; tree/);
    expect(await reason(keyring)).not.toContain(PACKAGE);
  });

  test("revoked, and that it is no more than that, though it will expire", async () => {
    const { keyring, path } = await keyringAt();
    const key = await makeKey({ expiresInS: 2 * 365 * 24 * HOUR_S });
    await writeKeyring(path, await key.revoke({}, new Date(NOW - 1000)));
    expect(await reason(keyring)).toMatch(/cannot be used \(.*revoked.*\)/);
  });
});
