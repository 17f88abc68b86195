import { setFlagsFromString } from "node:v8";

/**
 * Keeps the nursery of the garbage collector at its first size (1 MiB) instead of letting it grow to 16 MiB. For a process
 * that moves bytes: each piece that a socket brings is a buffer outside the heap, which only a collection gives back.
 * With a large nursery those come so late that V8 marks the whole heap for every 25 MiB received, and half of the CPU time
 * of a transfer goes there (bench/lan.mjs: 9.0 s a GiB with it, 4.5 s without). To be called before much is allocated.
 */
export function keepYoungGenerationSmall(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
}
