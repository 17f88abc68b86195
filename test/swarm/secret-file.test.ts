import { chmod, chown, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { NetworkKey, loadNetworkKey, saveNetworkKey } from "../../src/swarm/network-key.ts";
import { exposureOf } from "../../src/swarm/secret-file.ts";
import { makeBox } from "./boxes.ts";

const IS_ROOT = process.getuid?.() === 0;
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
  it.runIf(IS_ROOT)("that root makes or replaces belongs to whom its directory belongs to", async () => {
    await chown(dir, AGENT, AGENT);
    await loadNetworkKey(dir);
    expect(await stat(file)).toMatchObject({ uid: AGENT, gid: AGENT });
    await saveNetworkKey(dir, NetworkKey.generate());
    expect(await stat(file)).toMatchObject({ uid: AGENT, gid: AGENT });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it.runIf(IS_ROOT)("of another user is named with its owner and the mend", async () => {
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

  it("that others may read is named with the mend, until it is mended", async () => {
    await writeFile(file, "", { mode: 0o600 });
    expect(exposureOf(file)).toBeUndefined();
    expect(exposureOf(join(dir, "missing"))).toBeUndefined();
    await chmod(file, 0o644);
    expect(exposureOf(file)).toBe(`${file} is a secret that others may use (mode 0644): run chmod 600 ${file}`);
  });

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
