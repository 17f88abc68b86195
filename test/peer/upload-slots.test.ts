import { describe, expect, it } from "vitest";
import { digestOf } from "../../src/core/digest.ts";
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

  it("bound what all read at once, but for those that have taken nothing for 2 s", () => {
    const slots = new UploadSlots();
    const small = { size: 1 };
    const { upload } = ask(slots, "h0", small) as { upload: Upload };
    for (let number = 1; number < 128; number += 1) expect(ask(slots, `h${number}`, small)).toHaveProperty("upload");
    expect(ask(slots, "another", small)).toHaveProperty("receiving");
    upload.blockedSince = performance.now() - 2000;
    expect(ask(slots, "another", small)).toHaveProperty("upload");
  });
});
