import { setFlagsFromString } from "node:v8";

/**
 * The bytes that sockets bring count as growth of V8's heap, so that all of it would be collected at every fiftieth small
 * file: it may double before.
 */
const HEAP_MAY_DOUBLE = "--heap-growing-percent=100";
/**
 * Each file passes through hundreds of functions, few of them often: to compile those for speed costs the first hundreds of
 * files more than it saves, and is done three times later than V8 would.
 */
const COMPILE_LATER = "--interrupt-budget=200000";
/** From this version on V8 (Node 22) compiles in more steps, and has no such flag. */
const V8_OF_MORE_STEPS = 12;

/** Has V8 treat this process as an agent, from now on. What was measured is in DESIGN.md, 13. */
export function tuneEngine(): void {
  setFlagsFromString(HEAP_MAY_DOUBLE);
  if (Number.parseInt(process.versions.v8, 10) < V8_OF_MORE_STEPS) setFlagsFromString(COMPILE_LATER);
}
