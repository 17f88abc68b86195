import { fsync } from "node:fs";
import { promisify } from "node:util";
import fastq from "fastq";

const fsyncAsync = promisify(fsync);

/**
 * fsync(2) calls at once. Node has four threads for all files and for the database: on an SD card or an old disk, where one
 * takes 0.2-2 s, they would all wait in fsync, and clients with them.
 */
const SYNCS_AT_ONCE = 2;

const turns = fastq.promise((fd: number) => fsyncAsync(fd), SYNCS_AT_ONCE);

/**
 * Makes what is in an open file or directory durable, when its turn comes; keep the descriptor open until then. Throws
 * system errors.
 *
 * @param options.first before all that wait: of many commits those that have begun end first.
 */
export async function syncInTurn(fd: number, { first = false }: { readonly first?: boolean } = {}): Promise<void> {
  await (first ? turns.unshift(fd) : turns.push(fd));
}
