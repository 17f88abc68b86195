import { once } from "node:events";
import { mkdir, stat } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ControlClient } from "../../src/control/client.ts";
import { ControlServer } from "../../src/control/server.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { tempDir } from "../support/temp-dir.ts";
import { fakeAgent, STATUS } from "./fake-agent.ts";
import { agentWith, all, leaveDeadSocket, serve } from "./sockets.ts";

/** The status and body of one plain request to a socket. */
async function ask(socketPath: string, method: string, path: string, body?: string): Promise<[number, string]> {
  const sent = request({ socketPath, method, path, agent: false });
  sent.end(body);
  const [response] = await once(sent, "response");
  const chunks = await all<Buffer>(response);
  return [response.statusCode, Buffer.concat(chunks).toString()];
}

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
    ["GET", "//", undefined, "the agent knows no call //"],
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

  test("are not made where something is that cannot be replaced, and that is said", async () => {
    const dir = await tempDir();
    await mkdir(join(dir, "status.sock"));
    await expect(serve(dir)).rejects.toMatchObject({
      code: "ADDRESS_IN_USE",
      message: expect.stringMatching(/status\.sock \((?:EISDIR|EPERM)\): remove what is there$/) as string,
    });
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
