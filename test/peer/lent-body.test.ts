import { setImmediate } from "node:timers/promises";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LentBody } from "../../src/peer/lent-body.ts";
import { pseudoRandomBytes } from "../support/repository.ts";

const MIB = 2 ** 20;

/** A connection that remembers what it was told. */
class Line {
  isPaused = false;
  pauses = 0;
  error: Error | undefined;

  pause(): void {
    this.isPaused = true;
    this.pauses += 1;
  }
  resume(): void {
    this.isPaused = false;
  }
  abort(error: Error): void {
    this.error = error;
  }
}

describe("a lent body", () => {
  it("gives all bytes in order, however they come and however slowly they are read", async () => {
    const bytes = pseudoRandomBytes(3 * MIB, "lent");
    const pieces = fc.array(fc.integer({ min: 1, max: 90_000 }), { minLength: 1, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(pieces, fc.nat({ max: 3 }), async (lengths, pauseTurns) => {
        const line = new Line();
        const size = lengths.reduce((sum, length) => sum + length, 0);
        const body = new LentBody(line, { size });
        const [, read] = await Promise.all([send(body, line, lengths), readAll(body, pauseTurns)]);
        expect(read.equals(bytes.subarray(0, size))).toBe(true);
      }),
      { numRuns: 50 },
    );

    async function send(body: LentBody, line: Line, lengths: readonly number[]): Promise<void> {
      let at = 0;
      for (const length of lengths) {
        while (line.isPaused) await setImmediate();
        body.take(bytes.subarray(at, (at += length)));
        if (length % 2 === 0) await setImmediate();
      }
      body.end();
    }
  });

  it("holds the line back until it is read", async () => {
    const line = new Line();
    const body = new LentBody(line, { size: 10 * MIB });
    while (!line.isPaused) body.take(Buffer.alloc(16_384));
    const reader = body[Symbol.asyncIterator]();
    const first = await reader.next();
    expect((first.value as Buffer).length).toBe(256 * 1024);
    expect(line).toMatchObject({ isPaused: false, pauses: 1 });
    await reader.return(undefined);
  });

  it("gives what came before it broke, and then the error", async () => {
    const body = new LentBody(new Line(), { size: 100 });
    body.take(Buffer.from("half"));
    body.end(new Error("the line is dead"));
    const reader = body[Symbol.asyncIterator]();
    expect((await reader.next()).value).toEqual(Buffer.from("half"));
    await expect(reader.next()).rejects.toThrow("the line is dead");
  });

  it("breaks the line off when nobody wants it", () => {
    const line = new Line();
    new LentBody(line, { size: 100 }).destroy();
    expect(line.error).toBeInstanceOf(Error);
  });
});

async function readAll(body: LentBody, pauseTurns: number): Promise<Buffer> {
  const read: Buffer[] = [];
  for await (const bytes of body) {
    read.push(Buffer.from(bytes));
    for (let turn = 0; turn < pauseTurns; turn += 1) await setImmediate();
  }
  return Buffer.concat(read);
}
