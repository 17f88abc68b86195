import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { access, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { VERSION } from "../../src/core/version.ts";

const run = promisify(execFile);
const project = join(import.meta.dirname, "../..");
let dir = "";
let files: string[] = [];

/** An environment with Node and what /bin/sh needs, and nothing of ours. */
const bare = { PATH: `${dirname(process.execPath)}:/usr/bin:/bin`, HOME: "/nonexistent" };

async function pack(from: string, to: string): Promise<{ tarball: string; files: string[] }> {
  const { stdout } = await run("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", to], { cwd: from });
  const [packed] = JSON.parse(stdout) as [{ filename: string; files: { path: string }[] }];
  return { tarball: join(to, packed.filename), files: packed.files.map(({ path }) => path) };
}

/**
 * Installs the tarball into `dir/prefix`. Its dependencies are linked from here, for a test has no network; everything
 * else is as `npm install -g` makes it.
 */
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "distswarm-package-"));
  const { tarball, files: packed } = await pack(project, dir);
  files = packed;
  await run("tar", ["-xzf", tarball, "-C", dir]);
  const manifest = join(dir, "package", "package.json");
  const { dependencies: _, ...rest } = JSON.parse(await readFile(manifest, "utf8")) as Record<string, unknown>;
  await writeFile(manifest, JSON.stringify(rest));
  const { tarball: alone } = await pack(join(dir, "package"), dir);
  await run("npm", ["install", "--global", "--offline", "--no-audit", "--prefix", join(dir, "prefix"), alone]);
  await symlink(join(project, "node_modules"), join(dir, "prefix/lib/node_modules/distswarm/node_modules"));
});

afterAll(() => rm(dir, { recursive: true, force: true }));

test("the tarball has the program, the units, the example config and the manual, and none of the sources", () => {
  expect(files).toEqual(
    expect.arrayContaining([
      "dist/main.js",
      "systemd/distswarm.service",
      "systemd/sysusers.conf",
      "systemd/tmpfiles.conf",
      "openrc/distswarm",
      "openrc/distswarm.confd",
      "distswarm.toml.example",
      "man/distswarm.1",
      "LICENSE",
    ]),
  );
  expect(files.filter((path) => /^(src|test|bench)\/|\.ts$/.test(path))).toEqual([]);
});

test("installed into a prefix, it is a command that runs with only Node there", async () => {
  const { stdout } = await run(join(dir, "prefix/bin/distswarm"), ["--version"], { env: bare });
  expect(stdout).toBe(`${VERSION}\n`);
});

test("its manual page is where man looks", async () => {
  await access(join(dir, "prefix/share/man/man1/distswarm.1"));
});

test("its agent starts, answers and stops", async () => {
  const config = join(dir, "distswarm.toml");
  const lines = [
    `state_dir = "${dir}/state"`,
    'proxy.listen = ["127.0.0.1:0"]',
    `store = { dir = "${dir}/store", min_free = "0B" }`,
    'portage = { repos = [], distdir = "" }',
    'swarm = { listen = "127.0.0.1:0", multicast = false }',
  ];
  await writeFile(config, lines.join("\n"));
  const agent = spawn(join(dir, "prefix/bin/distswarm"), ["agent", "--config", config], {
    env: bare,
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void agent.kill("SIGKILL"));
  let url: string | undefined;
  for await (const line of createInterface({ input: agent.stdout })) {
    [, url] = /ready: .* (http:\/\/\S+)/.exec(line) ?? [];
    if (url !== undefined) break;
  }
  const layout = await fetch(`${url}/distfiles/layout.conf`);
  expect(await layout.text()).toContain("content-hash BLAKE2B");
  agent.kill("SIGTERM");
  expect(await once(agent, "exit")).toEqual([0, null]);
});
