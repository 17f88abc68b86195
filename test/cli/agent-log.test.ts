import { PassThrough, Writable } from "node:stream";
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

test("a log that nobody reads takes little memory, and says afterwards what it lost", async () => {
  let taken = "";
  let isRead = false;
  let goOn = () => {};
  const stdout = new Writable({
    write: (line, _encoding, done) => {
      taken += String(line);
      if (isRead) done();
      else goOn = done;
    },
  });
  const log = await agentLog({ stdout, env: {} }, "info");
  for (let at = 0; at < 3000; at++) log.info(`${at} ${"x".repeat(1000)}`);
  expect(stdout.writableLength).toBeLessThan(1.1 * 2 ** 20);

  isRead = true;
  goOn();
  await expect.poll(() => stdout.writableLength).toBe(0);
  log.info("read again");
  log.info("and again");
  const lines = taken.trimEnd().split("\n");
  const [, lost] = /warn +nobody read the log for a while: (\d+) lines of it are lost$/.exec(lines.at(-3)!) ?? [];
  expect(lines.slice(-2)).toEqual([
    expect.stringMatching(/info +read again$/),
    expect.stringMatching(/info +and again$/),
  ]);
  expect(lines.length - 3 + Number(lost)).toBe(3000);
});
