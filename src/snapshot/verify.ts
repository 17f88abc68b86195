import { createHash } from "node:crypto";
import type { Key } from "openpgp";
import { DigestHash, digestOf, type Digest } from "../core/digest.ts";
import type { SnapshotFile, SnapshotFiles, SnapshotPart } from "../core/snapshots.ts";
import { formatSize } from "../core/text/units.ts";
import { MAX_BYTES } from "./limits.ts";
import { parseMd5sum } from "./md5sum.ts";
import { fileName } from "./name.ts";
import { SnapshotRefused } from "./refusal.ts";
import { readPromising, type PromisingSignature, type Signer } from "./signature.ts";
import { openUnitFile } from "./unit-file.ts";

/** Bytes that are read of a tarball at once. */
const READ_BYTES = 256 * 1024;

/** The last bytes of every .xz file (xz file format 1.2.0, 2.1.2.4). */
const XZ_FOOTER = "YZ";

/** Where the three files of a unit lie, complete. */
export type UnitPaths = Readonly<Record<SnapshotPart, string>>;

/** By what a unit is judged. */
export interface Judgement {
  readonly date: string;
  readonly keys: readonly Key[];
  /** Milliseconds since 1970. */
  readonly now: number;
  /** The tarballs that this box keeps under other dates. */
  readonly others: readonly Digest[];
}

/** A unit that passed every check. */
export interface VerifiedUnit extends Signer {
  readonly date: string;
  readonly files: SnapshotFiles;
}

/** The bytes of the two small files. */
type SideFiles = Readonly<Record<Exclude<SnapshotPart, "tarball">, Buffer>>;

/** The two small files of a unit, found fit for a tarball that is yet to come. */
interface PromisingUnit {
  readonly md5: string;
  readonly signature: PromisingSignature;
}

/**
 * Checks what the small files alone tell, so that no tarball is fetched for nothing.
 *
 * @throws {SnapshotRefused} `MD5SUM_UNREADABLE`, and as {@link readPromising}.
 */
export async function judgeSideFiles(files: SideFiles, judgement: Judgement): Promise<PromisingUnit> {
  const name = fileName(judgement.date, "tarball");
  const md5 = parseMd5sum(files.md5sum.toString("latin1"), name);
  if (md5 === undefined) throw new SnapshotRefused("MD5SUM_UNREADABLE", `the md5sum file has no line for ${name}`);
  return { md5, signature: await readPromising(files.signature, judgement) };
}

/**
 * Verifies three files that lie on the disk, in one pass over the tarball: size, MD5, signature; the digests are those of
 * the very bytes that were checked.
 *
 * @throws {SnapshotRefused} the first check that failed; system errors where a file cannot be read.
 */
export async function verifyUnit(paths: UnitPaths, judgement: Judgement): Promise<VerifiedUnit> {
  const { date } = judgement;
  const side = await readSideFiles(paths, date);
  const promising = await judgeSideFiles(side, judgement);
  await checkSize(paths.tarball, date, "tarball");
  const tarball = await checkTarball(paths.tarball, promising, judgement);
  const files = { tarball, signature: fileOf(side.signature), md5sum: fileOf(side.md5sum) };
  return { date, files, ...promising.signature.signer };
}

/** Reads the two small files from the disk. Throws system errors, and {@link SnapshotRefused} `TOO_LARGE`. */
export async function readSideFiles(paths: UnitPaths, date: string): Promise<SideFiles> {
  await checkSize(paths.signature, date, "signature");
  await checkSize(paths.md5sum, date, "md5sum");
  const [signature, md5sum] = await Promise.all([readSmall(paths.signature), readSmall(paths.md5sum)]);
  return { signature, md5sum };
}

/** Says that a file is larger than it can be. */
export function tooLarge(date: string, part: SnapshotPart): SnapshotRefused {
  return new SnapshotRefused("TOO_LARGE", `${fileName(date, part)} has more than ${formatSize(MAX_BYTES[part])}`);
}

async function checkSize(path: string, date: string, part: SnapshotPart): Promise<void> {
  const handle = await openUnitFile(path);
  const { size } = await handle.stat().finally(() => handle.close());
  if (size > MAX_BYTES[part]) throw tooLarge(date, part);
}

/** Reads no more than a small file can have, even if it grew since. */
async function readSmall(path: string): Promise<Buffer> {
  const handle = await openUnitFile(path);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAX_BYTES.signature), 0, MAX_BYTES.signature, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

function fileOf(bytes: Buffer): SnapshotFile {
  return { digest: digestOf(bytes), size: bytes.length };
}

/** Where the signature holds, a wrong MD5 is the fault of the md5sum file. */
async function checkTarball(
  path: string,
  { md5, signature }: PromisingUnit,
  judgement: Judgement,
): Promise<SnapshotFile> {
  const name = fileName(judgement.date, "tarball");
  const hash = new TarballHash();
  const bytes = (await openUnitFile(path)).createReadStream({ highWaterMark: READ_BYTES, end: MAX_BYTES.tarball });
  const problem = await signature.check(hash.over(bytes)).then(
    () => undefined,
    (error: unknown) => error,
  );
  const found = hash.end();
  const isWrong = problem instanceof SnapshotRefused && problem.check === "WRONG_SIGNATURE";
  if (isWrong && found.footer !== XZ_FOOTER) {
    throw new SnapshotRefused("TRUNCATED", `${name} ends after ${found.size} bytes without the footer of an xz file`);
  }
  if (problem !== undefined) throw problem as Error;
  if (found.md5 !== md5) {
    throw new SnapshotRefused("WRONG_MD5", `${name} has the MD5 ${found.md5}, its md5sum file says ${md5}`);
  }
  if (judgement.others.includes(found.digest)) {
    throw new SnapshotRefused("SAME_TARBALL", `${name} is the tarball of another date that is kept here`);
  }
  return { digest: found.digest, size: found.size };
}

/** What is told of a tarball's bytes while they pass. */
class TarballHash {
  readonly #md5 = createHash("md5");
  readonly #digest = new DigestHash();
  #size = 0;
  #footer = "";

  async *over(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of bytes) {
      this.#md5.update(chunk);
      this.#digest.update(chunk);
      this.#size += chunk.length;
      this.#footer = (this.#footer + chunk.toString("latin1", Math.max(0, chunk.length - 2))).slice(-2);
      yield chunk;
    }
  }

  end(): { md5: string; digest: Digest; size: number; footer: string } {
    return { md5: this.#md5.digest("hex"), digest: this.#digest.digest(), size: this.#size, footer: this.#footer };
  }
}
