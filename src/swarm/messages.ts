import { isIPv4 } from "node:net";
import { Packr, Unpackr } from "msgpackr";
import { z } from "zod";
import { isDigest, type Digest } from "../core/digest.ts";
import { messageOf } from "../core/errors.ts";
import { PREFIX_BYTES } from "./digest-set.ts";
import { isPlainFrame } from "./frame.ts";

/**
 * The messages of the channel `distswarm/1`. Each is a MessagePack map whose field `type` names it. Within this version a
 * message may gain fields, and new types may come: unknown ones are passed over. What changes meaning gets a new version
 * of the channel.
 */

/** The largest message, in bytes. */
const MAX_MESSAGE_BYTES = 80 * 1024;
/** Prefixes in one message. */
export const MAX_PREFIXES = 4096;
/** Addresses in one message: a swarm of 256. */
export const MAX_ADDRESSES = 256;
/** Tree snapshots in one message; a box keeps 2, or what `snapshot.keep` says. */
export const MAX_SNAPSHOTS = 100;

const ID_BYTES = 32;
const INSTANCE_BYTES = 8;
const DIGEST_BYTES = 64;

const bytes = z
  .instanceof(Uint8Array)
  .transform((value): Buffer => Buffer.from(value.buffer, value.byteOffset, value.length));
const exactly = (length: number) => bytes.refine((value) => value.length === length, `must be ${length} bytes`);
const prefixes = bytes.refine(
  (value) => value.length % PREFIX_BYTES === 0 && value.length <= MAX_PREFIXES * PREFIX_BYTES,
  `must be at most ${MAX_PREFIXES} prefixes of ${PREFIX_BYTES} bytes`,
);
const sequence = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const port = z.number().int().min(1).max(65_535);
/** What is shown to people: no control characters that could rewrite a terminal. */
const label = (length: number) =>
  z
    .string()
    .max(length)
    .regex(/^[\x20-\x7e]*$/, "must be printable ASCII");
/** Characters of a host name (RFC 1035, 2.3.4). */
const HOST_LENGTH = 253;

const hello = z.object({
  type: z.literal("hello"),
  host: label(HOST_LENGTH),
  version: label(64),
  /** TCP port of the data plane. */
  port,
  /** Random at each start of the agent: the sequence numbers count within it. */
  instance: exactly(INSTANCE_BYTES),
  /** How far the sender knows what the receiver has, from an earlier session. */
  known: z.object({ instance: exactly(INSTANCE_BYTES), sequence }).optional(),
});

/** A part of all that the sender has. `sequence`: the number of the last change that the whole list contains. */
const haves = z.object({ type: z.literal("haves"), sequence, prefixes, first: z.boolean(), last: z.boolean() });

/** What changed from one sequence number to another; `since` is where the list, or the change before, ended. */
const change = z.object({ type: z.literal("change"), since: sequence, sequence, added: prefixes, removed: prefixes });

/** Where other members were seen. */
const addresses = z.object({
  type: z.literal("addresses"),
  peers: z
    .array(
      z.object({ id: exactly(ID_BYTES), host: z.string().max(15).refine(isIPv4, "must be an IPv4 address"), port }),
    )
    .max(MAX_ADDRESSES),
});

const snapshotFile = z.object({
  digest: exactly(DIGEST_BYTES),
  size: z.number().int().min(1).max(Number.MAX_SAFE_INTEGER),
});

/** All tree snapshots that the sender keeps, verified by itself; this list takes the place of the one before. */
const snapshots = z.object({
  type: z.literal("snapshots"),
  units: z
    .array(z.object({ name: label(64), tarball: snapshotFile, signature: snapshotFile, md5sum: snapshotFile }))
    .max(MAX_SNAPSHOTS),
});

/** What is to be downloaded once for the LAN: a digest in hex; that of its name for a file that has none of its own yet. */
const subject = z.custom<Digest>((value) => typeof value === "string" && isDigest(value), "must be a digest");

/**
 * The sender is going to ask upstream for a subject, or is at it: told before it asks, and again as it gets on. `number`
 * counts the sender's claims; `base`: bytes that it had when it made the claim, or that other boxes gave it before upstream
 * did; `received`: bytes so far; `failures`: how often all its sources of it have failed lately. It can be read from the
 * sender as it grows.
 */
const upstreamClaim = z.object({
  type: z.literal("upstream-claim"),
  subject,
  number: sequence,
  base: sequence,
  received: sequence,
  /** None where it is absent. */
  failures: sequence.optional(),
});

/**
 * The sender has seen a claim: it asks upstream for the subject only if it holds a better one, or when this one has ended.
 * `received`: bytes of it that can be read from the sender.
 */
const upstreamAck = z.object({ type: z.literal("upstream-ack"), subject, number: sequence, received: sequence });

/** The sender's claim has ended: it has the file, or follows a better claim, or (`failed`) all its sources failed. */
const upstreamEnd = z.object({ type: z.literal("upstream-end"), subject, failed: z.boolean() });

/** What the sender found when it tried the receiver's TCP port: a box cannot see its own firewall. */
const portSeen = z.object({ type: z.literal("port-seen"), open: z.boolean() });

const SCHEMAS = {
  hello,
  haves,
  change,
  addresses,
  snapshots,
  "upstream-claim": upstreamClaim,
  "upstream-ack": upstreamAck,
  "upstream-end": upstreamEnd,
  "port-seen": portSeen,
} as const;
const MAX_TYPE_LENGTH = 32;

/** The first message of a session: who the sender is, and how far it knows what the receiver has. */
export type Hello = z.infer<typeof hello>;
/** A part of all that the sender has. */
export type Haves = z.infer<typeof haves>;
/** What the sender has got and lost since it told all, or since the change before. */
export type Change = z.infer<typeof change>;
/** Where the sender saw other members. */
export type Addresses = z.infer<typeof addresses>;
/** The tree snapshots that the sender keeps. */
export type SnapshotsMessage = z.infer<typeof snapshots>;
/** The sender asks upstream for something, or is about to. */
export type UpstreamClaim = z.infer<typeof upstreamClaim>;
/** The sender follows a claim of the receiver. */
export type UpstreamAck = z.infer<typeof upstreamAck>;
/** A claim of the sender has ended. */
export type UpstreamEnd = z.infer<typeof upstreamEnd>;
/** What boxes tell each other so that one of them asks upstream. */
export type UpstreamMessage = UpstreamClaim | UpstreamAck | UpstreamEnd;
/** Whether the sender found the receiver's TCP port open. */
export type PortSeen = z.infer<typeof portSeen>;
/** A message of the channel. */
export type Message = Hello | Haves | Change | Addresses | SnapshotsMessage | UpstreamMessage | PortSeen;

/** A peer broke a rule of the protocol; the message says which. */
export class RuleBroken extends Error {
  override readonly name = "RuleBroken";
}

/**
 * A host name as {@link Hello} may have it: the kernel takes any bytes for one, and whoever is told others ends the
 * session.
 */
export function helloHost(name: string): string {
  return name.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, HOST_LENGTH);
}

const packr = new Packr({ useRecords: false });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: "number" });

/** A message as bytes. */
export function encodeMessage(message: Message): Buffer {
  return packr.pack(message);
}

/**
 * Reads a message; undefined when its type is unknown (a newer peer).
 *
 * @throws {RuleBroken} when it is too large, no message, or a field is not as it must be.
 */
export function decodeMessage(frame: Buffer): Message | undefined {
  if (frame.length > MAX_MESSAGE_BYTES) throw new RuleBroken(`a message of ${frame.length} bytes`);
  if (!isPlainFrame(frame)) throw new RuleBroken("a message that is not plain MessagePack");
  const value = unpack(frame);
  const type = typeOf(value);
  if (!Object.hasOwn(SCHEMAS, type)) return undefined;
  const parsed = SCHEMAS[type as keyof typeof SCHEMAS].safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new RuleBroken(`${type}: ${issue!.path.join(".")}: ${issue!.message}`);
}

/** By hand: the schema of its type looks at the rest. */
function typeOf(value: unknown): string {
  const type = typeof value === "object" && value !== null && "type" in value ? value.type : undefined;
  if (typeof type === "string" && type.length <= MAX_TYPE_LENGTH) return type;
  throw new RuleBroken("a message without a type");
}

function unpack(frame: Buffer): unknown {
  try {
    return unpackr.unpack(frame);
  } catch (error) {
    throw new RuleBroken(`a message that cannot be read: ${messageOf(error)}`);
  }
}
