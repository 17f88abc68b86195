import { describe, expect, it } from "vitest";
import { NOTHING_ASKED, growingUse, nextStep } from "../../src/retrieve/source-plan.ts";

describe("the next source", () => {
  const asked = { ...NOTHING_ASKED, peers: true };

  it("is the peers, whosever turn it is", () => {
    for (const turn of ["ours", "theirs", "open", "alone"] as const)
      expect(nextStep(NOTHING_ASKED, turn)).toBe("peers");
  });

  it("is upstream when the peers gave nothing, and it is not another's turn", () => {
    for (const turn of ["ours", "open", "alone"] as const) expect(nextStep(asked, turn)).toBe("upstream");
  });

  it("is waited for while it is another's turn, also when upstream was asked in vain before", () => {
    expect(nextStep(asked, "theirs")).toBe("wait");
    expect(nextStep({ ...asked, upstream: true, lastResort: true }, "theirs")).toBe("wait");
  });

  it("is the peers once more, with patience, when upstream has failed; and then none", () => {
    expect(nextStep({ ...asked, upstream: true }, "ours")).toBe("last-resort");
    expect(nextStep({ ...asked, upstream: true, lastResort: true }, "ours")).toBe("give-up");
  });
});

describe("a growing copy of another box", () => {
  it("is followed, but not by who asks upstream itself: that one takes what is there; and not at all by who goes alone", () => {
    const turns = ["open", "theirs", "ours", "alone"] as const;
    expect(turns.map(growingUse)).toEqual(["follow", "follow", "present", "none"]);
  });
});
