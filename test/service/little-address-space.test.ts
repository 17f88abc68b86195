import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { agentConfig, startAgentProcess } from "../support/agent-process.ts";
import { makeRepository, testFile } from "../support/repository.ts";
import { tempDir } from "../support/temp-dir.ts";
import { startMirror, well } from "../support/zoo/zoo.ts";

const file = testFile("small-1.tar.xz", 1000);

test("an agent with too little address space to download says so, and goes on with the rest", async () => {
  const dir = await tempDir();
  await makeRepository(join(dir, "repo"), [file]);
  const mirror = await startMirror(well, { [file.name]: file.bytes });
  onTestFinished(() => mirror.close());
  const config = agentConfig(dir, mirror.url);
  const agent = await startAgentProcess({ dir, config, limits: "ulimit -v 2000000" });
  onTestFinished(() => void agent.end("SIGKILL"));
  await expect.poll(() => agent.log.join("\n")).toContain("read 1 Manifest");
  const answer = await fetch(`${agent.url}/distfiles/${file.name}`);
  expect([answer.status, await answer.text()]).toEqual([502, expect.stringContaining("lift ulimit -v")]);
  expect((await agent.client.status()).index.manifests).toBe(1);
  expect(await agent.end("SIGTERM")).toBe(0);
});
