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

const { stdin, stdout, stderr, env } = process;
const argv = process.argv.slice(2);

// `distswarm … | head` closes our output early: that is the reader's right, and no failure. An agent has lost its log then:
// whoever looks after it starts it anew, with another.
stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(argv[0] === "agent" ? EXIT.failed : EXIT.done);
});

process.exit(await run(argv, { stdin, stdout, stderr, env, interrupted }));
