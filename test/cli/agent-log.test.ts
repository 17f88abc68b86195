import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import { agentLog } from "../../src/cli/agent-log.ts";

/** What a terminal shows of a warning with its cause. */
async function onTerminal(env: NodeJS.ProcessEnv): Promise<string> {
  const stdout = Object.assign(new PassThrough(), { isTTY: true });
  const log = await agentLog({ stdout, env }, "info");
  log.child({ part: "store" }).warn({ err: new Error("ENOSPC") }, "cannot write");
  stdout.end();
  return text(stdout);
}

test("a terminal shows the log in colours, and without them where $NO_COLOR asks for that", async () => {
  const [coloured, plain] = await Promise.all([onTerminal({}), onTerminal({ NO_COLOR: "1" })]);
  expect(plain).toMatch(/^\[\d\d:\d\d:\d\d\] WARN: store: cannot write: ENOSPC\n$/);
  expect(coloured).not.toBe(plain);
  expect(stripVTControlCharacters(coloured)).toMatch(/ WARN: store: cannot write: ENOSPC\n$/);
});
