import { once } from "node:events";
import { Agent, get, type IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { agentConfig, startAgentProcess } from "../support/agent-process.ts";
import { makeRepository, testFile } from "../support/repository.ts";
import { tempDir } from "../support/temp-dir.ts";
import { startMirror, well } from "../support/zoo/zoo.ts";

const MOST_FILES = 60;
const file = testFile("small-1.tar.xz", 1000);
const path = `/distfiles/${file.name}`;

/** Opens connections to the agent until it has no descriptor left for another one, which it cuts off. */
async function takeAllDescriptors(url: URL): Promise<Socket[]> {
  const sockets = Array.from({ length: 2 * MOST_FILES }, () => connect(Number(url.port), url.hostname).resume());
  for (const socket of sockets) socket.on("error", () => {});
  await expect.poll(() => sockets.filter(({ closed }) => closed).length).toBeGreaterThan(MOST_FILES);
  return sockets;
}

test("an agent whose first download met the limit of open files downloads when there are some again", async () => {
  const dir = await tempDir();
  await makeRepository(join(dir, "repo"), [file]);
  const mirror = await startMirror(well, { [file.name]: file.bytes });
  onTestFinished(() => mirror.close());
  const config = agentConfig(dir, mirror.url);
  const agent = await startAgentProcess({ dir, config, limits: `ulimit -n ${MOST_FILES}` });
  onTestFinished(() => void agent.end("SIGKILL"));
  await expect.poll(() => agent.log.join("\n")).toContain("read 1 Manifest");
  const kept = new Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => kept.destroy());
  const ask = async (asked: string): Promise<[number | undefined, Buffer]> => {
    const [answer] = (await once(get(agent.url + asked, { agent: kept }), "response")) as [IncomingMessage];
    return [answer.statusCode, await buffer(answer)];
  };
  await ask("/");

  const sockets = await takeAllDescriptors(new URL(agent.url));
  const [status, text] = await ask(path);
  expect([status, String(text)]).toEqual([502, expect.stringMatching(/EMFILE|too many open files/)]);
  for (const socket of sockets) socket.destroy();
  await expect.poll(() => ask(path), { timeout: 10_000 }).toEqual([200, file.bytes]);
  expect(await agent.end("SIGTERM")).toBe(0);
});
