import { once } from "node:events";
import { chmod, link, stat, unlink } from "node:fs/promises";
import { request } from "node:http";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { ControlClient } from "../../src/control/client.ts";
import { ControlServer } from "../../src/control/server.ts";
import type { AgentApi } from "../../src/core/agent-api.ts";
import { DistswarmError } from "../../src/core/errors.ts";
import type { FetchEvent } from "../../src/core/fetch-event.ts";
import { silentLogger } from "../../src/core/logger.ts";
import type { StoreToolEvent } from "../../src/core/store-tool-event.ts";
import { events, fakeAgent, STATUS } from "./fake-agent.ts";
import { named } from "../support/skipped.ts";
import { tempDir } from "../support/temp-dir.ts";

const IS_ROOT = process.getuid?.() === 0;
const AS_ROOT = "root may read and write everything";

const never = new AbortController().signal;

async function serve(dir: string, methods: Partial<AgentApi> = {}): Promise<ControlServer> {
  const server = new ControlServer({ api: fakeAgent(methods), log: silentLogger }, { dir });
  await server.start();
  onTestFinished(() => server.stop());
  return server;
}

async function agentWith(methods: Partial<AgentApi> = {}): Promise<{ client: ControlClient; dir: string }> {
  const dir = await tempDir();
  await serve(dir, methods);
  return { client: new ControlClient({ dir }), dir };
}

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of stream) list.push(item);
  return list;
}

/** The status and body of one plain request to a socket. */
async function ask(socketPath: string, method: string, path: string, body?: string): Promise<[number, string]> {
  const sent = request({ socketPath, method, path, agent: false });
  sent.end(body);
  const [response] = await once(sent, "response");
  const chunks = await all<Buffer>(response);
  return [response.statusCode, Buffer.concat(chunks).toString()];
}

describe("what the agent says comes out at the client as it was", () => {
  test("status", async () => {
    const { client } = await agentWith();
    expect(await client.status()).toEqual(STATUS);
  });

  test("explain, whatever characters are asked for", async () => {
    const { client } = await agentWith();
    const asked = "http://a.example/x?y=1&z=a+b%2F\u{1F43F}";
    expect(await client.explain(asked)).toMatchObject({ asked });
  });

  test("a stream of events, and its parameters on the way in", async () => {
    const list: FetchEvent[] = [
      { event: "started", line: 0, name: "a", size: 3 },
      { event: "done", line: 0, bytes: 3, from: "peer" },
    ];
    const asked: (readonly string[])[] = [];
    const { client } = await agentWith({
      fetch: (lines) => {
        asked.push(lines);
        return events(...list);
      },
    });
    expect(await all(client.fetch(["a", "http://b http://c"], never))).toEqual(list);
    expect(asked).toEqual([["a", "http://b http://c"]]);
  });

  test("the parameters of import, fsck and gc", async () => {
    const calls: unknown[] = [];
    const note = (call: unknown) => {
      calls.push(call);
      return events<StoreToolEvent>();
    };
    const { client } = await agentWith({ importFiles: note, fsck: note, gc: note });
    await all(client.importFiles("/d", never));
    await all(client.importFiles(undefined, never));
    await all(client.fsck({ repair: true }, never));
    await all(client.gc({ dryRun: false }, never));
    expect(calls).toEqual(["/d", undefined, { repair: true }, { dryRun: false }]);
  });

  test("a stream that is much larger than the buffers between", async () => {
    const count = 20_000;
    const { client } = await agentWith({
      gc: async function* () {
        for (let done = 0; done < count; done++) {
          yield { event: "progress", done, total: count, bytes: 0, file: "x".repeat(50) };
        }
      },
    });
    expect(await all(client.gc({ dryRun: true }, never))).toHaveLength(count);
  });

  test("an error of ours, before and within a stream", async () => {
    const { client } = await agentWith({
      explain: async () => {
        throw new DistswarmError("INVALID_DIGEST", "no digest");
      },
      fsck: async function* () {
        yield { event: "progress", done: 1, total: 2, bytes: 3 };
        throw new DistswarmError("STORE_UNUSABLE", "the disk is gone");
      },
    });
    await expect(client.explain("x")).rejects.toMatchObject({ code: "INVALID_DIGEST", message: "no digest" });
    const seen: StoreToolEvent[] = [];
    const run = async () => {
      for await (const event of client.fsck({ repair: false }, never)) seen.push(event);
    };
    await expect(run()).rejects.toMatchObject({ code: "STORE_UNUSABLE", message: "the disk is gone" });
    expect(seen).toHaveLength(1);
  });

  test("any other error, as a fault of the agent", async () => {
    const { client } = await agentWith({
      status: async () => {
        throw new TypeError("x is undefined\nRequire stack:\n- /usr/lib/x.js");
      },
    });
    await expect(client.status()).rejects.toThrow("the agent failed: x is undefined");
    await expect(client.status()).rejects.toMatchObject({
      code: "INTERNAL",
      message: expect.not.stringContaining("\n"),
    });
  });
});

describe("a call ends", () => {
  test("in the agent when its client leaves", async () => {
    const call = new AbortController();
    const { client } = await agentWith({
      fetch: async function* (_lines, signal) {
        yield { event: "started", line: 0, name: "a", size: 1 };
        await once(signal, "abort");
        call.abort();
      },
    });
    const ended = once(call.signal, "abort");
    for await (const event of client.fetch(["a"], never)) {
      expect(event.event).toBe("started");
      break;
    }
    await ended;
  });

  test("at the client with its own reason when it aborts", async () => {
    const { client } = await agentWith({
      fetch: async function* (_lines, signal) {
        yield { event: "started", line: 0, name: "a", size: 1 };
        await once(signal, "abort");
      },
    });
    const abort = new AbortController();
    const run = async () => {
      for await (const _ of client.fetch(["a"], abort.signal)) abort.abort(new Error("enough"));
    };
    await expect(run()).rejects.toThrow("enough");
  });

  test("at the client with an error when the agent stops", async () => {
    const dir = await tempDir();
    const server = await serve(dir, {
      fetch: async function* (_lines, signal) {
        yield { event: "started", line: 0, name: "a", size: 1 };
        await once(signal, "abort");
      },
    });
    const run = async () => {
      for await (const _ of new ControlClient({ dir }).fetch(["a"], never)) await server.stop();
    };
    await expect(run()).rejects.toMatchObject({ code: "AGENT_NOT_RUNNING" });
  });
});

describe("the sockets", () => {
  test("may be read by the group, and steered by the owner only", async () => {
    const { dir } = await agentWith();
    expect((await stat(join(dir, "status.sock"))).mode & 0o777).toBe(0o660);
    expect((await stat(join(dir, "control.sock"))).mode & 0o777).toBe(0o600);
  });

  test("status.sock takes no call that steers; control.sock takes all", async () => {
    const { dir } = await agentWith();
    const [status, body] = await ask(join(dir, "status.sock"), "POST", "/gc", '{"dryRun":true}');
    expect([status, JSON.parse(body)]).toEqual([
      400,
      { error: { code: "INVALID_REQUEST", message: "/gc is for control.sock only" } },
    ]);
    expect(JSON.parse((await ask(join(dir, "control.sock"), "GET", "/status"))[1])).toEqual(STATUS);
  });

  test.for([
    ["GET", "/nothing", undefined, "the agent knows no call /nothing"],
    ["GET", "/__proto__", undefined, "the agent knows no call /__proto__"],
    ["POST", "/gc", "{", "the body is no JSON"],
    ["POST", "/gc", '{"dryRun":1}', "dryRun: Invalid input: expected boolean"],
    ["POST", "/import", '{"dir":"here"}', 'must start with "/"'],
    ["GET", "/explain", undefined, "asked: Invalid input: expected string"],
  ] as const)("refuse %s %s %s", async ([method, path, body, message]) => {
    const { dir } = await agentWith();
    const [status, answer] = await ask(join(dir, "control.sock"), method, path, body);
    expect(status).toBe(400);
    expect(JSON.parse(answer)).toMatchObject({ error: { code: "INVALID_REQUEST" } });
    expect(answer).toContain(JSON.stringify(message).slice(1, -1));
  });

  test("refuse a request of more than 64 MiB", async () => {
    const { dir } = await agentWith();
    const [status, answer] = await ask(join(dir, "control.sock"), "POST", "/join", " ".repeat(64 * 2 ** 20 + 1));
    expect(status).toBe(400);
    expect(answer).toContain("a request may have at most 67108864 bytes");
  });

  test("of a dead agent are replaced", async () => {
    const dir = await tempDir();
    await leaveDeadSocket(join(dir, "status.sock"));
    await serve(dir);
    expect(await new ControlClient({ dir }).status()).toEqual(STATUS);
  });

  test("of a living agent are left alone", async () => {
    const { client, dir } = await agentWith();
    const second = new ControlServer({ api: fakeAgent(), log: silentLogger }, { dir });
    await expect(second.start()).rejects.toMatchObject({ code: "ADDRESS_IN_USE" });
    await second.stop();
    expect(await client.status()).toEqual(STATUS);
  });

  test("can be started and stopped twice, and are gone afterwards", async () => {
    const dir = await tempDir();
    const server = await serve(dir);
    await server.start();
    await server.stop();
    await server.stop();
    await expect(stat(join(dir, "status.sock"))).rejects.toMatchObject({ code: "ENOENT" });
    await server.start();
    expect(await new ControlClient({ dir }).status()).toEqual(STATUS);
  });
});

describe("without an agent", () => {
  test("the error names the socket and says how to start one", async () => {
    const dir = await tempDir();
    await expect(new ControlClient({ dir }).status()).rejects.toMatchObject({
      code: "AGENT_NOT_RUNNING",
      message:
        `no agent is running: nobody listens at ${dir}/status.sock. ` +
        "Start it: rc-service distswarm start, systemctl start distswarm, or distswarm agent",
    });
  });

  test("one that hangs is told from one that is off", async () => {
    const dir = await tempDir();
    const hung = createServer().listen(join(dir, "status.sock"));
    await once(hung, "listening");
    onTestFinished(() => void hung.close());
    const client = new ControlClient({ dir, answerMs: 50 });
    for (const call of [client.status(), client.explain("x")]) {
      await expect(call).rejects.toMatchObject({
        code: "AGENT_NOT_RUNNING",
        message: expect.stringMatching(/^the agent hangs: .* Restart it: /) as string,
      });
    }
  });

  test("one that hangs is also seen by who steers it, before it answers and in the middle of an answer", async () => {
    const dir = await tempDir();
    await serve(dir, {
      invite: () => new Promise(() => {}),
      gc: async function* () {
        yield { event: "progress", done: 0, total: 1, bytes: 0 };
        await new Promise(() => {});
      },
    });
    await unlink(join(dir, "status.sock"));
    const hung = createServer().listen(join(dir, "status.sock"));
    await once(hung, "listening");
    onTestFinished(() => void hung.close());
    const client = new ControlClient({ dir, answerMs: 50 });
    for (const call of [client.invite(), all(client.gc({ dryRun: true }, never))]) {
      await expect(call).rejects.toMatchObject({ code: "AGENT_NOT_RUNNING", facts: { hangs: true } });
    }
  });

  test("one that lives is given all the time that a call takes", async () => {
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

  test("one that goes away before it answers is named as such", async () => {
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

  test("a socket that a dead one left is the same", async () => {
    const dir = await tempDir();
    await leaveDeadSocket(join(dir, "control.sock"));
    const run = all(new ControlClient({ dir }).gc({ dryRun: true }, never));
    await expect(run).rejects.toMatchObject({ code: "AGENT_NOT_RUNNING" });
  });

  test.skipIf(IS_ROOT)(named("who may not connect is told who may", IS_ROOT ? AS_ROOT : undefined), async () => {
    const { client, dir } = await agentWith();
    await chmod(join(dir, "control.sock"), 0);
    await expect(all(client.gc({ dryRun: true }, never))).rejects.toMatchObject({
      code: "NOT_PERMITTED",
      message: `${dir}/control.sock is not for you: only the agent's own user (and root) may steer it`,
    });
  });
});

/** A socket file that nobody listens at, as an agent leaves it that was killed. */
async function leaveDeadSocket(path: string): Promise<void> {
  const server = createServer().listen(path);
  await once(server, "listening");
  await link(path, `${path}.kept`);
  server.close();
  await once(server, "close");
  await link(`${path}.kept`, path);
  await unlink(`${path}.kept`);
}
