import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { expect } from "vitest";

/** Runs a Node program until it has printed so many lines, then kills it. Returns the last of them. */
export async function killedAfter(lines: number, program: string, args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  let seen = 0;
  let last = "";
  for await (const line of createInterface({ input: child.stdout })) {
    seen += 1;
    if (seen === lines) child.kill("SIGKILL");
    if (seen <= lines) last = line;
  }
  expect(await exited).toEqual([null, "SIGKILL"]);
  return last;
}
