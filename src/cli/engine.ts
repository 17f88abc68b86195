import { setFlagsFromString } from "node:v8";

/**
 * Has V8 treat this process as an agent, from now on: the bytes that sockets bring count as growth of its heap, so that all
 * of it would be collected at every fiftieth small file. It may double before. What was measured is in DESIGN.md, 13.
 */
export function tuneEngine(): void {
  setFlagsFromString("--heap-growing-percent=100");
}
