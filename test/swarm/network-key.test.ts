import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { NetworkKey, loadNetworkKey, saveNetworkKey } from "../../src/swarm/network-key.ts";

const HASH = Buffer.alloc(64, 7);

function refusal(text: string): string {
  try {
    NetworkKey.parse(text);
  } catch (error) {
    return (error as Error).message;
  }
  return "accepted";
}

describe("network key", () => {
  it("reads what it wrote, with blanks around it and in capitals", () => {
    const text = NetworkKey.generate().reveal();
    expect(NetworkKey.parse(`  ${text.toUpperCase()}\n`).reveal()).toBe(text);
  });

  it("says what is wrong with a malformed key, without repeating it", () => {
    const text = NetworkKey.generate().reveal();
    expect(refusal("hello")).toContain("must begin with dsw1");
    expect(refusal(text.slice(0, -1))).toContain("75 characters instead of 76");
    expect(refusal(`${text.slice(0, -1)}x`)).toContain("only 0-9 and a-f");
    expect(refusal("dsw1secret")).not.toContain("secret");
  });

  it("tells every typo of one character", () => {
    const text = NetworkKey.generate().reveal();
    const place = fc.integer({ min: 4, max: text.length - 1 });
    const digit = fc.integer({ min: 0, max: 15 });
    fc.assert(
      fc.property(place, digit, (at, value) => {
        const character = value.toString(16);
        fc.pre(text[at] !== character);
        expect(refusal(text.slice(0, at) + character + text.slice(at + 1))).toContain("its check fails");
      }),
    );
  });

  it("never makes anything of other text", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^dsw1[0-9a-f]{60,80}$/)), (text) => {
        expect(refusal(text)).toContain("not a network key");
      }),
    );
  });

  it("proves itself for one role on one connection only", () => {
    const key = NetworkKey.generate();
    const proof = key.proof(HASH, "initiator");
    expect(key.isProof(proof, HASH, "initiator")).toBe(true);
    expect(key.isProof(proof, HASH, "responder")).toBe(false);
    expect(key.isProof(proof, Buffer.alloc(64, 8), "initiator")).toBe(false);
    expect(NetworkKey.generate().isProof(proof, HASH, "initiator")).toBe(false);
    expect(key.isProof(Buffer.alloc(0), HASH, "initiator")).toBe(false);
  });

  it("tags announcements for one public key only", () => {
    const key = NetworkKey.generate();
    const tag = key.tagFor(Buffer.alloc(32, 1));
    expect(tag).toMatch(/^[0-9a-f]{16}$/);
    expect(key.tagFor(Buffer.alloc(32, 2))).not.toBe(tag);
    expect(NetworkKey.generate().tagFor(Buffer.alloc(32, 1))).not.toBe(tag);
  });
});

describe("network.key", () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "distswarm-network-"));
  });
  afterEach(() => rm(dir, { recursive: true }));

  it("is made at the first start as a network of one, for its user alone", async () => {
    const key = await loadNetworkKey(dir);
    expect((await loadNetworkKey(dir)).reveal()).toBe(key.reveal());
    expect((await stat(join(dir, "network.key"))).mode & 0o777).toBe(0o600);
  });

  it("can be replaced", async () => {
    await loadNetworkKey(dir);
    const other = NetworkKey.generate();
    await saveNetworkKey(dir, other);
    expect((await loadNetworkKey(dir)).reveal()).toBe(other.reveal());
    expect((await stat(join(dir, "network.key"))).mode & 0o777).toBe(0o600);
  });

  it("is named when it holds no key", async () => {
    await writeFile(join(dir, "network.key"), "nonsense\n");
    await expect(loadNetworkKey(dir)).rejects.toMatchObject({
      code: "INVALID_NETWORK_KEY",
      message: expect.stringMatching(/network\.key: not a network key: it must begin with dsw1/),
    });
  });
});
