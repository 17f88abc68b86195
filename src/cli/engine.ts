import { setFlagsFromString } from "node:v8";

/**
 * How V8 treats an agent. Each file passes through hundreds of functions, few of them often: to compile those for speed costs
 * the first hundreds of files more than it saves, and is done three times later than V8 would. The bytes that sockets bring
 * count as growth of its heap, so that all of it would be collected at every fiftieth small file: it may double before.
 * What was measured is in DESIGN.md, 13.
 */
const FLAGS = ["--interrupt-budget=200000", "--heap-growing-percent=100"];

/** Has V8 treat this process as an agent, from now on. */
export function tuneEngine(): void {
  for (const flag of FLAGS) setFlagsFromString(flag);
}
