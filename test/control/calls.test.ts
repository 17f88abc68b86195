import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { ControlClient } from "../../src/control/client.ts";
import { DistswarmError } from "../../src/core/errors.ts";
import type { FetchEvent } from "../../src/core/report/fetch-event.ts";
import type { StoreToolEvent } from "../../src/core/report/store-tool-event.ts";
import { tempDir } from "../support/temp-dir.ts";
import { events, STATUS } from "./fake-agent.ts";
import { agentWith, all, never, serve } from "./sockets.ts";

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
