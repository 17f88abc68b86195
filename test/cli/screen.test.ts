import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import { openScreen, type Screen } from "../../src/cli/screen.ts";

/** All that a screen writes, without colours and cursor movements. */
async function written(
  terminal: boolean,
  show: (screen: Screen) => void,
  env: NodeJS.ProcessEnv = {},
): Promise<string> {
  const stdout = Object.assign(new PassThrough(), { isTTY: terminal, columns: 80, rows: 24 });
  const never = new AbortController().signal;
  const io = {
    stdin: new PassThrough(),
    stdout,
    stderr: new PassThrough(),
    env,
    interrupted: () => never,
    becomesLog: () => {},
  };
  show(await openScreen(io));
  stdout.end();
  return stripVTControlCharacters(await text(stdout));
}

function progress(screen: Screen): void {
  screen.draw(() => "half\n");
  screen.print("a: done");
  screen.clear();
}

test("on a terminal the picture is drawn below the lines that stay", async () => {
  expect(await written(true, progress)).toBe("half\na: done\n");
});

test("a row of the picture that the terminal is too narrow for is broken between its cells", async () => {
  const row = `  ${"a".repeat(60)}  50 %  of 1.00 MiB  from box2\n`;
  expect(await written(true, (screen) => screen.draw(() => row))).toBe(
    `  ${"a".repeat(60)}  50 %\n      of 1.00 MiB  from box2\n`,
  );
});

test("off a terminal only the lines that stay are written", async () => {
  expect(await written(false, progress)).toBe("a: done\n");
  expect(await written(true, progress, { TERM: "dumb" })).toBe("a: done\n");
});

test("pictures that follow one another too quickly to be read are left out", async () => {
  const quickly = (screen: Screen) => {
    for (let step = 0; step < 5; step++) screen.draw(() => `step ${step}\n`);
  };
  expect(await written(true, quickly)).toBe("step 0\n");
});

test("a screen on which nothing was drawn writes nothing", async () => {
  expect(await written(true, (screen) => screen.clear())).toBe("");
});
