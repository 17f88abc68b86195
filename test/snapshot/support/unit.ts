import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createMessage, enums, generateKey, sign, type PartialConfig, type PrivateKey } from "openpgp";
import { digestOf } from "../../../src/core/digest.ts";
import type { SnapshotAnnouncement, SnapshotPart } from "../../../src/core/snapshots.ts";
import { fileName, startOf, unitName } from "../../../src/snapshot/name.ts";

/** The day on which the tests take place: 21 November 2026, 12:00 UTC. */
export const NOW = Date.UTC(2026, 10, 21, 12);

/** Yesterday, and days before it. */
export const DATE = "20261120";
export const OLDER_DATE = "20261119";
export const OLDEST_DATE = "20261118";

const HOUR_MS = 3_600_000;

/** The user id by which Gentoo signs, and one of somebody else. */
export const GENTOO = { name: "Gentoo ebuild repository signing key", email: "infrastructure@gentoo.org" };
export const STRANGER = { name: "Somebody else", email: "somebody@example.org" };

/** A key that signs, made a year before `now`. */
export async function makeKey(
  options: { userID?: typeof GENTOO; expiresInS?: number; subkey?: boolean; now?: number } = {},
): Promise<PrivateKey> {
  const { userID = GENTOO, expiresInS = 0, subkey = false, now = NOW } = options;
  const { privateKey } = await generateKey({
    userIDs: [userID],
    date: new Date(now - 365 * 24 * HOUR_MS),
    keyExpirationTime: expiresInS,
    subkeys: subkey ? [{ sign: true }] : [],
    format: "object",
  });
  return privateKey;
}

/** The three files of a tree snapshot. */
export interface TestUnit {
  readonly date: string;
  readonly files: Record<SnapshotPart, Buffer>;
}

/** Bytes that look random, are the same for the same seed, and end as an xz file does. */
export function tarballBytes(seed: string, size = 300_000): Buffer {
  const bytes = createHash("shake256", { outputLength: size }).update(seed).digest();
  bytes.write("YZ", size - 2, "latin1");
  return bytes;
}

/** Signs and sums up a tarball as Gentoo does; by default 45 min after the day has ended. */
export async function makeUnit(
  key: PrivateKey,
  options: { date?: string; tarball?: Buffer; signedAt?: number; config?: PartialConfig; named?: string } = {},
): Promise<TestUnit> {
  const { date = DATE, tarball = tarballBytes(date), signedAt = startOf(date) + 24.75 * HOUR_MS } = options;
  const signature = await sign({
    message: await createMessage({ binary: new Uint8Array(tarball) }),
    signingKeys: key,
    detached: true,
    date: new Date(signedAt),
    config: { preferredHashAlgorithm: enums.hash.sha512, ...options.config },
  });
  return { date, files: { tarball, signature: Buffer.from(signature), md5sum: md5sumOf(tarball, date) } };
}

/** The text of a `.md5sum` file. */
export function md5sumOf(tarball: Buffer, date: string): Buffer {
  const sum = createHash("md5").update(tarball).digest("hex");
  return Buffer.from(`${sum}  ${fileName(date, "tarball")}\n`);
}

/** What an honest box announces of a unit. */
export function announcementOf({ date, files }: TestUnit): SnapshotAnnouncement {
  const file = (bytes: Buffer) => ({ digest: digestOf(bytes), size: bytes.length });
  return {
    name: unitName(date),
    files: { tarball: file(files.tarball), signature: file(files.signature), md5sum: file(files.md5sum) },
  };
}

/** Writes the three files into a directory under their names. */
export async function writeUnit(dir: string, { date, files }: TestUnit): Promise<Record<SnapshotPart, string>> {
  const path = (part: SnapshotPart) => join(dir, fileName(date, part));
  const paths = { tarball: path("tarball"), signature: path("signature"), md5sum: path("md5sum") };
  for (const part of ["tarball", "signature", "md5sum"] as const) await writeFile(paths[part], files[part]);
  return paths;
}

/** Writes a keyring file of public keys. */
export async function writeKeyring(path: string, ...keys: PrivateKey[]): Promise<void> {
  await writeFile(path, keys.map((key) => key.toPublic().armor()).join("\n"));
}
