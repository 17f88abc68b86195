import { mkdir, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { agentConfig, startAgentProcess } from "../support/agent-process.ts";
import { makeRepository, pathByDigest, testFile } from "../support/repository.ts";
import { tempDir } from "../support/temp-dir.ts";
import { startMirror, well } from "../support/zoo/zoo.ts";

const large = testFile("large-1.tar.xz", 32 * 2 ** 20);

test("an agent whose working directory is deleted hashes large blobs in its thread, and reads its config again", async () => {
  const dir = await tempDir();
  const cwd = join(dir, "where-it-was-started");
  await mkdir(cwd);
  await makeRepository(join(dir, "repo"), [large]);
  const mirror = await startMirror(well, { [large.name]: large.bytes });
  onTestFinished(() => mirror.close());
  const agent = await startAgentProcess({ dir, cwd, config: agentConfig(dir, mirror.url) });
  onTestFinished(() => void agent.end("SIGKILL"));

  const before = agent.log.length;
  await rmdir(cwd);
  const answer = await fetch(agent.url + pathByDigest(large));
  expect(Buffer.from(await answer.arrayBuffer()).equals(large.bytes)).toBe(true);
  process.kill(agent.pid, "SIGHUP");
  await vi.waitFor(() => expect(agent.log.join("\n")).toContain("config read again: nothing new"), 5_000);
  const since = agent.log.slice(before);
  expect(since.filter((line) => /error|warn/.test(line) && !line.includes("snapshot"))).toEqual([]);
});
