import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { digestOf, type Digest } from "../../src/core/digest.ts";
import { SourceError } from "../../src/core/errors.ts";
import { contentRange, readContentRange, readRange } from "../../src/peer/byte-range.ts";
import { checkAnswer } from "../../src/peer/answer.ts";
import { readBody } from "../../src/peer/body.ts";
import { firstAnswer, type Question } from "../../src/peer/first-answer.ts";
import { digestOfPath, idList, readBytes, readIds } from "../../src/peer/protocol.ts";
import { Standing } from "../../src/peer/standing.ts";
import { Traffic } from "../../src/peer/traffic.ts";
import { UploadSlots, type Upload, type UploadRequest } from "../../src/peer/upload-slots.ts";

const BLOB = digestOf(Buffer.from("blob"));
const OTHER = digestOf(Buffer.from("other"));
const MIB = 2 ** 20;

describe("upload slots", () => {
  const ask = (slots: UploadSlots, peer: string, more: Partial<UploadRequest> = {}) =>
    slots.admit({ peer, digest: BLOB, size: 100 * MIB, tried: [], ...more });

  it("give a large blob to one reader at a time, and name it to the others", () => {
    const slots = new UploadSlots();
    const first = ask(slots, "h2");
    expect(ask(slots, "h3")).toEqual({ receiving: ["h2"] });
    slots.release((first as { upload: never }).upload);
    expect(ask(slots, "h3")).toHaveProperty("upload");
  });

  it("give a small blob, and different blobs, to all who ask", () => {
    const slots = new UploadSlots();
    ask(slots, "h2");
    expect(ask(slots, "h3", { digest: OTHER })).toHaveProperty("upload");
    expect(ask(slots, "h3", { size: MIB })).toHaveProperty("upload");
  });

  it("let in who has tried all present readers in vain", () => {
    const slots = new UploadSlots();
    ask(slots, "h2");
    expect(ask(slots, "h3", { tried: ["h4"] })).toEqual({ receiving: ["h2"] });
    expect(ask(slots, "h3", { tried: ["h4", "h2"] })).toHaveProperty("upload");
  });

  it("mind no reader that has taken nothing for 2 s", () => {
    const slots = new UploadSlots();
    const { upload } = ask(slots, "h2") as { upload: Upload };
    upload.blockedSince = performance.now() - 1500;
    expect(ask(slots, "h3")).toEqual({ receiving: ["h2"] });
    upload.blockedSince -= 500;
    expect(ask(slots, "h3")).toHaveProperty("upload");
    expect(ask(slots, "h4")).toEqual({ receiving: ["h3"] });
  });

  it("let a reader that comes again past its own last upload", () => {
    const slots = new UploadSlots();
    ask(slots, "h2");
    expect(ask(slots, "h2")).toHaveProperty("upload");
  });

  it("bound what one peer reads at once", () => {
    const slots = new UploadSlots();
    const small = { size: 1 };
    for (let number = 0; number < 16; number += 1) expect(ask(slots, "h2", small)).toHaveProperty("upload");
    expect(ask(slots, "h2", small)).toEqual({ receiving: [] });
    expect(ask(slots, "h3", small)).toHaveProperty("upload");
    expect(slots.size).toBe(17);
  });
});

describe("what is remembered of peers", () => {
  it("is bounded, whatever number of them a member invents; the sums are kept", () => {
    const traffic = new Traffic();
    for (let number = 0; number < 3000; number += 1) {
      traffic.answered(`h${number}`);
      traffic.sent(`h${number}`, 10);
    }
    expect(traffic.uploaded()).toEqual({ requests: 3000, bytes: 30_000 });
    expect(traffic.of("h0").sent).toBe(0);
    expect(traffic.of("h2999").sent).toBe(10);
  });
});

describe("a body of a growing copy of which nothing has come yet", () => {
  beforeEach(() => vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] }));
  afterEach(() => vi.useRealTimers());

  it("is waited for as long as one that grows, not as one that lies there", async () => {
    const abort = vi.fn<(reason: Error) => void>();
    const silent: AsyncIterable<Buffer> = { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) };
    const body = { chunks: silent, offset: 0, size: 100, present: 0, isBounded: false, name: "h2" };
    void readBody(body, { abort }).next();
    vi.advanceTimersByTime(4500);
    expect(abort).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1000);
    expect(abort).toHaveBeenCalledOnce();
  });
});

describe("standing", () => {
  it("leaves a failing peer alone for longer each time, until it gave something", () => {
    let now = 0;
    const standing = new Standing({ now: () => now });
    const leftFor = (): number => {
      const start = now;
      standing.failed("h2");
      while (standing.isLeft("h2", OTHER)) now += 1000;
      return now - start;
    };
    expect([leftFor(), leftFor(), leftFor()]).toEqual([10_000, 20_000, 40_000]);
    for (let number = 0; number < 10; number += 1) leftFor();
    expect(leftFor()).toBe(300_000);
    standing.succeeded("h2");
    expect(leftFor()).toBe(10_000);
  });

  it("shuts out a liar for an hour, and avoids one for one blob for half a minute", () => {
    let now = 0;
    const standing = new Standing({ now: () => now });
    standing.lied("liar");
    standing.avoid("h2", BLOB);
    now = 29_000;
    expect([standing.isLeft("h2", BLOB), standing.isLeft("h2", OTHER)]).toEqual([true, false]);
    now = 3_599_000;
    expect([standing.isLeft("h2", BLOB), standing.isShutOut("liar")]).toEqual([false, true]);
    now = 3_600_001;
    expect(standing.isShutOut("liar")).toBe(false);
  });

  it("takes nothing that one is still receiving that misled it over three blobs within ten minutes", () => {
    let now = 0;
    const standing = new Standing({ now: () => now });
    const mislead = (name: string): boolean => {
      standing.misled("h2", digestOf(Buffer.from(name)));
      return standing.isMisleading("h2");
    };
    expect(["a", "a", "b", "c", "c", "d"].map(mislead)).toEqual([false, false, false, true, true, true]);
    expect(standing.isShutOut("h2")).toBe(false);
    now = 600_001;
    expect([standing.isMisleading("h2"), mislead("e")]).toEqual([false, false]);
  });

  it("takes nothing of a blob from one that others are raced against, until that is over", () => {
    const standing = new Standing();
    const over = [standing.doubt("h2", BLOB), standing.doubt("h2", BLOB)];
    expect([standing.isOut("h2", BLOB), standing.isOut("h2", OTHER), standing.isOut("h3", BLOB)]).toEqual([
      true,
      false,
      false,
    ]);
    over[0]!();
    expect(standing.isOut("h2", BLOB)).toBe(true);
    over[1]!();
    expect(standing.isOut("h2", BLOB)).toBe(false);
    standing.lied("h2");
    expect(standing.isOut("h2", OTHER)).toBe(true);
  });

  it("has one that was left for a faster one asked after others for a minute, which a lost answer does not shorten", () => {
    let now = 0;
    const standing = new Standing({ now: () => now });
    standing.outpaced("h2");
    standing.lost("h2");
    now = 59_999;
    expect([standing.isSlow("h2"), standing.isLeft("h2", BLOB)]).toEqual([true, false]);
    now = 60_000;
    expect(standing.isSlow("h2")).toBe(false);
  });

  it("remembers a thousand peers at most, the last ones tried, and liars before all others", () => {
    const standing = new Standing();
    standing.lied("liar");
    standing.failed("tried again");
    for (let number = 0; number < 1022; number += 1) standing.failed(`peer ${number}`);
    standing.failed("tried again");
    for (let number = 0; number < 500; number += 1) standing.failed(`invented ${number}`);
    expect(standing.isShutOut("liar")).toBe(true);
    expect(["tried again", "invented 499", "peer 0"].map((id) => standing.isLeft(id, OTHER))).toEqual([
      true,
      true,
      false,
    ]);
    for (let number = 0; number < 2000; number += 1) standing.lied(`liar ${number}`);
    expect([standing.isShutOut("liar"), standing.isShutOut("liar 1999")]).toEqual([false, true]);
  });

  it("avoids four thousand blobs of peers at most, the last ones", () => {
    const standing = new Standing();
    const digest = (number: number): Digest => digestOf(Buffer.from(`${number}`));
    for (let number = 0; number <= 4096; number += 1) standing.avoid("h2", digest(number));
    expect([0, 1, 4096].map((number) => standing.isLeft("h2", digest(number)))).toEqual([false, true, true]);
  });
});

describe("traffic", () => {
  it("is told of a thousand peers one by one, those with traffic last; what all were given stays counted", () => {
    const traffic = new Traffic();
    for (const id of ["busy", "idle"]) traffic.sent(id, 10);
    for (let number = 0; number < 1022; number += 1) traffic.sent(`peer ${number}`, 1);
    traffic.sent("busy", 10);
    traffic.sent("invented", 1);
    expect([traffic.of("busy").sent, traffic.of("idle").sent]).toEqual([20, 0]);
    expect(traffic.uploaded().bytes).toBe(20 + 10 + 1022 + 1);
  });
});

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

describe("what peers say in headers", () => {
  it("is read as it was written", () => {
    const range = fc.tuple(fc.nat(), fc.integer({ min: 1, max: 1e9 }), fc.nat());
    fc.assert(
      fc.property(range, ([start, length, after]) => {
        const size = start + length + after;
        const written = contentRange({ start, end: start + length }, size);
        expect(readContentRange(written)).toEqual({ start, end: start + length, size });
        expect(readRange(`bytes=${start}-${start + length - 1}`, size)).toEqual({ start, end: start + length });
        expect(readRange(`bytes=${start}-`, size)).toEqual({ start, end: size });
      }),
    );
    const ids = ["ab".repeat(32), "cd".repeat(32)];
    expect(readIds({ x: idList(ids) }, "x")).toEqual(ids);
  });

  it("never makes anything fail, whatever it is", () => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^bytes[ =]?\d{0,20}-\d{0,20}\/?\d{0,20}$/));
    fc.assert(
      fc.property(text, fc.nat(), (value, size) => {
        const range = readRange(value, size);
        if (range !== undefined) expect(range.start < range.end && range.end <= size).toBe(true);
        readContentRange(value);
        readIds({ x: value }, "x");
        readBytes({ x: value }, "x");
        const digest = digestOfPath(value);
        expect(digest === undefined || /^[0-9a-f]{128}$/.test(digest)).toBe(true);
      }),
    );
  });

  it.each<[string, number, Record<string, string>, string]>([
    ["another length", 206, { "content-length": "5", "content-range": "bytes 10-99/100" }, "BAD_LENGTH"],
    ["no length", 206, { "content-range": "bytes 10-99/100" }, "BAD_LENGTH"],
    ["another start", 206, { "content-length": "90", "content-range": "bytes 0-99/100" }, "BAD_RANGE"],
    ["another size", 206, { "content-length": "90", "content-range": "bytes 10-99/200" }, "BAD_RANGE"],
    ["the whole instead of a part", 200, { "content-length": "100" }, "BAD_STATUS"],
    ["not found", 404, {}, "ABSENT"],
    ["too many readers", 503, {}, "BUSY"],
    ["a redirect", 302, { location: "https://example.org/" }, "BAD_STATUS"],
  ])("is refused when it tells of %s", (_what, status, headers, code) => {
    const reply = { status, headers, body: undefined as never };
    expect(() => checkAnswer(reply, { offset: 10, size: 100 })).toThrow(expect.objectContaining({ code }));
  });

  it("tells the size of what is asked for without one, and is refused when it contradicts itself", () => {
    fc.assert(
      fc.property(fc.nat(200), fc.nat(200), fc.nat(200), (length, end, total) => {
        const headers = { "content-length": `${length}`, "content-range": `bytes 10-${end - 1}/${total}` };
        const check = () =>
          checkAnswer({ status: 206, headers, body: undefined as never }, { offset: 10, size: Infinity });
        if (end > 10 && end === total && length === total - 10) expect(check().size).toBe(total);
        else expect(check).toThrow(SourceError);
      }),
    );
    const rest = { "content-length": "90", "content-range": "bytes 10-99/100" };
    const part = { status: 206, headers: rest, body: undefined as never };
    expect(checkAnswer(part, { offset: 10, size: Infinity }).size).toBe(100);
    const whole = { status: 200, headers: { "content-length": "7" }, body: undefined as never };
    expect(checkAnswer(whole, { offset: 0, size: Infinity }).size).toBe(7);
    expect(() => checkAnswer({ ...whole, headers: {} }, { offset: 0, size: Infinity })).toThrow(SourceError);
  });
});
