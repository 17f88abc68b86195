import { once } from "node:events";
import { link, unlink } from "node:fs/promises";
import { createServer } from "node:net";
import { onTestFinished } from "vitest";
import { ControlClient } from "../../src/control/client.ts";
import { ControlServer } from "../../src/control/server.ts";
import type { AgentApi } from "../../src/core/report/agent-api.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { tempDir } from "../support/temp-dir.ts";
import { fakeAgent } from "./fake-agent.ts";

/** A call with this is never aborted. */
export const never = new AbortController().signal;

/** The control sockets, in this directory, of an agent with these methods; closed when the test ends. */
export async function serve(dir: string, methods: Partial<AgentApi> = {}): Promise<ControlServer> {
  const server = new ControlServer({ api: fakeAgent(methods), log: silentLogger }, { dir });
  await server.start();
  onTestFinished(() => server.stop());
  return server;
}

/** An agent with these methods behind its sockets, and a client of it. */
export async function agentWith(methods: Partial<AgentApi> = {}): Promise<{ client: ControlClient; dir: string }> {
  const dir = await tempDir();
  await serve(dir, methods);
  return { client: new ControlClient({ dir }), dir };
}

/** All that comes, in a list. */
export async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of stream) list.push(item);
  return list;
}

/** A socket file that nobody listens at, as an agent leaves it that was killed. */
export async function leaveDeadSocket(path: string): Promise<void> {
  const server = createServer().listen(path);
  await once(server, "listening");
  await link(path, `${path}.kept`);
  server.close();
  await once(server, "close");
  await link(`${path}.kept`, path);
  await unlink(`${path}.kept`);
}

/** A socket at which somebody listens who never answers. */
export async function hangAt(path: string): Promise<void> {
  const hung = createServer().listen(path);
  await once(hung, "listening");
  onTestFinished(() => void hung.close());
}
