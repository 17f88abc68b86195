// The script's side of a program that is called by JSON lines: { "number": 1, "call": "status", "args": [] } comes on
// standard input, { "number": 1, "result": … } or { "number": 1, "error": "…" } goes to standard output.
import { createInterface } from "node:readline";

const tell = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

/** Answers calls by the functions of these names from now on, and ends with who calls; `ready` is told at once. */
export function answerCalls(calls, ready) {
  const lines = createInterface({ input: process.stdin });
  lines.on("line", async (line) => {
    const { number, call, args } = JSON.parse(line);
    try {
      tell({ number, result: (await calls[call](...args)) ?? null });
    } catch (error) {
      tell({ number, error: String(error) });
    }
  });
  lines.on("close", () => process.kill(process.pid));
  tell({ ready });
}
