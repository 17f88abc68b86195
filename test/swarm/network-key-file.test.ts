import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { createLogger } from "../../src/core/logger.ts";
import { NetworkKey, readNetworkKey, saveNetworkKey } from "../../src/swarm/network-key.ts";
import { NetworkKeyFile } from "../../src/swarm/network-key-file.ts";

const FIRST = NetworkKey.generate();

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "distswarm-key-file-"));
});
afterEach(() => rm(dir, { recursive: true }));

/** The file of a running agent; every key that it changed to, and its log. */
function keyFile(stateDir = dir): { file: NetworkKeyFile; changes: string[]; log: string[] } {
  const [changes, log]: [string[], string[]] = [[], []];
  const write = (line: string): void => void log.push((JSON.parse(line) as { msg: string }).msg);
  const changed = async (): Promise<void> => {
    changes.push(file.key.reveal());
    await new Promise(setImmediate); // the mesh takes its time
  };
  const file = new NetworkKeyFile({ log: createLogger("info", { write }), changed }, { stateDir, key: FIRST });
  onTestFinished(() => file.stop());
  return { file, changes, log };
}

test("a key that comes by join is changed to once, however often the file is looked at meanwhile", async () => {
  const { file, changes } = keyFile();
  const key = NetworkKey.generate();
  await Promise.all([file.look(), file.replace(key), file.look(), file.replace(key), file.look()]);
  expect(changes).toEqual([key.reveal()]);
});

test("of several keys at once the last one counts, in the file too", async () => {
  const { file, changes } = keyFile();
  const keys = Array.from({ length: 4 }, () => NetworkKey.generate());
  await Promise.all(keys.flatMap((key) => [file.replace(key), file.look()]));
  expect(changes).toEqual(keys.map((key) => key.reveal()));
  expect((await readNetworkKey(dir)).reveal()).toBe(file.key.reveal());
});

test("what is wrong with the file is said once, and again when it comes back", async () => {
  const { file, changes, log } = keyFile();
  const path = join(dir, "network.key");
  const spoil = () => writeFile(path, "dsw1 nonsense", { mode: 0o600 });
  for (const act of [spoil, () => rm(path), () => saveNetworkKey(dir, FIRST), spoil]) {
    await act();
    await file.look();
    await file.look();
  }
  expect(log).toEqual([
    expect.stringMatching(/network\.key: not a network key: .*; the agent keeps the key that it has/),
    expect.stringMatching(/network\.key: it is not there; the agent keeps the key that it has/),
    expect.stringMatching(/network\.key: not a network key: /),
  ]);
  expect(file.warnings()).toEqual(log.slice(2));
  expect(changes).toEqual([]);
});

test("a key that others may read counts all the same, with a warning", async () => {
  const { file, changes, log } = keyFile();
  const key = NetworkKey.generate();
  await writeFile(join(dir, "network.key"), key.reveal(), { mode: 0o644 });
  await file.look();
  expect(changes).toEqual([key.reveal()]);
  expect(log).toContainEqual(expect.stringMatching(/is a secret that others may use \(mode 0644\): run chmod 600/));
});

test("where nothing can be watched the file is looked at once a minute", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  onTestFinished(() => void vi.useRealTimers());
  const later = join(dir, "later");
  const { file, changes, log } = keyFile(later);
  await file.start();
  expect(log).toEqual([expect.stringMatching(/^cannot watch .*within a minute, or at a reload$/)]);
  await mkdir(later);
  const key = NetworkKey.generate();
  await saveNetworkKey(later, key);
  vi.advanceTimersByTime(60_000);
  await expect.poll(() => changes).toEqual([key.reveal()]);
});
