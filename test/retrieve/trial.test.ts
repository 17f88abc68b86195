import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { onTrial, verdict, type TrialFacts } from "../../src/retrieve/trial.ts";

const KIB = 1024;

describe("the verdict on a newcomer", () => {
  const open: TrialFacts = { brought: 0, missing: 10_000 * KIB, otherBrought: 0, otherRate: 0, isOtherOver: false };

  it("waits for 64 KiB, so much may come out of buffers", () => {
    expect(verdict({ ...open, brought: 64 * KIB - 1 })).toBe("open");
    expect(verdict({ ...open, brought: 64 * KIB })).toBe("won");
  });

  it("is that it won when it brought twice as much as the other one", () => {
    expect(verdict({ ...open, brought: 80 * KIB, otherBrought: 40 * KIB })).toBe("won");
    expect(verdict({ ...open, brought: 80 * KIB, otherBrought: 41 * KIB })).toBe("open");
  });

  it("is that it lost when it brought 256 KiB and not twice as much: no race costs more", () => {
    expect(verdict({ ...open, brought: 256 * KIB, otherBrought: 129 * KIB })).toBe("lost");
  });

  it("takes as much more as the other one is fast, to a bound: what it brings before the newcomer answers counts", () => {
    const fast = { ...open, otherRate: 20_000 * KIB };
    expect(verdict({ ...fast, brought: 499 * KIB })).toBe("open");
    expect(verdict({ ...fast, brought: 500 * KIB })).toBe("won");
    expect(verdict({ ...fast, brought: 1999 * KIB, otherBrought: 1500 * KIB })).toBe("open");
    expect(verdict({ ...fast, brought: 2000 * KIB, otherBrought: 1500 * KIB })).toBe("lost");
    expect(verdict({ ...open, otherRate: 1e9, brought: 4096 * KIB, otherBrought: 3000 * KIB })).toBe("lost");
  });

  it("is that it won when it has all, or when the other one is over", () => {
    expect(verdict({ ...open, brought: 300 * KIB, missing: 0, otherBrought: 200 * KIB })).toBe("won");
    expect(verdict({ ...open, brought: 1, isOtherOver: true })).toBe("won");
  });
});

/** A copy to which another source adds so much before each chunk of the newcomer. */
async function race({ offset, adds, chunks }: { offset: number; adds: readonly number[]; chunks: readonly Buffer[] }) {
  const size = offset + Buffer.concat(chunks).length;
  const copy = { received: offset };
  let isOver = false;
  async function* newcomer(): AsyncGenerator<Buffer> {
    for (const [at, chunk] of chunks.entries()) {
      if (!isOver) copy.received = Math.min(size, copy.received + (adds[at] ?? 0));
      const lent = Buffer.from(chunk);
      yield lent;
      lent.fill(0);
    }
  }
  const opponent = {
    rate: 0,
    asked: () => {},
    isOver: () => isOver,
    outpaced: async () => void (isOver = true),
    prevailed: () => new Error("no faster"),
  };
  const brought: Buffer[] = [];
  const outcome = await (async () => {
    for await (const bytes of onTrial(newcomer(), { offset, size, copy, opponent })) brought.push(Buffer.from(bytes));
    return "won";
  })().catch((error: Error) => error.message);
  return { outcome, bytes: Buffer.concat(brought), received: copy.received - offset };
}

describe("what a newcomer brings", () => {
  it("goes on at the byte that the copy has reached when it has proved faster, whatever the pieces", async () => {
    const chunk = fc.uint8Array({ minLength: 1, maxLength: 3000 });
    const chunks = fc.array(chunk, { minLength: 40, maxLength: 80 });
    const adds = fc.array(fc.nat({ max: 1500 }), { maxLength: 80 });
    await fc.assert(
      fc.asyncProperty(fc.nat(), adds, chunks, async (offset, others, pieces) => {
        const all = Buffer.concat(pieces);
        const { outcome, bytes, received } = await race({ offset, adds: others, chunks: pieces.map(Buffer.from) });
        expect(outcome).toBe("won");
        expect(bytes.equals(all.subarray(received))).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it("is nothing when the other one was as fast", async () => {
    const chunks = Array.from({ length: 10 }, () => Buffer.alloc(64 * KIB, 1));
    const { outcome, bytes } = await race({ offset: 5, adds: chunks.map(({ length }) => length), chunks });
    expect({ outcome, bytes: bytes.length }).toEqual({ outcome: "no faster", bytes: 0 });
  });

  it("is nothing when the copy was begun anew meanwhile", async () => {
    const chunks = [Buffer.alloc(100 * KIB, 1)];
    const { outcome } = await race({ offset: 50, adds: [-50], chunks });
    expect(outcome).toBe("what it was to go on with was dropped");
  });
});
