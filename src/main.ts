#!/usr/bin/env node
import { setImmediate as turnOfTheLoop } from "node:timers/promises";
import { EXIT } from "./cli/exit-code.ts";
import { run } from "./cli/run.ts";

/** A signal that SIGINT and SIGTERM abort; the second of them ends the process at once. */
function interrupted(): AbortSignal {
  const interruption = new AbortController();
  const onSignal = () => {
    if (interruption.signal.aborted) process.exit(EXIT.interrupted);
    interruption.abort();
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  return interruption.signal;
}

const { stdin, stdout, stderr, env } = process;

// `distswarm … | head` closes our output early: that is the reader's right, and no failure. What else cannot be written, as
// on a full disk, is one. A running agent has lost its log when nobody reads it any more: whoever looks after it starts it
// anew, with another; but a disk that is full of builds must not end it.
let isLog = false;
const becomesLog = () => void (isLog = true);
stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(isLog ? EXIT.failed : EXIT.done);
  if (isLog) return;
  stderr.write(`distswarm: not all of the output could be written: ${error.message}\n`);
  process.exit(EXIT.failed);
});
stderr.on("error", () => {}); // what goes wrong is told by the exit code, too

const code = await run(process.argv.slice(2), { stdin, stdout, stderr, env, interrupted, becomesLog });
await turnOfTheLoop(); // in which the last write may fail
process.exit(code);
