import { setTimeout } from "node:timers/promises";

/** One of a swarm. */
interface Member {
  /** How many others it is in session with. */
  peers(): Promise<number>;
}

/** Resolves when every member is in session with all others: milliseconds since the call. */
export async function fullMesh(members: readonly Member[], withinMs: number): Promise<number> {
  const began = performance.now();
  for (;;) {
    const counts = await Promise.all(members.map((member) => member.peers()));
    const ms = performance.now() - began;
    if (counts.every((count) => count === members.length - 1)) return ms;
    if (ms > withinMs) throw new Error(`no full mesh after ${Math.round(ms)} ms: ${counts.join(" ")}`);
    await setTimeout(25);
  }
}
