import { randomBytes } from "node:crypto";
import { afterEach, expect, it } from "vitest";
import { heapBytes, resources } from "../support/left-behind.ts";
import { makeAsking, retrieve, startServing, wantOf, type AskingBox, type ServingBox } from "./rig.ts";

/** After the first ones, what is made once and kept has been made. */
const WARM = 50;
const ROUNDS = 200;
/** More than the sockets between two boxes hold: who goes in the middle leaves a server that has bytes to send. */
const LARGE = randomBytes(8 * 2 ** 20);
const SMALL = randomBytes(64 * 1024);
/** What a round may leave in memory: a connection that is kept leaves four times as much, seen with a planted fault. */
const BYTES_A_ROUND = 20_000;

let serving: ServingBox | undefined;
afterEach(() => serving?.stop());

/** Takes the first bytes of the large file, and ends it so while more is on its way. */
async function breakOff(box: AskingBox, end: (abort: AbortController) => unknown): Promise<void> {
  const abort = new AbortController();
  for await (const source of box.sources.sources(wantOf(LARGE))) {
    const { bytes } = await source.open({ offset: 0, signal: abort.signal });
    const reading = bytes[Symbol.asyncIterator]();
    await reading.next();
    await end(abort);
    const isWhole = await rest(reading).catch(() => false); // `rejects` keeps what it saw in memory on Node 24
    if (isWhole) throw new Error("it came whole");
    return;
  }
  throw new Error("nobody has it");
}

async function rest(reading: AsyncIterator<Buffer>): Promise<true> {
  while (!(await reading.next()).done);
  return true;
}

it("leaves nothing behind after 200 boxes that came, took a file and broke off another: no socket, handle, timer or memory", async () => {
  const { holder } = (serving = await startServing([SMALL, LARGE]));
  const ends = [
    (abort: AbortController) => abort.abort(new Error("not wanted any more")),
    (_: AbortController, box: AskingBox) => box.stop(),
  ];
  const round = async (number: number): Promise<void> => {
    const box = await makeAsking([holder]);
    expect((await retrieve(box, SMALL)).bytes.equals(SMALL)).toBe(true);
    await breakOff(box, (abort) => ends[number % ends.length]!(abort, box));
    await box.stop();
  };
  const idle = resources();
  for (let number = 0; number < WARM; number += 1) await round(number);
  await expect.poll(resources).toBeLessThanOrEqual(idle);
  const before = heapBytes();
  for (let number = 0; number < ROUNDS; number += 1) await round(number);
  await expect.poll(resources).toBeLessThanOrEqual(idle);
  const most = before + BYTES_A_ROUND * ROUNDS;
  await expect.poll(heapBytes, { timeout: 10_000, interval: 500 }).toBeLessThan(most);
}, 60_000);
