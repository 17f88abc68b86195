import { type FileHandle, open } from "node:fs/promises";
import { messageOf, systemCode } from "../../core/errors.ts";
import { ownUser } from "../../core/fs/own-user.ts";
import { READ_FLAGS } from "../../core/fs/regular-file.ts";
import type { ReadableFile } from "../file-chunks.ts";

/** A file that is taken in cannot be read: a fault of that file, and of nothing else. */
export class ReadFault extends Error {}

/** A file that is taken into the store. Everything that goes wrong with it is a {@link ReadFault}. */
export class SourceFile implements ReadableFile {
  readonly size: number;
  readonly #handle: FileHandle;
  readonly #path: string;

  private constructor(handle: FileHandle, size: number, path: string) {
    this.#handle = handle;
    this.size = size;
    this.#path = path;
  }

  /** @throws {ReadFault} also where there is no regular file by now. */
  static async open(path: string): Promise<SourceFile> {
    const handle = await open(path, READ_FLAGS).catch((error: unknown) => failed(path, error));
    try {
      const stat = await handle.stat();
      if (!stat.isFile()) throw new Error("no regular file any more");
      return new SourceFile(handle, stat.size, path);
    } catch (error) {
      await handle.close();
      return failed(path, error);
    }
  }

  async read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }> {
    return this.#handle.read(buffer, offset, length, position).catch((error: unknown) => failed(this.#path, error));
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

/** One line for a directory or file that is not to be had; the agent is another user than who asked for the import. */
export function whyUnreadable(path: string, error: unknown): string {
  const code = systemCode(error);
  return code === "EACCES"
    ? `the agent runs as ${ownUser()}, who may not read ${path}: let that user read it`
    : `cannot read ${path} (${code ?? messageOf(error)})`;
}

function failed(path: string, error: unknown): never {
  throw new ReadFault(whyUnreadable(path, error), { cause: error });
}
