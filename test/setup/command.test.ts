import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import type { Context } from "../../src/cli/command.ts";
import { doorUrl, runSetup } from "../../src/cli/setup.ts";
import type { Config } from "../../src/config.ts";
import { checkConfig } from "../../src/config/check.ts";
import type { ConfigPlace } from "../../src/config/place.ts";
import type { Status } from "../../src/core/report/status.ts";
import { fakeAgent, STATUS } from "../control/fake-agent.ts";
import { rootWith } from "../portage/tree.ts";

const config = checkConfig({}, "test");

/** The config at a place where only an agent looks. */
function ofAgent({ file }: ConfigPlace): Config {
  return checkConfig(file === "/of/the/agent.toml" ? { proxy: { listen: ["127.0.0.1:9480"] } } : {}, "test");
}

async function setup(
  root: string,
  options: Record<string, boolean>,
  status?: Status,
): Promise<{ code: number; out: string }> {
  const stdout = new PassThrough();
  const io = { stdin: stdout, stdout, stderr: stdout, env: {}, interrupted: () => new AbortController().signal };
  const load = async (place?: ConfigPlace) => ({ config: place === undefined ? config : ofAgent(place) });
  const agent = async () => fakeAgent(status === undefined ? {} : { status: async () => status });
  const code = await runSetup({ io, args: [], options, load, agent } as unknown as Context, root);
  stdout.end();
  return { code, out: await text(stdout) };
}

test("shows diffs and changes nothing, writes when told to, then has nothing to do, and gives back what was there", async () => {
  const root = await rootWith({ "etc/portage/make.conf": "USE=x\n" });
  const shown = await setup(root, {});
  expect(shown.out).toContain('+http_proxy="http://127.0.0.1:8480"\n');
  expect(shown.out).toContain("+local http://127.0.0.1:8480\n");
  expect(shown.out).toMatch(/\nNothing was changed\. `distswarm setup --write` makes these changes in 2 files\.\n$/);
  expect(await readFile(join(root, "etc/portage/make.conf"), "utf8")).toBe("USE=x\n");

  expect((await setup(root, { write: true })).out).toContain("Changed 2 files. `distswarm setup --undo` gives back");
  expect((await setup(root, { write: true })).out).toBe("Portage uses the agent already. Nothing to change.\n");
  expect((await setup(root, { undo: true })).out).toBe(
    ["mirrors", "make.conf"].map((name) => `as it was before: ${join(root, "etc/portage", name)}\n`).join(""),
  );
  expect(await readFile(join(root, "etc/portage/make.conf"), "utf8")).toBe("USE=x\n");
  expect((await setup(root, { undo: true })).out).toBe("Nothing to undo: setup has changed nothing.\n");
});

test("names the command that makes what was shown", async () => {
  const { out } = await setup(await rootWith({}), { webrsync: true });
  expect(out).toMatch(/`distswarm setup --webrsync --write` makes these changes/);
});

test("points Portage at the agent that runs, which may have another config than is found without it", async () => {
  const status = { ...STATUS, state_dir: "/of/the/agent", config_file: "/of/the/agent.toml" };
  const { out } = await setup(await rootWith({}), {}, status);
  expect(out).toContain("+local http://127.0.0.1:9480\n");
});

test("a damaged journal is one line that says where the copies are, and nothing is changed", async () => {
  const files = { "etc/portage/make.conf": "USE=x\n", "etc/portage/.distswarm-setup/journal.json": "[{" };
  const root = await rootWith(files);
  const dir = join(root, "etc/portage/.distswarm-setup");
  const error = {
    code: "JOURNAL_DAMAGED",
    message: `${dir}/journal.json is damaged: take out by hand what setup put in (the copies in ${dir} are what was there before), then remove that directory`,
  };
  await expect(setup(root, { undo: true })).rejects.toMatchObject(error);
  await expect(setup(root, { write: true })).rejects.toMatchObject(error);
  expect(await readFile(join(root, "etc/portage/make.conf"), "utf8")).toBe("USE=x\n");
});

test("undo goes alone", async () => {
  await expect(setup(await rootWith({}), { undo: true, write: true })).rejects.toMatchObject({ code: "USAGE" });
});

test.for([
  ["127.0.0.1:8480", "http://127.0.0.1:8480"],
  ["0.0.0.0:8480", "http://127.0.0.1:8480"],
  ["[::]:8480", "http://[::1]:8480"],
  ["10.0.0.1:80", "http://10.0.0.1:80"],
] as const)("an agent that listens at %s is found at %s", ([listen, url]) => {
  expect(doorUrl(checkConfig({ proxy: { listen: [listen] } }, "test"))).toBe(url);
});
