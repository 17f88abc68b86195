import { once } from "node:events";
import { chmod, unlink } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { ControlClient } from "../../src/control/client.ts";
import { named } from "../support/skipped.ts";
import { tempDir } from "../support/temp-dir.ts";
import { STATUS } from "./fake-agent.ts";
import { agentWith, all, hangAt, leaveDeadSocket, never, serve } from "./sockets.ts";

const IS_ROOT = process.getuid?.() === 0;
const AS_ROOT = "root may read and write everything";

describe("a client", () => {
  test("of no agent is told at which socket nobody listens, and how to start one", async () => {
    const dir = await tempDir();
    await expect(new ControlClient({ dir }).status()).rejects.toMatchObject({
      code: "AGENT_NOT_RUNNING",
      message:
        `no agent is running: nobody listens at ${dir}/status.sock. ` +
        "Start it: rc-service distswarm start, systemctl start distswarm, or distswarm agent",
    });
  });

  test("of an agent that hangs is told so, not that it is off", async () => {
    const dir = await tempDir();
    await hangAt(join(dir, "status.sock"));
    const client = new ControlClient({ dir, answerMs: 50 });
    for (const call of [client.status(), client.explain("x")]) {
      await expect(call).rejects.toMatchObject({
        code: "AGENT_NOT_RUNNING",
        message: expect.stringMatching(/^the agent hangs: .* Restart it: /) as string,
      });
    }
  });

  test("that steers an agent that hangs is told so, too, before an answer and in the middle of one", async () => {
    const dir = await tempDir();
    await serve(dir, {
      invite: () => new Promise(() => {}),
      gc: async function* () {
        yield { event: "progress", done: 0, total: 1, bytes: 0 };
        await new Promise(() => {});
      },
    });
    await unlink(join(dir, "status.sock"));
    await hangAt(join(dir, "status.sock"));
    const client = new ControlClient({ dir, answerMs: 50 });
    for (const call of [client.invite(), all(client.gc({ dryRun: true }, never))]) {
      await expect(call).rejects.toMatchObject({ code: "AGENT_NOT_RUNNING", facts: { hangs: true } });
    }
  });

  test("waits for an agent that lives as long as a call takes", async () => {
    let looks = 0;
    let enough = (): void => {};
    const asked = new Promise<void>((resolve) => (enough = resolve));
    const { dir } = await agentWith({
      status: async () => {
        looks += 1;
        if (looks === 3) enough();
        return STATUS;
      },
      invite: async () => asked.then(() => "dsw1"),
    });
    expect(await new ControlClient({ dir, answerMs: 50 }).invite()).toBe("dsw1");
  });

  test("of an agent that goes away before it has answered is told that it stopped", async () => {
    const dir = await tempDir();
    const dying = createServer((socket) => socket.once("data", () => socket.destroy()));
    dying.listen(join(dir, "control.sock"));
    await once(dying, "listening");
    onTestFinished(() => void dying.close());
    await expect(new ControlClient({ dir }).invite()).rejects.toMatchObject({
      code: "AGENT_NOT_RUNNING",
      message: "the agent stopped before it had answered",
    });
  });

  test("is told of a socket that a dead agent left that no agent runs", async () => {
    const dir = await tempDir();
    await leaveDeadSocket(join(dir, "control.sock"));
    const run = all(new ControlClient({ dir }).gc({ dryRun: true }, never));
    await expect(run).rejects.toMatchObject({ code: "AGENT_NOT_RUNNING" });
  });

  test.skipIf(IS_ROOT)(named("that may not connect is told who may", IS_ROOT ? AS_ROOT : undefined), async () => {
    const { client, dir } = await agentWith();
    await chmod(join(dir, "control.sock"), 0);
    await expect(all(client.gc({ dryRun: true }, never))).rejects.toMatchObject({
      code: "NOT_PERMITTED",
      message: `${dir}/control.sock is not for you: only the agent's own user (and root) may steer it`,
    });
  });
});
