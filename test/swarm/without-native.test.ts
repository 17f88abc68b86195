import { describe, expect, it, vi } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
import { makeBox } from "./boxes.ts";

vi.mock("hyperdht", () => {
  throw new Error("No native build was found");
});

describe("on a platform without the native parts", () => {
  it("the swarm says so, and the agent goes on as a cache for its own box", async () => {
    const box = await makeBox();
    await box.swarm.start();
    const { problem, peers } = box.swarm.status();
    expect(problem).toContain(`do not load on this platform (${process.platform} ${process.arch})`);
    expect(problem).toContain("a cache for itself only");
    expect(peers).toEqual([]);
    box.swarm.added(digestOf(Buffer.from("file")));
    expect(box.swarm.holders(digestOf(Buffer.from("file")))).toEqual([]);
    await box.remove();
  });
});
