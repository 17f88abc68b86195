import type { StringAnswer, TxtAnswer, SrvAnswer } from "dns-packet";
import { isBoxId } from "../../core/box-id.ts";

/** The service that boxes announce (RFC 6763). */
export const SERVICE = "_distswarm._udp.local";
/** How long others may believe an announcement, in seconds (RFC 6762, 10). */
const TTL_SECONDS = 120;

const MAX_PORT = 65_535;

/** What a box says of itself on the LAN. */
export interface Announced {
  /** The public key as 64 hex characters. */
  readonly id: string;
  /** By which members of the same network know it. */
  readonly tag: string;
  /** UDP port of the swarm. */
  readonly port: number;
}

/** Answers of a DNS packet; from outside, so nothing about them is sure. */
interface Packet {
  readonly answers?: readonly unknown[];
  readonly questions?: readonly unknown[];
}

/** The records by which a box announces itself. */
export function announcementOf({ id, tag, port }: Announced): (StringAnswer | TxtAnswer | SrvAnswer)[] {
  const name = `${id.slice(0, 16)}.${SERVICE}`;
  return [
    { type: "PTR", name: SERVICE, ttl: TTL_SECONDS, data: name },
    { type: "SRV", name, ttl: TTL_SECONDS, data: { port, target: `${id.slice(0, 16)}.local` } },
    { type: "TXT", name, ttl: TTL_SECONDS, data: [`id=${id}`, `tag=${tag}`] },
  ];
}

/** Reads an announcement; undefined when the packet is none of ours. */
export function readAnnouncement(packet: Packet): Announced | undefined {
  const records = (packet.answers ?? []).filter(isOurs);
  const text = textOf(records.find(({ type }) => type === "TXT")?.data);
  const port = (records.find(({ type }) => type === "SRV")?.data as { port?: unknown } | undefined)?.port;
  const id = text.get("id") ?? "";
  if (!isBoxId(id) || !isPort(port)) return undefined;
  return { id, tag: text.get("tag") ?? "", port };
}

/** Whether the packet asks who is there. */
export function asksForService(packet: Packet): boolean {
  return (packet.questions ?? []).some((question) => (question as { name?: unknown } | null)?.name === SERVICE);
}

function isPort(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= MAX_PORT;
}

/** A record of a DNS packet, as little as is sure of it. */
interface DnsRecord {
  readonly type?: unknown;
  readonly data?: unknown;
}

function isOurs(record: unknown): record is DnsRecord {
  const name = (record as { name?: unknown } | null)?.name;
  return typeof name === "string" && name.endsWith(`.${SERVICE}`);
}

function textOf(data: unknown): Map<string, string> {
  const parts = (Array.isArray(data) ? data : [data]).filter(
    (part) => typeof part === "string" || Buffer.isBuffer(part),
  );
  return new Map(parts.map((part) => part.toString().split("=", 2) as [string, string]));
}
