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

/** Looks through a directory. @throws {DistswarmError} `INVALID_REQUEST` when it cannot be read. */
export async function readImportDir(dir: string): Promise<ImportDir> {
  const found = await readdir(dir, { withFileTypes: true, encoding: "buffer" }).catch((error: unknown) => {
    throw new DistswarmError("INVALID_REQUEST", whyUnreadable(dir, error), { cause: error });
  });
  const leftOut: Record<string, number> = {};
  const files: FoundFile[] = [];
  for (const entry of found) {
    const kind = otherKind(entry);
    if (kind === undefined) files.push(await fileOf(dir, entry.name));
    else leftOut[kind] = (leftOut[kind] ?? 0) + 1;
  }
  return { files, leftOut };
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
