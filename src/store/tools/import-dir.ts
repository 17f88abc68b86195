import { isUtf8 } from "node:buffer";
import type { Dirent } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { DistswarmError } from "../../core/errors.ts";
import { mayBeDistfile } from "../distdir-names.ts";
import { whyUnreadable } from "./source-file.ts";

/** A regular file that may be a distfile. */
export interface FoundFile {
  /** Undefined: not UTF-8, so that no Manifest can name it. */
  readonly name: string | undefined;
  /** Where it lies; for people only where it has no name. */
  readonly path: string;
  /** Bytes, when it was looked at. */
  readonly size: number;
}

/** What a directory holds for an import. */
interface ImportDir {
  readonly files: readonly FoundFile[];
  /** How many of what else lies there are left out, by what they are. */
  readonly leftOut: Readonly<Record<string, number>>;
}

/** The directories in which a mirror has its files, by 8 bits of a hash (GLEP 75). */
const SHARD = /^[0-9a-f]{2}$/;

/**
 * Looks through a directory, and the shards of a mirror in it.
 *
 * @throws {DistswarmError} `INVALID_REQUEST` when one cannot be read.
 */
export async function readImportDir(dir: string): Promise<ImportDir> {
  const leftOut: Record<string, number> = {};
  return { files: await filesIn(dir, leftOut), leftOut };
}

async function filesIn(dir: string, leftOut: Record<string, number>): Promise<FoundFile[]> {
  const found = await readdir(dir, { withFileTypes: true, encoding: "buffer" }).catch((error: unknown) => {
    throw new DistswarmError("INVALID_REQUEST", whyUnreadable(dir, error), { cause: error });
  });
  const files: FoundFile[] = [];
  for (const entry of found) {
    const name = entry.name.toString();
    const kind = otherKind(entry);
    if (kind === undefined) files.push(await fileOf(dir, entry.name));
    else if (entry.isDirectory() && SHARD.test(name)) files.push(...(await filesIn(join(dir, name), leftOut)));
    else leftOut[kind] = (leftOut[kind] ?? 0) + 1;
  }
  return files;
}

/** What it is instead of a file to look at, in the plural. */
function otherKind(entry: Dirent<Buffer>): string | undefined {
  if (entry.isSymbolicLink()) return "symlinks";
  if (entry.isDirectory()) return "directories";
  if (!entry.isFile()) return "special files";
  return mayBeDistfile(entry.name.toString()) ? undefined : "files named as no distfile is";
}

async function fileOf(dir: string, name: Buffer): Promise<FoundFile> {
  const path = join(dir, name.toString());
  const { size } = await lstat(Buffer.concat([Buffer.from(join(dir, "/")), name])).catch(() => ({ size: 0 })); // it is gone
  return { name: isUtf8(name) ? name.toString() : undefined, path, size };
}
