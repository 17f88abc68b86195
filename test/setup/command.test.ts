import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import type { Context } from "../../src/cli/command.ts";
import { doorUrl, runSetup } from "../../src/cli/setup.ts";
import type { Config } from "../../src/config.ts";
import { checkConfig } from "../../src/config/check.ts";
import type { ConfigPlace } from "../../src/config/place.ts";
import { DistswarmError } from "../../src/core/errors.ts";
import type { Status } from "../../src/core/report/status.ts";
import { fakeAgent, STATUS } from "../control/fake-agent.ts";
import { rootWith } from "../portage/tree.ts";
import { mountDisk } from "../store/support/tmpfs.ts";

const run = promisify(execFile);

const config = checkConfig({}, "test");

/** The config at a place where only an agent looks. */
function ofAgent({ file }: ConfigPlace): Config {
  return checkConfig(file === "/of/the/agent.toml" ? { proxy: { listen: ["127.0.0.1:9480"] } } : {}, "test");
}

async function setup(
  root: string,
  options: Record<string, boolean>,
  status?: Status,
  broken?: string,
): Promise<{ code: number; out: string }> {
  const stdout = new PassThrough();
  const io = { stdin: stdout, stdout, stderr: stdout, env: {}, interrupted: () => new AbortController().signal };
  const load = async (place?: ConfigPlace) => {
    if (broken !== undefined) throw new DistswarmError("INVALID_CONFIG", broken);
    return { config: place === undefined ? config : ofAgent(place) };
  };
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

test("undo fails while Portage still asks the agent by what others wrote, and names that", async () => {
  const files = { "etc/portage/make.conf": "USE=x\n", "etc/portage/mirrors": "local http://localhost:8480\n" };
  const root = await rootWith(files);
  const mirrors = join(root, "etc/portage/mirrors");
  const still = `Portage still asks this agent, by ${mirrors}: take that out by hand.\n`;
  await setup(root, { write: true });
  const undone = { code: 1, out: `as it was before: ${join(root, "etc/portage/make.conf")}\n${still}` };
  expect(await setup(root, { undo: true })).toEqual(undone);
  const again = { code: 1, out: `Nothing to undo: setup has changed nothing.\n${still}` };
  expect(await setup(root, { undo: true })).toEqual(again);
  await writeFile(mirrors, "");
  expect((await setup(root, { undo: true })).code).toBe(0);
  await writeFile(
    join(root, "etc/portage/make.conf"),
    "GENTOO_MIRRORS='http://127.0.0.1:8480'\nhttp_proxy='http://[::1]:8480'\n",
  );
  expect((await setup(root, { undo: true })).out).toContain("asks this agent, by http_proxy, GENTOO_MIRRORS:");
});

test("undo says of each file what came of it", async () => {
  const root = await rootWith({ "etc/portage/make.conf": "USE=x\n" });
  const [makeConf, mirrors] = [join(root, "etc/portage/make.conf"), join(root, "etc/portage/mirrors")];
  await setup(root, { write: true });
  await writeFile(makeConf, "USE=y\n");
  await writeFile(mirrors, `# mine\n${await readFile(mirrors, "utf8")}`);
  expect((await setup(root, { undo: true })).out).toBe(
    `changed since, so only what setup put in is out: ${mirrors}\n` +
      `changed since, and nothing that setup put in stands there any more: ${makeConf}\n`,
  );
});

test("undo needs no config that can be read", async () => {
  const root = await rootWith({ "etc/portage/make.conf": "USE=x\n" });
  await setup(root, { write: true });
  expect(await setup(root, { undo: true }, undefined, "broken")).toMatchObject({ code: 0 });
  expect(await readFile(join(root, "etc/portage/make.conf"), "utf8")).toBe("USE=x\n");
});

test("a file system that is read-only is named as that", async (context) => {
  const disk = await mountDisk(context, 2 ** 20);
  await mkdir(join(disk.dir, "etc/portage"), { recursive: true });
  await disk.remount("ro");
  await expect(setup(disk.dir, { write: true })).rejects.toMatchObject({
    code: "NOT_PERMITTED",
    message: `${disk.dir}/etc/portage/.distswarm-setup cannot be changed: its file system is read-only, remount it`,
  });
});

test("a file that even root may not change is named, and nothing is left beside it", async (context) => {
  const root = await rootWith({ "etc/portage/make.conf": "USE=x\n" });
  const path = join(root, "etc/portage/make.conf");
  await run("chattr", ["+i", path]).catch(() => context.skip("needs root, and a file system with immutable files"));
  onTestFinished(() => run("chattr", ["-i", path]).then(() => {}));
  const why = "root may not either (EPERM), lsattr shows whether it is immutable";
  await expect(setup(root, { write: true })).rejects.toThrow(`${path} cannot be changed: ${why}`);
  expect(await readdir(dirname(path))).toEqual([".distswarm-setup", "make.conf"]);
});

test.each(["write", "webrsync"])("undo goes alone, not with %s", async (other) => {
  await expect(setup(await rootWith({}), { undo: true, [other]: true })).rejects.toMatchObject({ code: "USAGE" });
});

test("where another proxy keeps it from its change, it does not say that Portage uses the agent", async () => {
  const makeConf = 'http_proxy="http://proxy.lan:3128"\n';
  const mirrors = "local http://127.0.0.1:8480\n";
  const root = await rootWith({ "etc/portage/make.conf": makeConf, "etc/portage/mirrors": mirrors });
  expect((await setup(root, { write: true })).out).toMatch(/^make\.conf stays as it is: .*\.\nNothing to change\.\n$/);
});

test.for([
  ["127.0.0.1:8480", "http://127.0.0.1:8480"],
  ["0.0.0.0:8480", "http://127.0.0.1:8480"],
  ["[::]:8480", "http://[::1]:8480"],
  ["10.0.0.1:80", "http://10.0.0.1:80"],
] as const)("an agent that listens at %s is found at %s", ([listen, url]) => {
  expect(doorUrl(checkConfig({ proxy: { listen: [listen] } }, "test"))).toBe(url);
});
