// @ts-check
// The thread of hash-thread.ts. Plain JavaScript: Node itself loads the file of a thread, in tests from src/.
import { createHash } from "node:crypto";
import { parentPort } from "node:worker_threads";
import { crc32 } from "node:zlib";

/**
 * Each port that comes is one blob: a lot of bytes is answered with its
 * CRC32, `null` with the BLAKE2b of all lots in hex.
 */
parentPort?.on("message", (/** @type {import("node:worker_threads").MessagePort} */ port) => {
  const hash = createHash("blake2b512");
  port.on("message", (/** @type {Uint8Array | null} */ lot) => {
    if (lot === null) return port.postMessage(hash.digest("hex"));
    hash.update(lot);
    port.postMessage(crc32(lot));
  });
});
