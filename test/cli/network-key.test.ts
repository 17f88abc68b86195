import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
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

test("in a state_dir that cannot be made both are one line", async () => {
  const nowhere = await withoutAgent("/proc/distswarm");
  const { key } = JSON.parse((await distswarm(["invite", "--json", ...(await withoutAgent())])).out) as { key: string };
  const line = expect.stringMatching(/^distswarm: cannot make state_dir \/proc\/distswarm \(ENOENT\): [^\n]+\n$/);
  expect(await distswarm(["invite", ...nowhere])).toEqual({ code: 1, out: "", err: line });
  expect(await distswarm(["join", key, ...nowhere])).toEqual({ code: 1, out: "", err: line });
});
