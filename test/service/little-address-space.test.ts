import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { agentConfig, startAgentProcess } from "../support/agent-process.ts";
import { named } from "../support/skipped.ts";
import { makeRepository, testFile } from "../support/repository.ts";
import { tempDir } from "../support/temp-dir.ts";
import { startMirror, well } from "../support/zoo/zoo.ts";

const LIMIT = "ulimit -v 2000000";
const file = testFile("small-1.tar.xz", 1000);

/** Whether Node's parser of HTTP has room all the same: later Nodes reserve less for it. */
function hasRoom(): boolean {
  const probe = "new WebAssembly.Memory({ initial: 1 })";
  return spawnSync("sh", ["-c", `${LIMIT}; exec "$0" -e "${probe}"`, process.execPath]).status === 0;
}

/** Node 22 loads its own HTTP client while the agent starts, and ends for want of room itself. */
const endsBefore = process.versions.node.startsWith("22.") ? "Node 22 itself does not start so" : undefined;

test.skipIf(endsBefore !== undefined)(
  named("an agent with little address space downloads, or says what to do", endsBefore),
  async () => {
    const dir = await tempDir();
    await makeRepository(join(dir, "repo"), [file]);
    const mirror = await startMirror(well, { [file.name]: file.bytes });
    onTestFinished(() => mirror.close());
    const config = agentConfig(dir, mirror.url);
    const agent = await startAgentProcess({ dir, config, limits: LIMIT });
    onTestFinished(() => void agent.end("SIGKILL"));
    await expect.poll(() => agent.log.join("\n")).toContain("read 1 Manifest");
    const answer = await fetch(`${agent.url}/distfiles/${file.name}`);
    const expected = hasRoom()
      ? [200, file.bytes.toString("latin1")]
      : [502, expect.stringContaining("lift ulimit -v")];
    expect([answer.status, Buffer.from(await answer.arrayBuffer()).toString("latin1")]).toEqual(expected);
    expect((await agent.client.status()).index.manifests).toBe(1);
    expect(await agent.end("SIGTERM")).toBe(0);
  },
);
