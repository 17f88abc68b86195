import { execFile } from "node:child_process";
import { chmod, chown, mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it, test } from "vitest";
import { NetworkKey, loadNetworkKey, saveNetworkKey } from "../../src/swarm/network-key.ts";
import { exposureOf, readOrCreateSecret } from "../../src/swarm/secret-file.ts";
import { makeBox } from "./boxes.ts";
import { mountCuttableDisk } from "../support/power-cut.ts";
import { mountDisk } from "../store/support/tmpfs.ts";
import { named } from "../support/skipped.ts";
import { unprivileged } from "../support/unprivileged.ts";

const IS_ROOT = process.getuid?.() === 0;
const NOT_ROOT = IS_ROOT ? undefined : "giving files away needs root";
/** A user that this box need not have. */
const AGENT = 47_110;

let dir: string;
let file: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "distswarm-secret-"));
  file = join(dir, "network.key");
});
afterEach(() => rm(dir, { recursive: true }));

describe("a secret", () => {
  it("that several make at once is whole, and the same for all", async () => {
    const secrets = Array.from({ length: 8 }, (_, at) => Buffer.alloc(32, at + 1));
    const names = Array.from({ length: 20 }, (_, at) => `key${at}`).sort();
    for (const name of names) {
      const made = await Promise.all(secrets.map((secret) => readOrCreateSecret(join(dir, name), () => secret)));
      expect(made[0]).toHaveLength(32);
      expect(made).toEqual(made.map(() => made[0]));
    }
    expect((await readdir(dir)).sort()).toEqual(names);
  });

  it("takes the place of what a power cut left of a write; what is being written, and what is not ours, stays", async () => {
    await loadNetworkKey(dir);
    const names = ["network.key.0a1b2c3d", "network.key.fedcba98", "network.key.backup", "network.key.0a1b2c3"];
    for (const name of names) await writeFile(join(dir, name), "dsw1");
    const old = new Date(Date.now() - 120_000);
    for (const name of names.slice(1)) await utimes(join(dir, name), old, old);
    await loadNetworkKey(dir);
    const left = ["network.key", ...names.filter((name) => name !== "network.key.fedcba98")];
    expect((await readdir(dir)).sort()).toEqual(left.sort());
  });

  it.runIf(IS_ROOT)(
    named("that root makes or replaces belongs to whom its directory belongs to", NOT_ROOT),
    async () => {
      await chown(dir, AGENT, AGENT);
      await loadNetworkKey(dir);
      expect(await stat(file)).toMatchObject({ uid: AGENT, gid: AGENT });
      await saveNetworkKey(dir, NetworkKey.generate());
      expect(await stat(file)).toMatchObject({ uid: AGENT, gid: AGENT });
      expect((await stat(file)).mode & 0o777).toBe(0o600);
    },
  );

  it.runIf(IS_ROOT)(named("of another user is named with its owner and the mend", NOT_ROOT), async () => {
    await chmod(dir, 0o755);
    await saveNetworkKey(dir, NetworkKey.generate());
    process.seteuid!(AGENT);
    const refused = await loadNetworkKey(dir).catch((error: unknown) => error);
    process.seteuid!(0);
    expect(refused).toMatchObject({
      code: "INVALID_NETWORK_KEY",
      message: expect.stringMatching(
        /network\.key: it belongs to root \(mode 0600\).*run chown --reference=.* && chmod 600/,
      ),
    });
  });

  it("that is a FIFO or a directory is named, and nobody waits for who would write into it", async () => {
    await promisify(execFile)("mkfifo", ["-m", "600", file]);
    const fault = { message: `${file}: it is no regular file: remove it, or put one in its place` };
    await expect(loadNetworkKey(dir)).rejects.toMatchObject(fault);
    await rm(file);
    await mkdir(file);
    await expect(loadNetworkKey(dir)).rejects.toMatchObject(fault);
  });

  it("that others may read is named with the mend, until it is mended", async () => {
    await writeFile(file, "", { mode: 0o600 });
    expect(exposureOf(file)).toBeUndefined();
    expect(exposureOf(join(dir, "missing"))).toBeUndefined();
    await chmod(file, 0o644);
    expect(exposureOf(file)).toBe(`${file} is a secret that others may use (mode 0644): run chmod 600 ${file}`);
  });

  it.runIf(IS_ROOT)(
    named("that the agent reads as one of its group becomes its own before others are shut out", NOT_ROOT),
    async () => {
      await writeFile(file, "");
      await chmod(file, 0o640);
      const mend = `as root, run chown --reference=${dir} ${file} && chmod 600 ${file}`;
      await chmod(dir, 0o755);
      expect(await unprivileged(async () => exposureOf(file))).toContain(`(mode 0640): ${mend}`);
    },
  );

  it("that others may read is among the warnings of the swarm", async () => {
    const box = await makeBox();
    await writeFile(join(box.stateDir, "network.key"), "", { mode: 0o600 });
    await chmod(join(box.stateDir, "network.key"), 0o640);
    expect(box.swarm.warnings().join()).toContain("network.key is a secret that others may use (mode 0640)");
    await chmod(join(box.stateDir, "network.key"), 0o600);
    expect(box.swarm.warnings()).toEqual([]);
    await box.remove();
  });
});

test("a secret that a full disk keeps from being made leaves nothing behind", async (context) => {
  const disk = await mountDisk(context, 4096);
  await writeFile(join(disk.dir, "builds"), Buffer.alloc(4096));
  const made = readOrCreateSecret(join(disk.dir, "identity.key"), () => Buffer.alloc(32));
  await expect(made).rejects.toMatchObject({ code: "ENOSPC" });
  expect(await readdir(disk.dir)).toEqual(["builds"]);
});

test("a power cut takes back no key that was made or replaced before it", async (context) => {
  const disk = await mountCuttableDisk(context);
  const [made, replaced] = [join(disk.dir, "made"), join(disk.dir, "replaced")];
  await mkdir(replaced);
  await loadNetworkKey(replaced);
  await promisify(execFile)("sync", ["-f", disk.dir]);
  const keys = [NetworkKey.generate(), NetworkKey.generate()];
  await mkdir(made);
  await saveNetworkKey(replaced, keys[1]!);
  const first = await loadNetworkKey(made);
  const after = await disk.cut();
  expect((await loadNetworkKey(join(after, "replaced"))).reveal()).toBe(keys[1]!.reveal());
  expect((await loadNetworkKey(join(after, "made"))).reveal()).toBe(first.reveal());
});
