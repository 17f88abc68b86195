import { Readable } from "node:stream";
import type { Key, PartialConfig, SignaturePacket, WebStream } from "openpgp";
import { messageOf } from "../core/errors.ts";
import { whatClockSays } from "../core/text/clock-words.ts";
import { hasTrustedUserId, TRUSTED_USER_ID } from "./keyring.ts";
import { DAY_MS, startOf, unitName } from "./name.ts";
import { SnapshotRefused, type FailedCheck } from "./refusal.ts";

/** A tree snapshot is signed at most this long after 00:00 UTC of the date in its name, in milliseconds. */
const SIGNED_WITHIN_MS = 2 * DAY_MS;

/** A key whose validity was extended after it signed carries only the newer certification: gpg takes that, too. */
const CONFIG: PartialConfig = { allowInsecureVerificationWithReformattedKeys: true };

/** The bytes are pulled as they are hashed, not read ahead. */
const ONE_CHUNK = { strategy: { highWaterMark: 1 } };

/** What openpgp.js says -> which check failed. What it says otherwise is about the signature itself. */
const MEANINGS: readonly (readonly [RegExp, FailedCheck])[] = [
  [/revoked/i, "KEY_REVOKED"],
  [/key is expired/i, "KEY_EXPIRED"],
  [/insecure .*hash/i, "WEAK_HASH"],
];

/** Who signed, and when. */
export interface Signer {
  /** The user id of Gentoo's infrastructure, in full. */
  readonly signedBy: string;
  /** Fingerprint of the primary key, upper-case hex. */
  readonly key: string;
  /** Milliseconds since 1970. */
  readonly signedAt: number;
}

/** A signature that could be good: what can be told before the signed bytes are here has been checked. */
export interface PromisingSignature {
  readonly signer: Signer;
  /**
   * Holds it against the signed bytes, which are hashed as they come: a process that does it for a tarball of 50 MB
   * peaks at 81 MiB (201 MiB with the tarball in memory).
   *
   * @throws {SnapshotRefused} `WRONG_SIGNATURE`, `KEY_REVOKED`, `KEY_EXPIRED`, `WEAK_HASH`; what `bytes` throws.
   */
  check(bytes: AsyncIterable<Buffer>): Promise<void>;
}

/**
 * Reads the detached signature of the tree snapshot of `date`, armored or binary. Of several signatures in one file the
 * first by a key of the keyring counts.
 *
 * @throws {SnapshotRefused} `SIGNATURE_UNREADABLE`, `UNKNOWN_KEY`, `WRONG_USER_ID`, `KEY_REVOKED`, `SIGNED_TOO_EARLY`,
 * `SIGNED_TOO_LATE`, `SIGNED_IN_FUTURE`.
 */
export async function readPromising(
  file: Buffer,
  { date, keys, now }: { date: string; keys: readonly Key[]; now: number },
): Promise<PromisingSignature> {
  const found = findKey(await readPackets(file, date), keys, date);
  const at = new Date(now);
  await checkKey(found, date, at);
  const signedAt = checkTime(found.packet, date, now);
  const { key } = found;
  return {
    signer: { signedBy: trustedUserId(key), key: key.getFingerprint().toUpperCase(), signedAt },
    check: (bytes) => checkBytes(bytes, found, date, at),
  };
}

interface Found {
  readonly packet: SignaturePacket;
  readonly key: Key;
}

async function readPackets(file: Buffer, date: string): Promise<SignaturePacket[]> {
  const { enums, readSignature } = await import("openpgp"); // slow to load, and of no use without a keyring
  const isArmored = file.subarray(0, 5).toString() === "-----";
  try {
    const signature = await (isArmored
      ? readSignature({ armoredSignature: file.toString() })
      : readSignature({ binarySignature: new Uint8Array(file) }));
    const packets = [...signature.packets].filter((packet) => packet.signatureType === enums.signature.binary);
    if (packets.length > 0) return packets;
  } catch (error) {
    throw refused("SIGNATURE_UNREADABLE", date, `the signature file cannot be read: ${messageOf(error)}`);
  }
  throw refused("SIGNATURE_UNREADABLE", date, "the signature file holds no detached signature");
}

function findKey(packets: readonly SignaturePacket[], keys: readonly Key[], date: string): Found {
  for (const packet of packets) {
    const key = keys.find((candidate) => candidate.getKeys(packet.issuerKeyID).length > 0);
    if (key !== undefined) return { packet, key };
  }
  const ids = packets.map((packet) => packet.issuerKeyID.toHex().toUpperCase()).join(", ");
  throw refused("UNKNOWN_KEY", date, `signed by key ${ids}, which is not in the keyring`);
}

/** What must be so now, whatever was so when it signed. Expiry is looked at as of the signature, in the end. */
async function checkKey({ packet, key }: Found, date: string, now: Date): Promise<void> {
  const id = packet.issuerKeyID.toHex().toUpperCase();
  const problem = await key.getSigningKey(packet.issuerKeyID, now).then(() => "", messageOf);
  if (/revoked/i.test(problem)) throw refused("KEY_REVOKED", date, `signed by key ${id}: ${problem}`);
  if (await hasTrustedUserId(key, now)) return;
  throw refused("WRONG_USER_ID", date, `signed by key ${id}, which has no valid user id ${TRUSTED_USER_ID}`);
}

/** An old tarball under a new name is validly signed, too: only the time of signing tells. */
function checkTime({ created }: SignaturePacket, date: string, now: number): number {
  const signedAt = created?.getTime() ?? Number.NaN;
  if (Number.isNaN(signedAt)) throw refused("SIGNATURE_UNREADABLE", date, "the signature names no time of signing");
  const after = signedAt - startOf(date);
  const when = new Date(signedAt).toISOString();
  if (after > SIGNED_WITHIN_MS) throw refused("SIGNED_TOO_LATE", date, `signed on ${when}, over 48 h after its date`);
  if (after < 0) {
    throw refused("SIGNED_TOO_EARLY", date, `signed on ${when}, before its date: an older one under a new name`);
  }
  if (signedAt <= now) return signedAt;
  throw refused("SIGNED_IN_FUTURE", date, `signed on ${when}, and ${whatClockSays(now)}: set it right`);
}

async function checkBytes(bytes: AsyncIterable<Buffer>, found: Found, date: string, now: Date): Promise<void> {
  const { createMessage, PacketList, Signature, verify } = await import("openpgp");
  const list = new PacketList<SignaturePacket>();
  list.push(found.packet);
  const binary = Readable.toWeb(Readable.from(bytes), ONE_CHUNK) as WebStream<Uint8Array>;
  const { signatures, data } = await verify({
    message: await createMessage({ binary }),
    signature: new Signature(list),
    verificationKeys: found.key,
    format: "binary",
    date: now,
    config: CONFIG,
  });
  await drain(data);
  const [result] = signatures;
  if (result === undefined) throw refused("WRONG_SIGNATURE", date, "there is no signature to hold it against");
  await result.verified.catch((error: unknown) => {
    throw refused(meaningOf(messageOf(error)), date, `the signature does not hold: ${messageOf(error)}`, error);
  });
}

/** By a reader: openpgp.js replaces the methods of the stream, but not its iterator. */
async function drain(stream: WebStream<Uint8Array>): Promise<void> {
  const reader = stream.getReader();
  for (let done = false; !done;) ({ done } = await reader.read());
}

function meaningOf(message: string): FailedCheck {
  return MEANINGS.find(([pattern]) => pattern.test(message))?.[1] ?? "WRONG_SIGNATURE";
}

function trustedUserId(key: Key): string {
  return key.getUserIDs().find((id) => id.includes(TRUSTED_USER_ID)) ?? TRUSTED_USER_ID;
}

function refused(check: FailedCheck, date: string, what: string, cause?: unknown): SnapshotRefused {
  return new SnapshotRefused(check, `${unitName(date)}: ${what}`, { cause });
}
