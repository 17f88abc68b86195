import { constants, open, writeFile, type FileHandle } from "node:fs/promises";
import { formatSize } from "../text/units.ts";

const { O_RDONLY, O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW, O_NONBLOCK } = constants;

/** To read what others may have put there: no symlink is followed, and a FIFO is not waited at for who writes into it. */
export const READ_FLAGS = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;

/**
 * Reads a file whole. A FIFO that is opened as usual waits for who writes into it, and holds one of the four threads in
 * which the process reads and writes, also when it is to end.
 *
 * @throws system errors; `EISDIR` for a directory; an error without a code for what else is no regular file, and for one of
 * more than `maxBytes`.
 */
export async function readRegular(
  path: string,
  { maxBytes = Infinity, flags = O_RDONLY | O_NONBLOCK } = {},
): Promise<Buffer> {
  const file = await open(path, flags);
  try {
    return await readIfRegular(file, maxBytes);
  } finally {
    await file.close();
  }
}

/** The same for text in UTF-8. */
export async function readRegularText(path: string): Promise<string> {
  return (await readRegular(path)).toString();
}

/** Writes a file whole and durably, made where it is missing; throws system errors, `ENXIO` for a FIFO that nobody reads. */
export async function writeRegular(path: string, text: string): Promise<void> {
  await writeFile(path, text, { flag: O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK, flush: true });
}

async function readIfRegular(file: FileHandle, maxBytes: number): Promise<Buffer> {
  const found = await file.stat();
  if (found.size > maxBytes) throw new Error(`too large: ${formatSize(found.size)}`);
  if (found.isFile()) return file.readFile();
  const error = new Error("it is no regular file: remove it, or put one in its place");
  throw Object.assign(error, found.isDirectory() && { code: "EISDIR" });
}
