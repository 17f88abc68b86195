import { describe, expect, it } from "vitest";
import { SourceError } from "../../src/core/errors.ts";
import { firstAnswer, type Question } from "../../src/peer/first-answer.ts";

describe("the first answer", () => {
  const never = new AbortController().signal;

  /** Candidates are the milliseconds after which they answer; negative ones fail then. */
  function question(list: number[], more: Partial<Question<number, string>> = {}) {
    const told = { lost: [] as number[], silent: [] as number[], aborted: [] as number[] };
    const asked: number[] = [];
    const ask = (ms: number, signal: AbortSignal): Promise<string> =>
      new Promise((resolve, reject) => {
        asked.push(ms);
        const fail = (): void => reject(new SourceError("REFUSED", `${ms}`));
        const timer = setTimeout(() => (ms < 0 ? fail() : resolve(`after ${ms}`)), Math.abs(ms));
        signal.addEventListener("abort", () => {
          clearTimeout(timer);
          told.aborted.push(ms);
        });
      });
    const rest = [...list];
    return {
      asked,
      told,
      question: {
        next: () => rest.shift(),
        ask,
        lost: (ms: number) => void told.lost.push(ms),
        silent: (ms: number) => void told.silent.push(ms),
        hedgeMs: 50,
        patienceMs: 400,
        graceMs: 0,
        ...more,
      },
    };
  }

  it("is that of the one asked, and nobody else is asked, when it is quick", async () => {
    const { question: one, asked } = question([5, 5]);
    expect(await firstAnswer(one, never)).toMatchObject({ answer: "after 5" });
    expect(asked).toEqual([5]);
  });

  it("comes from another one beside a slow one, which is let go of", async () => {
    const { question: two, told } = question([5000, 5]);
    const { candidate } = await firstAnswer(two, never);
    expect(candidate).toBe(5);
    expect(told).toEqual({ lost: [5000], silent: [], aborted: [5000] });
  });

  it("comes from the next one at once when one fails", async () => {
    const { question: three } = question([-1, -1, 5], { hedgeMs: 100_000 });
    expect((await firstAnswer(three, never)).candidate).toBe(5);
  });

  it("is the last fault when all fail", async () => {
    await expect(firstAnswer(question([-1, -2]).question, never)).rejects.toMatchObject({ message: "-2" });
    await expect(firstAnswer(question([]).question, never)).rejects.toMatchObject({ code: "ABSENT" });
  });

  it("is waited for no longer than the patience, and at most three are asked at once", async () => {
    const { question: deaf, asked, told } = question([5001, 5002, 5003, 5004]);
    await expect(firstAnswer(deaf, never)).rejects.toMatchObject({ code: "HEADER_TIMEOUT" });
    expect(asked).toEqual([5001, 5002, 5003]);
    expect(told.silent).toEqual([5001, 5002, 5003]);
    expect(told.aborted).toEqual([5001, 5002, 5003]);
  });

  it("is waited for from silent ones where there is time, and they are not lost to one that answers", async () => {
    const { question: slow, told } = question([600, 5001], { patienceMs: 200, graceMs: 5000 });
    expect((await firstAnswer(slow, never)).candidate).toBe(600);
    expect(told).toEqual({ lost: [], silent: [600, 5001], aborted: [5001] });
  });

  it("is not waited for from a silent one where another one has it and only has too many readers", async () => {
    const { question: chain, told } = question([60_000, 503], {
      patienceMs: 30_000,
      ask: (ms) =>
        ms === 503 ? Promise.reject(new SourceError("BUSY", "full", { status: 503 })) : new Promise(() => {}),
    });
    await expect(firstAnswer(chain, never)).rejects.toMatchObject({ code: "BUSY", status: 503 });
    expect(told).toMatchObject({ lost: [60_000], silent: [] });
  });

  it("is told to be late in time, though a timer may fire a moment early", async () => {
    const runs = Array.from({ length: 300 }, () => {
      const leaving = new AbortController();
      const silent = (): void => leaving.abort(new Error("told"));
      const { question: deaf } = question([60_000], { patienceMs: 20, graceMs: 60_000, silent });
      return firstAnswer(deaf, leaving.signal).catch((error: Error) => error.message);
    });
    expect(new Set(await Promise.all(runs))).toEqual(new Set(["told"]));
  });

  it("is not waited for when the asker leaves", async () => {
    const { question: slow, told } = question([5000]);
    const leaving = new AbortController();
    const answer = firstAnswer(slow, leaving.signal);
    leaving.abort(new Error("left"));
    await expect(answer).rejects.toThrow("left");
    expect(told.aborted).toEqual([5000]);
  });
});
