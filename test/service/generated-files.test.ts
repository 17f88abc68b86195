import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { manual } from "../../man/manual.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { documentedOptions, exampleConfig } from "../../src/config/reference.ts";

const project = join(import.meta.dirname, "../..");
const page = join(project, "man/distswarm.1");

describe("what is made from the program is up to date (`npx vitest run test/service/generated-files.test.ts -u` makes it anew)", () => {
  test("the manual page", async () => {
    await expect(manual()).toMatchFileSnapshot(page);
  });

  test("the example config", async () => {
    await expect(exampleConfig()).toMatchFileSnapshot(join(project, "distswarm.toml.example"));
  });
});

test("the manual page has every command and every option", () => {
  const text = manual();
  for (const { name } of COMMANDS) expect(text).toContain(`\n.It Cm ${name}`);
  for (const { key } of documentedOptions()) expect(text).toContain(`\n.It Ic ${key} `);
});

/** A formatter that is there, with what makes it tell of all that is wrong. */
const FORMATTERS: readonly (readonly [command: string, ...args: string[]])[] = [
  ["mandoc", "-T", "lint", "-W", "warning"],
  ["groff", "-mandoc", "-Tutf8", "-ww", "-z"],
];

test.for(FORMATTERS)("%s has nothing to say against the manual page", async ([command, ...args], { skip }) => {
  const formatting = promisify(execFile)(command, [...args, page]);
  const said = await formatting.catch((error: NodeJS.ErrnoException & { stdout: string; stderr: string }) => error);
  skip("code" in said && said.code === "ENOENT", `no ${command} on this machine`);
  expect(said.stdout + said.stderr).toBe("");
});
