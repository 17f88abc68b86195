import { pack } from "msgpackr";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Digest } from "../../src/core/digest.ts";
import { isPlainFrame } from "../../src/swarm/frame.ts";
import { RuleBroken, decodeMessage, encodeMessage, type Message } from "../../src/swarm/messages.ts";

const fixed = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((value) => Buffer.from(value));
const prefixes = fc.array(fixed(16), { maxLength: 20 }).map((list) => Buffer.concat(list));
const sequence = fc.nat();
const port = fc.integer({ min: 1, max: 65_535 });
const label = fc.stringMatching(/^[ -~]{0,60}$/);
const failures = fc.option(sequence, { nil: undefined });
const known = fc.option(fc.record({ instance: fixed(8), sequence }), { nil: undefined });

const file = fc.record({ digest: fixed(64), size: fc.integer({ min: 1 }) });
const subject = fixed(64).map((bytes) => bytes.toString("hex") as Digest);

const message: fc.Arbitrary<Message> = fc.oneof(
  fc
    .record({ type: fc.constant("hello" as const), host: label, version: label, port, instance: fixed(8), known })
    .map(({ known, ...rest }) => (known === undefined ? rest : { ...rest, known })),
  fc.record({
    type: fc.constant("haves" as const),
    sequence,
    prefixes,
    first: fc.boolean(),
    last: fc.boolean(),
  }),
  fc.record({ type: fc.constant("change" as const), since: sequence, sequence, added: prefixes, removed: prefixes }),
  fc.record({
    type: fc.constant("addresses" as const),
    peers: fc.array(fc.record({ id: fixed(32), host: fc.ipV4(), port }), { maxLength: 256 }),
  }),
  fc.record({
    type: fc.constant("snapshots" as const),
    units: fc.array(fc.record({ name: label, tarball: file, signature: file, md5sum: file }), { maxLength: 100 }),
  }),
  fc
    .record({
      type: fc.constant("upstream-claim" as const),
      subject,
      number: sequence,
      base: sequence,
      received: sequence,
      failures,
    })
    .map(({ failures, ...rest }) => (failures === undefined ? rest : { ...rest, failures })),
  fc.record({ type: fc.constant("upstream-ack" as const), subject, number: sequence, received: sequence }),
  fc.record({ type: fc.constant("upstream-end" as const), subject, failed: fc.boolean() }),
  fc.record({ type: fc.constant("port-seen" as const), open: fc.boolean() }),
);

const FILE = { digest: Buffer.alloc(64), size: 1 };
const UNIT = { name: "gentoo-20261120", tarball: FILE, signature: FILE, md5sum: FILE };

/** Decodes; whatever comes, only a message, undefined, or a broken rule may come of it. */
function outcome(frame: Buffer): "message" | "unknown" | "broken" {
  try {
    return decodeMessage(frame) === undefined ? "unknown" : "message";
  } catch (error) {
    if (error instanceof RuleBroken) return "broken";
    throw error;
  }
}

describe("the messages of the swarm", () => {
  it("read back what they wrote", () => {
    fc.assert(
      fc.property(message, (value) => {
        expect(decodeMessage(encodeMessage(value))).toEqual(value);
      }),
    );
  });

  it("never fail otherwise than by a broken rule, on random bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (value) => void outcome(Buffer.from(value))),
      { numRuns: 5000 },
    );
  });

  it("never fail otherwise than by a broken rule, on messages with a byte changed, dropped or added", () => {
    const damage = fc.record({ at: fc.nat(), value: fc.nat({ max: 255 }), cut: fc.nat({ max: 2 }) });
    fc.assert(
      fc.property(message, damage, (value, { at, value: byte, cut }) => {
        const frame = encodeMessage(value);
        const place = at % frame.length;
        outcome(Buffer.concat([frame.subarray(0, place), Buffer.of(byte), frame.subarray(place + cut)]));
      }),
      { numRuns: 3000 },
    );
  });

  it("never fail otherwise than by a broken rule, on any plain value", () => {
    fc.assert(
      fc.property(
        fc.anything({ maxDepth: 3 }),
        fc.constantFrom("hello", "haves", "addresses", "snapshots", "upstream-claim", "x"),
        (value, type) => {
          outcome(pack({ ...(value as object), type }));
          outcome(pack(value));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("pass over a type that a newer peer may send, and fields that it may add", () => {
    expect(outcome(pack({ type: "weather", rain: true }))).toBe("unknown");
    expect(decodeMessage(pack({ type: "port-seen", open: true, since: 5 }))).toEqual({ type: "port-seen", open: true });
  });

  it.each([
    ["a name that could rewrite a terminal", { type: "hello", host: "\u001b[2J", version: "1", port: 1 }],
    ["half a prefix", { type: "change", since: 0, sequence: 1, added: Buffer.alloc(8), removed: Buffer.alloc(0) }],
    ["a negative number", { type: "change", since: 0, sequence: -1, added: Buffer.alloc(0), removed: Buffer.alloc(0) }],
    ["a short id", { type: "addresses", peers: [{ id: Buffer.alloc(31), host: "10.0.0.1", port: 1 }] }],
    ["a host name as an address", { type: "addresses", peers: [{ id: Buffer.alloc(32), host: "example", port: 1 }] }],
    ["a tree snapshot without a signature", { type: "snapshots", units: [{ name: "x", tarball: FILE, md5sum: FILE }] }],
    ["more tree snapshots than a box keeps", { type: "snapshots", units: Array.from({ length: 101 }, () => UNIT) }],
    ["a file without bytes", { type: "snapshots", units: [{ ...UNIT, md5sum: { ...FILE, size: 0 } }] }],
    ["a claim of nothing", { type: "upstream-claim", subject: "", number: 1, base: 0, received: 0 }],
    [
      "a claim of a name without end",
      { type: "upstream-claim", subject: "x".repeat(201), number: 1, base: 0, received: 0 },
    ],
    ["the end of what is no digest", { type: "upstream-end", subject: "x".repeat(128), failed: false }],
    ["a type that every object has", { type: "toString" }],
  ])("refuse %s", (_what, value) => {
    expect(outcome(pack(value))).toBe(value.type === "toString" ? "unknown" : "broken");
  });

  it("refuse a message over the limit before reading it", () => {
    const frame = pack({ type: "weather", bytes: Buffer.alloc(80 * 1024) });
    expect(() => decodeMessage(frame)).toThrow(/a message of \d+ bytes/);
  });
});

describe("a frame", () => {
  it("with a length beyond its bytes is refused", () => {
    expect(isPlainFrame(Buffer.from("dd01000000", "hex"))).toBe(false);
    expect(isPlainFrame(Buffer.from("df01000000", "hex"))).toBe(false);
    expect(isPlainFrame(Buffer.from("c6ffffffff00", "hex"))).toBe(false);
  });

  it("with an extension, a value after it, or too many levels is refused", () => {
    expect(isPlainFrame(pack(new Date()))).toBe(false);
    expect(isPlainFrame(Buffer.of(0xc0, 0xc0))).toBe(false);
    expect(isPlainFrame(pack([[[[[[1]]]]]]))).toBe(false);
  });

  it("of every plain kind is taken", () => {
    const plain = fc.letrec((tie) => ({
      leaf: fc.oneof(fc.integer(), fc.double(), fc.string(), fc.boolean(), fc.constant(null), fixed(40)),
      value: fc.oneof(tie("leaf"), fc.array(tie("leaf")), fc.dictionary(fc.string(), tie("leaf"))),
    })).value;
    fc.assert(
      fc.property(plain, (value) => {
        expect(isPlainFrame(pack(value))).toBe(true);
      }),
    );
  });
});
