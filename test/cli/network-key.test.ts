import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import type { Context } from "../../src/cli/command.ts";
import { run as runJoin } from "../../src/cli/join.ts";
import { fakeAgent } from "../control/fake-agent.ts";
import { distswarm } from "./cli.ts";
import { tempDir } from "../support/temp-dir.ts";

/** The options that make a box without an agent use `stateDir`. */
async function withoutAgent(stateDir = ""): Promise<string[]> {
  const dir = await tempDir();
  const file = join(dir, "distswarm.toml");
  await writeFile(file, `state_dir = ${JSON.stringify(stateDir || join(dir, "state"))}\n`);
  return ["--config", file];
}

test("without an agent, invite makes the key of this box, and join puts another in its place", async () => {
  const here = await withoutAgent();
  const first = JSON.parse((await distswarm(["invite", "--json", ...here])).out) as { key: string };
  const other = JSON.parse((await distswarm(["invite", "--json", ...(await withoutAgent())])).out) as { key: string };
  expect(first.key).not.toBe(other.key);
  expect(await distswarm(["join", "-", ...here], { stdin: `${other.key}\n` })).toEqual({
    code: 0,
    out: "this box is in that network when its agent starts\n",
    err: "",
  });
  expect((await distswarm(["invite", ...here])).out).toMatch(
    new RegExp(`^${other.key}\n\n.*\n\n  echo ${other.key} \\|`),
  );
});

test("a running agent that has that key already is told to be in that network already", async () => {
  const key = `dsw1${"a".repeat(72)}`;
  let current = "dsw1 of before";
  const join = async (given: string) => void (current = given.trim());
  const agent = async () => fakeAgent({ invite: async () => current, join });
  const run = async () => {
    const [stdin, stdout] = [Readable.from([`${key}\n`]), new PassThrough()];
    expect(await runJoin({ io: { stdin, stdout }, args: ["-"], options: {}, agent } as unknown as Context)).toBe(0);
    stdout.end();
    return text(stdout);
  };
  expect(await run()).toBe("this box is in that network now; distswarm peers shows the other boxes in a moment\n");
  expect(await run()).toBe("this box is in that network already\n");
});

test("in a state_dir that cannot be made both are one line", async () => {
  const nowhere = await withoutAgent("/proc/distswarm");
  const { key } = JSON.parse((await distswarm(["invite", "--json", ...(await withoutAgent())])).out) as { key: string };
  const line = expect.stringMatching(/^distswarm: cannot make state_dir \/proc\/distswarm \(ENOENT\): [^\n]+\n$/);
  expect(await distswarm(["invite", ...nowhere])).toEqual({ code: 1, out: "", err: line });
  expect(await distswarm(["join", key, ...nowhere])).toEqual({ code: 1, out: "", err: line });
});
