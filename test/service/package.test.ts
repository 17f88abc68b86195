import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { lstatSync } from "node:fs";
import { access, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { VERSION } from "../../src/core/version.ts";
import { named } from "../support/skipped.ts";

const run = promisify(execFile);
/** What npm's lock file says of each package, by its path. */
interface Lock {
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

interface LockedPackage {
  readonly version: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly devOptional?: boolean;
}

const project = join(import.meta.dirname, "../..");
/** `npm pack --json` names every file of every dependency. */
const PACK_REPORT_BYTES = 16 * 1024 * 1024;
const INSTALL_MS = 180_000;
let dir = "";
let files: string[] = [];

/** An environment with Node and what /bin/sh needs, and nothing of ours. */
const bare = { PATH: `${dirname(process.execPath)}:/usr/bin:/bin`, HOME: "/nonexistent" };

const isLinked = lstatSync(join(project, "node_modules")).isSymbolicLink();
const reason = isLinked ? "needs node_modules itself: npm packs nothing through a link" : undefined;

describe.skipIf(isLinked)(named("the package", reason), () => {
  /** Packs this project with its dependencies, and installs the tarball into `dir/prefix` without a network. */
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "distswarm-package-"));
    const args = ["pack", "--ignore-scripts", "--json", "--pack-destination", dir];
    const { stdout } = await run("npm", args, { cwd: project, maxBuffer: PACK_REPORT_BYTES });
    const [packed] = JSON.parse(stdout) as [{ filename: string; files: { path: string }[] }];
    files = packed.files.map(({ path }) => path);
    const install = ["install", "--global", "--offline", "--no-audit", "--prefix", join(dir, "prefix")];
    await run("npm", [...install, join(dir, packed.filename)]);
  }, INSTALL_MS);

  afterAll(() => rm(dir, { recursive: true, force: true }));

  test("the tarball has the program, the units, the example config and the manual, and none of the sources", () => {
    expect(files).toEqual(
      expect.arrayContaining([
        "dist/main.js",
        "systemd/distswarm.service",
        "systemd/sysusers.conf",
        "openrc/distswarm",
        "openrc/distswarm.confd",
        "distswarm.toml.example",
        "man/distswarm.1",
        "LICENSE",
      ]),
    );
    expect(files.filter((path) => /^(src|test|bench)\/|^[^/]*\.ts$/.test(path))).toEqual([]);
  });

  test("it brings the dependencies in the versions of the lock file, and none that only developers need", async () => {
    const lock = JSON.parse(await readFile(join(project, "package-lock.json"), "utf8")) as Lock;
    for (const [path, { version, dev, devOptional, optional }] of Object.entries(lock.packages)) {
      const place = join(dir, "prefix/lib/node_modules/distswarm", path, "package.json");
      const found = await readFile(place, "utf8").catch(() => "{}");
      const installed = (JSON.parse(found) as { version?: string }).version;
      if (dev === true) expect([path, installed]).toEqual([path, undefined]);
      else if (optional !== true && devOptional !== true) expect([path, installed]).toEqual([path, version]);
    }
  });

  test("of what it brings npm compiles the database alone, and neither that nor the swarm on x86-64 and arm64", async () => {
    const compiled: string[] = [];
    for (const path of files.filter((name) => name.endsWith("/package.json"))) {
      const text = await readFile(join(dir, "prefix/lib/node_modules/distswarm", path), "utf8");
      const { name, scripts = {} } = JSON.parse(text) as { name: string; scripts?: Readonly<Record<string, string>> };
      if ("install" in scripts || "preinstall" in scripts || "postinstall" in scripts) compiled.push(name);
    }
    expect(compiled).toEqual(["classic-level"]);
    expect(files.filter((path) => path.endsWith("binding.gyp"))).toEqual(["node_modules/classic-level/binding.gyp"]);
    for (const name of ["classic-level", "sodium-native", "udx-native"]) {
      for (const platform of ["linux-x64", "linux-arm64"]) {
        expect(files).toContainEqual(expect.stringContaining(`node_modules/${name}/prebuilds/${platform}/`));
      }
    }
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
});
