import { closeSync, openSync, readSync } from "node:fs";

/** A program's header, and the path of its loader behind it, lie in far less. */
const HEAD_BYTES = 4096;

/**
 * Loads a package with native parts. Rejects with what keeps them from loading; on musl always: packages tell it by Alpine's
 * files alone, and load elsewhere what was built for glibc. musl takes that, and the first call of what it lacks (`fcntl64`,
 * by which leveldb locks) ends the process.
 */
export async function importNative<T>(load: () => Promise<T>): Promise<T> {
  if (isForMusl(process.execPath)) throw new Error("native parts are built for glibc, and this Node for musl");
  return load();
}

/** Whether a program names musl's loader; not where it cannot be read. */
function isForMusl(program: string): boolean {
  const head = Buffer.alloc(HEAD_BYTES);
  try {
    const file = openSync(program, "r");
    try {
      readSync(file, head);
    } finally {
      closeSync(file);
    }
  } catch {
    return false;
  }
  return head.includes("/ld-musl-");
}
