#!/usr/bin/env node
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

/** What is done when nobody reads a stream any more. */
function whenUnread(output: NodeJS.WriteStream, then: () => void): void {
  output.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    then();
  });
}

const { stdin, stdout, stderr, env } = process;

// `distswarm … | head` closes our output early: that is the reader's right, and no failure. A running agent has lost its log
// then: whoever looks after it starts it anew, with another. What goes wrong is told by the exit code, too.
let unread: number = EXIT.done;
const mustBeRead = () => void (unread = EXIT.failed);
whenUnread(stdout, () => process.exit(unread));
whenUnread(stderr, () => {});

process.exit(await run(process.argv.slice(2), { stdin, stdout, stderr, env, interrupted, mustBeRead }));
