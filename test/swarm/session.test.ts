import { randomBytes } from "node:crypto";
import { expect, onTestFinished, test, vi } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import { HavesOfPeers } from "../../src/swarm/haves-of-peers.ts";
import { LocalHaves } from "../../src/swarm/local-haves.ts";
import { RuleBroken } from "../../src/swarm/messages.ts";
import { NetworkKey } from "../../src/swarm/network-key.ts";
import { Session, type SessionHandlers } from "../../src/swarm/session.ts";
import { MemoryStream } from "./memory-stream.ts";

const NETWORK = NetworkKey.generate();

/** Two ends of a session, of boxes with these versions; the first one's handlers may do something. */
function sessionBetween(
  versions: [near: string, far: string],
  handlers: Partial<SessionHandlers> = {},
  {
    streams = MemoryStream.pair(randomBytes(32), randomBytes(32)),
    far = new LocalHaves(), // what the other end holds
    known = new HavesOfPeers(), // and what this one knows of that
  } = {},
): Session {
  const quiet = { proved: () => {}, greeted: () => {}, toldHaves: () => {}, ended: () => {} };
  const [near] = streams.map((stream, index) => {
    onTestFinished(() => void stream.destroy());
    const [local, haves] = index === 0 ? [new LocalHaves(), known] : [far, new HavesOfPeers()];
    const peerHaves = haves.of(stream.remotePublicKey.toString("hex"));
    const components = { stream, key: NETWORK, local, peerHaves };
    const init = { host: "h", version: versions[index]!, port: 1 };
    return new Session(components, init, { ...quiet, ...(index === 0 && handlers) } as unknown as SessionHandlers);
  });
  return near!;
}

/** What is said of the end of a session with a box that breaks a rule. */
async function endWith(versions: [near: string, far: string]): Promise<string> {
  const greeted = () => {
    throw new RuleBroken("nonsense");
  };
  const end = await new Promise<string[]>((resolve) => {
    sessionBetween(versions, { greeted, ended: (_, ...how) => resolve(how) });
  });
  return end.join(": ");
}

test("a session that began a minute ago did so whatever the clock was set to meanwhile", () => {
  vi.useFakeTimers({ toFake: ["Date", "performance"], now: 0 });
  onTestFinished(() => void vi.useRealTimers());
  const session = sessionBetween(["1", "1"]);
  vi.advanceTimersByTime(60_000);
  for (const now of [Date.UTC(2026, 10, 22), Date.UTC(2000, 0, 1)]) {
    vi.setSystemTime(now);
    expect(session.since.getTime()).toBe(now - 60_000);
  }
});

test("what a box holds is known in full, also where that is more than one message can tell", async () => {
  const [far, known] = [new LocalHaves(), new HavesOfPeers()];
  const digests = Array.from({ length: 10_000 }, (_, number) => digestOf(Buffer.from(`${number}`)));
  for (const digest of digests) far.add(digest);
  const streams = MemoryStream.pair(randomBytes(32), randomBytes(32));
  const id = streams[0].remotePublicKey.toString("hex");
  const haves = known.of(id);
  known.joined(id, haves);
  sessionBetween(["1", "1"], {}, { streams, far, known });
  await expect.poll(() => haves.known?.sequence).toBe(10_000); // from here on changes are enough
  expect(digests.every((digest) => known.has(id, digest))).toBe(true);
  expect(known.count(id)).toBe(10_000);
});

test.each([
  ["for another one with the same box is nobody's fault", new Error("Duplicate connection"), "left"],
  ["for want of an answer neither", Object.assign(new Error("no answer"), { code: "ETIMEDOUT" }), "left"],
  ["for what could not be read is the other end's", new Error("Could not decrypt"), "garbled"],
])("a connection that the layer below ends %s", async (_, error, why) => {
  const streams = MemoryStream.pair(randomBytes(32), randomBytes(32));
  const end = await new Promise((resolve) => {
    sessionBetween(["1", "1"], { ended: (_session, reason) => resolve(reason) }, { streams });
    streams[0].destroy(error);
  });
  expect(end).toBe(why);
});

test("of a box that breaks a rule, its version is told where it is another one", async () => {
  expect(await endWith(["0.1.0", "0.2.0"])).toBe("rule: nonsense; it runs version 0.2.0, this box 0.1.0");
  expect(await endWith(["0.1.0", "0.1.0"])).toBe("rule: nonsense");
});
