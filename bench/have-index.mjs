// What a look-up in the have index costs, and its memory: 64 peers, 1,000,000 haves. Run after `npm run build`:
//   node --expose-gc bench/have-index.mjs
import { randomBytes } from "node:crypto";
import { HaveIndex } from "../build/swarm/have-index.js";

const PEERS = 64;
const HAVES = 1_000_000;
const LOOKUPS = 100_000;
const MIB = 2 ** 20;

function resident() {
  globalThis.gc?.();
  return process.memoryUsage().rss;
}

const before = resident();
const index = new HaveIndex();
const began = performance.now();
for (let peer = 0; peer < PEERS; peer += 1) {
  for (let batch = 0; batch < 5; batch += 1) index.add(`peer ${peer}`, randomBytes((16 * HAVES) / PEERS / 5));
}
const built = performance.now() - began;

const misses = randomBytes(16 * LOOKUPS);
const start = performance.now();
let found = 0;
for (let at = 0; at < misses.length; at += 16) found += index.holders(misses.subarray(at, at + 16)).length;
const each = ((performance.now() - start) / LOOKUPS) * 1000;

console.log(`${index.size} haves of ${PEERS} peers, taken in within ${built.toFixed(0)} ms`);
console.log(`tables ${(index.bytes / MIB).toFixed(1)} MiB, resident +${((resident() - before) / MIB).toFixed(1)} MiB`);
console.log(`a miss ${each.toFixed(1)} microseconds (${found} found of ${LOOKUPS})`);
