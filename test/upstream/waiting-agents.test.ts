import { Readable } from "node:stream";
import { expect, test } from "vitest";
import type { UpstreamAnswer } from "../../src/core/upstream.ts";
import { WaitingAgents } from "../../src/upstream/waiting-agents.ts";

const never = new AbortController().signal;

/** The n-th of the names that come before the agent's own. */
function nameOf(n: number): string {
  return `distswarm-${n.toString(16).padStart(8, "0")}`;
}

test("agents wait until the last of them has its answer", () => {
  const waiting = new WaitingAgents({ self: nameOf(9) });
  const told = (): unknown[] => [waiting.isAwaited("file"), waiting.via("file")];
  const nobody = waiting.add("file", []);
  expect(told()).toEqual([false, []]);
  const [first, second] = [waiting.add("file", [nameOf(1)]), waiting.add("file", [nameOf(1), nameOf(2)])];
  expect(told()).toEqual([true, ["Via", `1.1 ${nameOf(1)}, 1.1 ${nameOf(2)}`]]);
  for (const answered of [first, nobody, first]) answered();
  expect(waiting.isAwaited("file")).toBe(true);
  second();
  expect(told()).toEqual([false, []]);
});

test("a client that comes again and again under made-up names holds a request up for a while only", async () => {
  const waiting = new WaitingAgents({ self: "distswarm-ffffffff" });
  let sent = 0;
  const answer = await waiting.send("file", never, async (_, signal): Promise<UpstreamAnswer> => {
    sent += 1;
    waiting.add("file", [nameOf(sent)])();
    signal.throwIfAborted();
    return { status: 200, headers: {}, url: "http://mirror.example/file", body: Readable.from([]) };
  });
  expect(answer.status).toBe(200);
  expect(sent).toBe(64);
});

test.each([
  ["that comes before ours is sent again, with that name", "distswarm-00000001", ["", "Via 1.1 distswarm-00000001"]],
  ["that comes after ours is not: that agent asks again", "distswarm-ffffffff", [""]],
])("a request for which an agent begins to wait %s", async (_, name, expected) => {
  const waiting = new WaitingAgents({ self: "distswarm-80000000" });
  const sent: string[] = [];
  await waiting.send("file", never, async (via, signal): Promise<UpstreamAnswer> => {
    sent.push(via.join(" "));
    if (sent.length === 1) waiting.add("file", [name]);
    signal.throwIfAborted();
    return { status: 200, headers: {}, url: "http://mirror.example/file", body: Readable.from([]) };
  });
  expect(sent).toEqual(expected);
});
