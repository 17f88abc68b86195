import * as fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { enums, PrivateKey, readSignature, reformatKey, UserIDPacket } from "openpgp";
import { digestOf, type Digest } from "../../src/core/digest.ts";
import { startOf } from "../../src/snapshot/name.ts";
import { SnapshotRefused } from "../../src/snapshot/refusal.ts";
import { readPromising } from "../../src/snapshot/signature.ts";
import { verifyUnit, type VerifiedUnit } from "../../src/snapshot/verify.ts";
import {
  DATE,
  GENTOO,
  makeKey,
  makeUnit,
  md5sumOf,
  NOW,
  OLDER_DATE,
  STRANGER,
  tarballBytes,
  writeUnit,
  type TestUnit,
} from "./support/unit.ts";
import { tempDir } from "../support/temp-dir.ts";

const HOUR_MS = 3_600_000;

let gentoo: PrivateKey;

beforeAll(async () => {
  gentoo = await makeKey();
});

async function verified(unit: TestUnit, keys: PrivateKey[] = [gentoo], others: Digest[] = []): Promise<VerifiedUnit> {
  const paths = await writeUnit(await tempDir(), unit);
  return verifyUnit(paths, { date: unit.date, keys: keys.map((key) => key.toPublic()), now: NOW, others });
}

/** The check that a unit fails. */
async function failed(unit: TestUnit, keys?: PrivateKey[], others?: Digest[]): Promise<string> {
  const error = await verified(unit, keys, others).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(SnapshotRefused);
  return (error as SnapshotRefused).check;
}

/** The bytes of a unit's signature. */
async function unarmored({ files }: TestUnit): Promise<Buffer> {
  const { packets } = await readSignature({ armoredSignature: files.signature.toString() });
  return Buffer.from(packets.write());
}

async function changed(files: Partial<TestUnit["files"]>): Promise<TestUnit> {
  const unit = await makeUnit(gentoo);
  return { ...unit, files: { ...unit.files, ...files } };
}

describe("a unit that Gentoo made passes", () => {
  test("with who signed it, when, and the digests of what was checked", async () => {
    const unit = await makeUnit(gentoo);
    expect(await verified(unit)).toEqual({
      date: DATE,
      signedBy: "Gentoo ebuild repository signing key <infrastructure@gentoo.org>",
      key: gentoo.getFingerprint().toUpperCase(),
      signedAt: startOf(DATE) + 24.75 * HOUR_MS,
      files: {
        tarball: { digest: digestOf(unit.files.tarball), size: unit.files.tarball.length },
        signature: { digest: digestOf(unit.files.signature), size: unit.files.signature.length },
        md5sum: { digest: digestOf(unit.files.md5sum), size: unit.files.md5sum.length },
      },
    });
  });

  test("signed by a subkey", async () => {
    const key = await makeKey({ subkey: true });
    expect(await verified(await makeUnit(key), [gentoo, key])).toMatchObject({
      key: key.getFingerprint().toUpperCase(),
    });
  });

  test("signed at the very start of its day, and 48 h later", async () => {
    await verified(await makeUnit(gentoo, { signedAt: startOf(OLDER_DATE), date: OLDER_DATE }));
    await verified(await makeUnit(gentoo, { signedAt: startOf(OLDER_DATE) + 48 * HOUR_MS, date: OLDER_DATE }));
  });

  test("with a signature that is not armored, behind one by a key that this box does not know", async () => {
    const [unit, strangers] = [await makeUnit(gentoo), await makeUnit(await makeKey({ userID: STRANGER }))];
    const signature = Buffer.concat(await Promise.all([strangers, unit].map(unarmored)));
    expect(await verified({ ...unit, files: { ...unit.files, signature } })).toMatchObject({
      key: gentoo.getFingerprint().toUpperCase(),
    });
  });

  test("by a key that has expired since it signed", async () => {
    const key = await makeKey({ expiresInS: 365 * 24 * 3600 - 3600 });
    await verified(await makeUnit(key), [key]);
  });
});

describe("a unit is refused by name of the check that it fails", () => {
  test("bytes changed behind the signature", async () => {
    const tarball = tarballBytes("other");
    expect(await failed(await changed({ tarball, md5sum: md5sumOf(tarball, DATE) }))).toBe("WRONG_SIGNATURE");
  });

  test("the md5sum of another tarball", async () => {
    expect(await failed(await changed({ md5sum: md5sumOf(tarballBytes("other"), DATE) }))).toBe("WRONG_MD5");
  });

  test("an md5sum file that names another file", async () => {
    const { files } = await makeUnit(gentoo);
    expect(await failed(await changed({ md5sum: md5sumOf(files.tarball, OLDER_DATE) }))).toBe("MD5SUM_UNREADABLE");
  });

  test("a tarball that ends early", async () => {
    expect(await failed(await changed({ tarball: tarballBytes(DATE).subarray(0, 200_000) }))).toBe("TRUNCATED");
    expect(await failed(await changed({ tarball: Buffer.alloc(0) }))).toBe("TRUNCATED");
  });

  test("a signature by another key, though it has the user id", async () => {
    expect(await failed(await makeUnit(await makeKey()))).toBe("UNKNOWN_KEY");
  });

  test("a key of the keyring without the user id", async () => {
    const key = await makeKey({ userID: STRANGER });
    expect(await failed(await makeUnit(key), [gentoo, key])).toBe("WRONG_USER_ID");
  });

  test("a key of the keyring to which somebody has put the user id, which it does not certify", async () => {
    const key = await makeKey({ userID: STRANGER });
    const packets = key.toPacketList();
    packets.push(UserIDPacket.fromObject(GENTOO));
    expect(await failed(await makeUnit(key), [new PrivateKey(packets)])).toBe("WRONG_USER_ID");
  });

  test("a key that was revoked, even after it signed", async () => {
    const key = await makeKey();
    const unit = await makeUnit(key);
    expect(await failed(unit, [await key.revoke({}, new Date(NOW - HOUR_MS))])).toBe("KEY_REVOKED");
    const retired = await key.revoke({ flag: enums.reasonForRevocation.keyRetired }, new Date(NOW - HOUR_MS));
    expect(await failed(unit, [retired])).toBe("KEY_REVOKED");
  });

  test("a key that had expired when it signed", async () => {
    const key = await makeKey();
    const unit = await makeUnit(key);
    const options = { userIDs: [GENTOO], keyExpirationTime: 300 * 24 * 3600, date: key.getCreationTime() };
    const { privateKey } = await reformatKey({ privateKey: key, ...options, format: "object" });
    expect(await failed(unit, [privateKey])).toBe("KEY_EXPIRED");
  });

  test("an older tarball, validly signed, under a new name", async () => {
    expect(await failed(await makeUnit(gentoo, { signedAt: startOf(DATE) - 1000 }))).toBe("SIGNED_TOO_EARLY");
  });

  test("yesterday's tarball under today's name, where yesterday's is kept: it was signed today", async () => {
    const older = await makeUnit(gentoo, { date: OLDER_DATE });
    const renamed = { date: DATE, files: { ...older.files, md5sum: md5sumOf(older.files.tarball, DATE) } };
    expect(await failed(renamed, [gentoo], [digestOf(older.files.tarball)])).toBe("SAME_TARBALL");
  });

  test("signed more than 48 h after its date", async () => {
    const late = startOf(OLDER_DATE) + 48 * HOUR_MS + 1000;
    expect(await failed(await makeUnit(gentoo, { date: OLDER_DATE, signedAt: late }))).toBe("SIGNED_TOO_LATE");
  });

  test("a signature file that is none", async () => {
    for (const text of [
      "",
      "<html>404</html>",
      "-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n",
    ]) {
      expect(await failed(await changed({ signature: Buffer.from(text) }))).toBe("SIGNATURE_UNREADABLE");
    }
  });

  test("a signature of a time that no clock can show", async () => {
    const unit = await makeUnit(gentoo);
    const signature = await unarmored(unit);
    const issuer = signature.indexOf(Buffer.from([9, 16])); // a subpacket of nine bytes, of which the type is the first
    signature[issuer + 1] = 2; // its time of signing is that of all its eight bytes then (RFC 9580, 5.2.3.11)
    expect(await failed({ ...unit, files: { ...unit.files, signature } })).toBe("SIGNATURE_UNREADABLE");
  });

  test("small files that are not small", async () => {
    expect(await failed(await changed({ signature: Buffer.alloc(64 * 1024 + 1) }))).toBe("TOO_LARGE");
    expect(await failed(await changed({ md5sum: Buffer.alloc(64 * 1024 + 1) }))).toBe("TOO_LARGE");
  });

  test("a signature file of any bytes", async () => {
    const judgement = { date: DATE, keys: [gentoo.toPublic()], now: NOW };
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.boolean(), async (bytes, armored) => {
        const text = `-----BEGIN PGP SIGNATURE-----\n\n${Buffer.from(bytes).toString("base64")}\n-----END PGP SIGNATURE-----`;
        const reading = readPromising(armored ? Buffer.from(text) : Buffer.from(bytes), judgement);
        await expect(reading).rejects.toBeInstanceOf(SnapshotRefused);
      }),
    );
  });

  test("a right signature of which any byte was changed", async () => {
    const unit = await makeUnit(gentoo, { tarball: tarballBytes("small", 1000) });
    const signature = await unarmored(unit);
    await fc.assert(
      fc.asyncProperty(fc.nat(signature.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const changed = Buffer.from(signature);
        changed[at]! ^= change;
        const outcome = await verified({ ...unit, files: { ...unit.files, signature: changed } }).catch(
          (error: unknown) => error,
        );
        if (!(outcome instanceof SnapshotRefused))
          expect(outcome).toMatchObject({ signedAt: startOf(DATE) + 24.75 * HOUR_MS });
      }),
    );
  });
});
