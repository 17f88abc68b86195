/**
 * Whether bytes are one MessagePack value of the plain kind: nil, booleans, numbers, text, binary, arrays and maps, nothing
 * after it, and no length beyond the bytes that are there. Extensions are refused: dates, records and references have no
 * place in our messages. Asked before the decoder runs, because a decoder that believes a length of four bytes makes room
 * for millions of items.
 *
 * Layout: https://github.com/msgpack/msgpack/blob/master/spec.md
 */
export function isPlainFrame(bytes: Uint8Array): boolean {
  const end = skipValue(bytes, 0, 0);
  return end === bytes.length;
}

/** Values inside values; our messages need as many. */
const MAX_DEPTH = 4;
const REFUSED = -1;

/** Bytes after the first of a value without items, or of the length before text or binary, by first byte. */
const FIXED_BYTES: Record<number, number> = {
  0xc0: 0,
  0xc2: 0,
  0xc3: 0,
  0xca: 4,
  0xcb: 8,
  0xcc: 1,
  0xcd: 2,
  0xce: 4,
  0xcf: 8,
  0xd0: 1,
  0xd1: 2,
  0xd2: 4,
  0xd3: 8,
};
const LENGTH_BYTES: Record<number, number> = { 0xc4: 1, 0xc5: 2, 0xc6: 4, 0xd9: 1, 0xda: 2, 0xdb: 4 };
const ITEM_COUNT_BYTES: Record<number, number> = { 0xdc: 2, 0xdd: 4, 0xde: 2, 0xdf: 4 };
const IS_MAP = new Set([0xde, 0xdf]);

/** Where the value at `at` ends, or -1. */
function skipValue(bytes: Uint8Array, at: number, depth: number): number {
  const first = bytes[at];
  if (first === undefined || depth > MAX_DEPTH) return REFUSED;
  if (first < 0x80 || first >= 0xe0) return at + 1;
  if (first < 0x90) return skipItems(bytes, at + 1, 2 * (first & 0x0f), depth);
  if (first < 0xa0) return skipItems(bytes, at + 1, first & 0x0f, depth);
  if (first < 0xc0) return within(bytes, at + 1 + (first & 0x1f));
  return skipLong(bytes, at, first, depth);
}

function skipLong(bytes: Uint8Array, at: number, first: number, depth: number): number {
  const fixed = FIXED_BYTES[first];
  if (fixed !== undefined) return within(bytes, at + 1 + fixed);
  const width = LENGTH_BYTES[first] ?? ITEM_COUNT_BYTES[first];
  if (width === undefined) return REFUSED;
  const body = at + 1 + width;
  if (within(bytes, body) === REFUSED) return REFUSED;
  const length = readLength(bytes, at + 1, body);
  if (first in LENGTH_BYTES) return within(bytes, body + length);
  return skipItems(bytes, body, IS_MAP.has(first) ? 2 * length : length, depth);
}

function skipItems(bytes: Uint8Array, at: number, count: number, depth: number): number {
  if (count > bytes.length - at) return REFUSED;
  let next = at;
  for (let item = 0; item < count && next !== REFUSED; item += 1) next = skipValue(bytes, next, depth + 1);
  return next;
}

function readLength(bytes: Uint8Array, start: number, end: number): number {
  let length = 0;
  for (let at = start; at < end; at += 1) length = length * 256 + bytes[at]!;
  return length;
}

function within(bytes: Uint8Array, end: number): number {
  return end <= bytes.length ? end : REFUSED;
}
