import { describe, expect, it } from "vitest";
import { turnOf, type TurnFacts } from "../../../src/core/claim/turn.ts";

const NOBODY: TurnFacts = {
  isOurs: false,
  isTheirs: false,
  isAwaited: false,
  inVain: 0,
  idleMs: 0,
  misled: 0,
};

describe("the turn to ask upstream", () => {
  it("is open when nobody has claimed the blob", () => {
    expect(turnOf(NOBODY)).toBe("open");
  });

  it("is this box's when it holds the claim, however little comes", () => {
    expect(turnOf({ ...NOBODY, isOurs: true, idleMs: 60_001 })).toBe("ours");
  });

  it("is another's while its claim counts", () => {
    expect(turnOf({ ...NOBODY, isTheirs: true })).toBe("theirs");
  });

  it("is not left to another box while agents wait here that may be that box", () => {
    const facts = { ...NOBODY, isAwaited: true };
    expect(turnOf({ ...facts, isTheirs: true })).toBe("alone");
    expect(turnOf({ ...facts, isOurs: true })).toBe("ours");
    expect(turnOf(facts)).toBe("open");
  });

  it("is open to all when the one that was followed failed with all its sources, however many did before it", () => {
    expect([1, 2, 6].map((inVain) => turnOf({ ...NOBODY, inVain }))).toEqual(["open", "open", "open"]);
  });

  it("is nobody's after ten seconds without a byte where two have been followed in vain, whoever claims next", () => {
    const facts = { ...NOBODY, isTheirs: true, inVain: 2 };
    expect(turnOf({ ...facts, idleMs: 10_000 })).toBe("theirs");
    expect(turnOf({ ...facts, idleMs: 10_001 })).toBe("alone");
    expect(turnOf({ ...facts, idleMs: 10_001, inVain: 1 })).toBe("theirs");
    expect(turnOf({ ...facts, idleMs: 10_001, isOurs: true })).toBe("ours");
  });

  it("is nobody's after a minute without a byte, whatever the other one says: a claim may be told again for ever", () => {
    expect(turnOf({ ...NOBODY, isTheirs: true, idleMs: 60_000 })).toBe("theirs");
    expect(turnOf({ ...NOBODY, isTheirs: true, idleMs: 60_001 })).toBe("alone");
  });

  it("is nobody's when bytes that others passed on were wrong twice", () => {
    expect(turnOf({ ...NOBODY, misled: 1 })).toBe("open");
    expect(turnOf({ ...NOBODY, misled: 2, isTheirs: true })).toBe("alone");
    expect(turnOf({ ...NOBODY, misled: 2, isOurs: true })).toBe("alone");
  });
});
