import { copyFile, cp, rename, symlink } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { fileName } from "../../src/snapshot/name.ts";
import { writeKeyring } from "../snapshot/support/unit.ts";
import { agentConfig, startAgentProcess } from "../support/agent-process.ts";
import { makeRepository, pathByDigest, testFile } from "../support/repository.ts";
import { DATE, key, mirrorFiles, unit } from "../support/webrsync.ts";
import { startMirror, well } from "../support/zoo/zoo.ts";
import { tempDir } from "../support/temp-dir.ts";

const project = join(import.meta.dirname, "../..");
const file = testFile("asked-after-the-upgrade.tar.xz", 2 ** 16);

/** What `npm run build` made, in a place of its own as if it were installed there; its main file. */
async function installInto(dir: string): Promise<string> {
  await cp(join(project, "dist"), join(dir, "dist"), { recursive: true });
  await copyFile(join(project, "package.json"), join(dir, "package.json"));
  await symlink(join(project, "node_modules"), join(dir, "node_modules"));
  return join(dir, "dist/main.js");
}

test("an agent whose files an upgrade replaces before its first download goes on with its work", async () => {
  const dir = await tempDir();
  await makeRepository(join(dir, "repo"), [file]);
  const mirror = await startMirror(well, { [file.name]: file.bytes, ...mirrorFiles(unit) });
  onTestFinished(() => mirror.close());
  await writeKeyring(join(dir, "keyring.asc"), key);
  const agent = await startAgentProcess({
    dir,
    main: await installInto(dir),
    config: `${agentConfig(dir, mirror.url)}
      [snapshot]
      keyring = "${dir}/keyring.asc"`,
  });
  onTestFinished(() => void agent.end("SIGKILL"));

  await rename(join(dir, "dist"), join(dir, "dist.old")); // the names of an upgrade's files are others
  const answer = await fetch(agent.url + pathByDigest(file));
  expect([answer.status, Buffer.from(await answer.arrayBuffer()).equals(file.bytes)]).toEqual([200, true]);
  const pulled = await agent.client.pullSnapshot(DATE, new AbortController().signal);
  expect(pulled).toMatchObject({ name: fileName(DATE, "tarball").replace(/\.tar\.xz$/, ""), verified: true });
  expect(await agent.end("SIGTERM")).toBe(0);
});
