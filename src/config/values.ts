import { isIP } from "node:net";
import { z } from "zod";
import { isBoxId } from "../core/box-id.ts";
import { parseProxyException } from "../core/net/proxy-exception.ts";
import { parseSubnet } from "../core/net/subnet.ts";
import { parseDuration, parseSize } from "../core/text/units.ts";

/** An address to listen at, or to reach: `host` without brackets. Port 0: the system chooses one (listening only). */
interface Address {
  readonly host: string;
  readonly port: number;
}

/**
 * One kind of option value. `type` names it in tables, `allowed` ends the sentence "… must be"; `schema` reads what
 * TOML gave into what the agent uses, and has `allowed` as the message of each of its errors.
 */
export interface ValueType<Out, In> {
  readonly type: string;
  readonly allowed: string;
  readonly schema: z.ZodType<Out, In>;
}

const MAX_PORT = 65_535;
const MAX_DURATION_MS = 24 * 86_400_000;
const ADDRESS_PATTERN = /^(?:\[(?<v6>[^\]]+)\]|(?<host>[^:[\]\s/]+)):(?<port>\d{1,5})$/;
const HOST_NAME_PATTERN = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/i;

function textual<T>(type: string, allowed: string, read: (text: string) => T | undefined): ValueType<T, string> {
  const schema = z.string({ error: allowed }).transform((text, context) => {
    const value = read(text);
    if (value !== undefined) return value;
    context.issues.push({ code: "custom", message: allowed, input: text });
    return z.NEVER;
  });
  return { type, allowed, schema };
}

/** An array of `item`. */
export function listOf<Out, In extends string | number>(item: ValueType<Out, In>): ValueType<Out[], In[]> {
  const allowed = `a list; each entry must be ${item.allowed}`;
  return { type: `list of ${item.type}`, allowed, schema: z.array(item.schema, { error: allowed }) };
}

/** An array of `item`, with at least one, and none twice. */
export function distinct<Out>(item: ValueType<Out, string>): ValueType<Out[], string[]> {
  const allowed = `a list of one or more, none twice; each entry must be ${item.allowed}`;
  const schema = z
    .array(z.string({ error: item.allowed }), { error: allowed })
    .refine((texts) => texts.length > 0 && new Set(texts).size === texts.length, { error: allowed })
    .pipe(z.array(item.schema));
  return { type: `list of ${item.type}`, allowed, schema };
}

/** One of the given words. */
export function oneOf<const Word extends string>(words: readonly Word[]): ValueType<Word, Word> {
  const allowed = `one of ${words.map((word) => JSON.stringify(word)).join(", ")}`;
  return { type: "word", allowed, schema: z.enum(words, { error: allowed }) };
}

/** A whole number within bounds, both included. */
export function integer(min: number, max: number): ValueType<number, number> {
  const allowed = `a whole number from ${min} to ${max}`;
  const schema = z.int({ error: allowed }).min(min, { error: allowed }).max(max, { error: allowed });
  return { type: "integer", allowed, schema };
}

/** What may be empty to mean "none", read as null. */
export function orNone<Out>(value: ValueType<Out, string>): ValueType<Out | null, string> {
  const allowed = `${value.allowed}, or "" for none`;
  return textual(value.type, allowed, (text) => (text === "" ? null : z.safeParse(value.schema, text).data));
}

/** Yes or no. */
export const boolean: ValueType<boolean, boolean> = {
  type: "boolean",
  allowed: "true or false",
  schema: z.boolean({ error: "true or false" }),
};

/** Bytes. */
export const size = textual("size", 'a size such as "16MiB" (units: B, KiB, MiB, GiB, TiB)', parseSize);

/** Bytes, more than 0. */
export const sizeAboveZero = textual(
  "size",
  'a size above 0 such as "16MiB" (units: B, KiB, MiB, GiB, TiB)',
  (text) => parseSize(text) || undefined,
);

/** Milliseconds, more than 0, and no more than a timer can wait (2 ** 31: Node would wait for 1 ms instead). */
export const duration = textual(
  "duration",
  'a duration above 0, up to 24d, such as "10s" (units: ms, s, min, h, d)',
  (text) => {
    const ms = parseDuration(text) ?? 0;
    return ms > 0 && ms <= MAX_DURATION_MS ? ms : undefined;
  },
);

/** Bytes a second, more than 0. */
export const rate = textual("rate", 'a rate above 0 such as "16MiB/s"', (text) =>
  text.endsWith("/s") ? parseSize(text.slice(0, -"/s".length)) || undefined : undefined,
);

/** A path of this box. */
export const path = textual("path", "an absolute path", (text) => (text.startsWith("/") ? text : undefined));

/** A TCP or UDP port. */
export const port = integer(1, MAX_PORT);

function parseAddress(text: string): Address | undefined {
  const { v6, host, port } = ADDRESS_PATTERN.exec(text)?.groups ?? {};
  const named = host !== undefined && (isIP(host) === 4 || (HOST_NAME_PATTERN.test(host) && !/^[\d.]+$/.test(host)));
  if (!named && isIP(v6 ?? "") !== 6) return undefined;
  return Number(port) > MAX_PORT ? undefined : { host: host ?? v6!, port: Number(port) };
}

/** Where to listen: an IP address of this box with a port. */
export const listenAddress = textual(
  "address",
  'an IP address with a port, such as "127.0.0.1:8480" or "[::1]:8480"',
  (text) => {
    const address = parseAddress(text);
    return address !== undefined && isIP(address.host) !== 0 ? address : undefined;
  },
);

/** Where somebody else is reached: a host name or an IP address, with a port. */
export const remoteAddress = textual(
  "address",
  'a host with a port, such as "10.0.0.2:8481" or "box.lan:8481"',
  (text) => {
    const address = parseAddress(text);
    return address === undefined || address.port === 0 ? undefined : address;
  },
);

/** A subnet as `address/prefix`; an address alone is one with all its bits. */
export const subnet = textual("subnet", 'a subnet such as "10.0.0.0/8" or "fd00::/8"', (text) => {
  const [address, prefix] = parseSubnet(text) ?? [];
  return address === undefined ? undefined : `${address}/${prefix}`;
});

/** A peer's id: its public key. */
export const peerId = textual("id", "the id of a peer (64 lower-case hex characters)", (text) =>
  isBoxId(text) ? text : undefined,
);

/** What is reached without a proxy, see {@link parseProxyException}. */
export const proxyException = textual(
  "host",
  'a host, a domain such as ".example.org", an address, one of these with a port, a subnet such as "10.0.0.0/8", or "*"',
  (text) => (parseProxyException(text) === undefined ? undefined : text),
);

/** A line of /etc/portage/mirrors: a name and its mirrors. */
export const customMirrors = textual(
  "line",
  'a name and its URLs, such as "local http://mirror.lan" or "gnu https://mirror.example/gnu"',
  (text) => (/^\s*[^\s#]\S*([^\S\n]+[^\s#]\S*)+\s*$/.test(text) ? text : undefined),
);

function parseHttpUrl(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  return /^https?:$/.test(url.protocol) && url.hostname !== "" ? text : undefined;
}

/** An http or https URL, as it was written. */
export const httpUrl = textual("URL", 'a URL such as "http://proxy.lan:3128"', parseHttpUrl);

/** A Gentoo mirror: an http(s) URL, or the absolute path of a directory that is laid out as one; no `/` at its end. */
export const mirror = textual(
  "URL",
  'an http or https URL such as "http://distfiles.gentoo.org", or an absolute path',
  (text) => (text.startsWith("/") ? text : parseHttpUrl(text))?.replace(/(?<=.)\/+$/, ""),
);
