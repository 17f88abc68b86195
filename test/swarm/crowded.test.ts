import { randomBytes } from "node:crypto";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, onTestFinished, test } from "vitest";
import { digestOf, type Digest } from "../../src/core/digest.ts";
import { PREFIX_BYTES } from "../../src/swarm/digest-set.ts";
import { MAX_PREFIXES, encodeMessage } from "../../src/swarm/messages.ts";
import { NetworkKey } from "../../src/swarm/network-key.ts";
import { eventually, makeBox } from "./boxes.ts";
import { Crowd } from "./crowd.ts";
import { openChannel, rightProof } from "./outsider.ts";

const PEERS = 64;
const HAVES = 1_000_000;
const HAVES_OF_PEER = HAVES / PEERS;
const MISSES = 10_000;
const MAX_BYTES = 128 * 2 ** 20;

const NETWORK = NetworkKey.generate();

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Bytes in use after a collection, in and outside of V8's heap. */
function usedBytes(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** The hello of a peer, and all that it holds. */
function* introduction(): Generator<Buffer> {
  yield encodeMessage({ type: "hello", host: "peer", version: "1", port: 1, instance: randomBytes(8) });
  for (let at = 0; at < HAVES_OF_PEER; at += MAX_PREFIXES) {
    const count = Math.min(MAX_PREFIXES, HAVES_OF_PEER - at);
    const place = { first: at === 0, last: at + count === HAVES_OF_PEER };
    yield encodeMessage({ type: "haves", sequence: 1, prefixes: randomBytes(count * PREFIX_BYTES), ...place });
  }
}

function unknown(number: number): Digest {
  return digestOf(Buffer.from(`nobody has ${number}`));
}

test("a miss beside 64 peers that hold a million files tells nobody anything; all of them take at most 128 MiB", async () => {
  const box = await makeBox({ networkKey: NETWORK });
  onTestFinished(() => box.remove());
  await box.swarm.start();
  const before = usedBytes();
  const crowd = await Crowd.start(box, (contact) => {
    const { send } = openChannel(contact, rightProof(contact, NETWORK), () => [...introduction()].forEach(send));
  });
  onTestFinished(() => crowd.stop());
  for (let number = 1; number <= PEERS; number += 1) {
    crowd.connect(); // one after the other: of one address few may be there that have proved nothing
    await eventually(() => box.swarm.status().peers.length === number);
  }

  await eventually(() => box.swarm.status().haves === HAVES, 60_000);
  expect(box.swarm.status().peers).toHaveLength(PEERS);
  expect(usedBytes() - before).toBeLessThan(MAX_BYTES);

  await quiet();
  const told = crowd.told;
  for (let number = 0; number < MISSES; number += 1) expect(box.swarm.holders(unknown(number))).toEqual([]);
  // What is told after the misses arrives after all that they would have told: one change each, and nothing else.
  box.swarm.added(unknown(0));
  await eventually(() => crowd.told >= told + PEERS);
  await quiet();
  expect(crowd.told).toBe(told + PEERS);

  /** Nothing is told for a while: introductions and looks at TCP ports are over. */
  async function quiet(): Promise<void> {
    let count = -1;
    await expect.poll(() => count === (count = crowd.told), { timeout: 20_000, interval: 500 }).toBe(true);
  }
});
