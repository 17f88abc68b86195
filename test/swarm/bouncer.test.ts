import { randomBytes } from "node:crypto";
import { beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { silentLogger } from "../../src/core/logger.ts";
import { Bouncer } from "../../src/swarm/bouncer.ts";
import { LocalHaves } from "../../src/swarm/local-haves.ts";
import { NetworkKey } from "../../src/swarm/network-key.ts";
import { HavesOfPeers } from "../../src/swarm/haves-of-peers.ts";
import { Session, type SessionHandlers } from "../../src/swarm/session.ts";
import { MemoryStream } from "./memory-stream.ts";

const SELF = randomBytes(32);
const OTHER = randomBytes(32);
const ID = OTHER.toString("hex");

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }).setSystemTime(0));

/** A session with the other box, in which nothing happens. */
function sessionOf(): Session {
  const [, near] = MemoryStream.pair(OTHER, SELF);
  onTestFinished(() => void near.destroy());
  const handlers = { ended: () => {} } as unknown as SessionHandlers;
  const peerHaves = new HavesOfPeers().of(ID);
  const components = { stream: near, key: NetworkKey.generate(), local: new LocalHaves(), peerHaves };
  return new Session(components, { host: "h1", version: "1", port: 1 }, handlers);
}

function makeBouncer(): Bouncer {
  return new Bouncer({ log: silentLogger, accepts: () => true, isDenied: () => false });
}

test("a box with the wrong key that says nothing at its next try is left alone for the rest of its minute", () => {
  const bouncer = makeBouncer();
  const session = sessionOf();
  bouncer.judge(session, "wrong-proof", "does not hold our network key");
  bouncer.judge(session, "silent", "sent no proof in time");
  vi.advanceTimersByTime(59_999);
  expect(bouncer.isShunned(ID)).toBe(true);
  vi.advanceTimersByTime(1);
  expect(bouncer.isShunned(ID)).toBe(false);
});

test("a box of which something could not be read is dialled again after seconds, and may come by itself", () => {
  const bouncer = makeBouncer();
  bouncer.judge(sessionOf(), "garbled", "Could not decrypt");
  expect(bouncer.isShunned(ID)).toBe(true);
  expect(bouncer.turnsAway(MemoryStream.pair(OTHER, SELF)[1], { isFull: false })).toBe(false);
  vi.advanceTimersByTime(3000);
  expect(bouncer.isShunned(ID)).toBe(false);
});
