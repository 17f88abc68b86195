const UNITS: Record<string, number> = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };
const SIZE_PATTERN = /^(\d+(?:\.\d+)?)\s*(B|KiB|MiB|GiB|TiB)$/;

/** Reads a size such as `16MiB`, in bytes; undefined when it is not one. */
export function parseSize(text: string): number | undefined {
  const match = SIZE_PATTERN.exec(text.trim());
  if (match === null) return undefined;
  return Math.round(Number(match[1]) * (UNITS[match[2]!] ?? 1));
}

/** What is at least as much, rounded to a tenth, is 1024 of its unit, and so 1 of the next. */
const FIRST_OF_NEXT_UNIT = 1023.95;

/** Writes a size for people: `1.50 GiB`, `12.3 MiB`, `312 B`. */
export function formatSize(bytes: number): string {
  let unit = "B";
  let value = bytes;
  for (const next of ["KiB", "MiB", "GiB", "TiB"]) {
    if (value < FIRST_OF_NEXT_UNIT) break;
    value /= 1024;
    unit = next;
  }
  return unit === "B" ? `${value} B` : `${value.toFixed(value < 10 ? 2 : 1)} ${unit}`;
}

const DURATION_PATTERN = /^(\d+(?:\.\d+)?)\s*(ms|s|min|h|d)$/;
const DURATIONS: Record<string, number> = { ms: 1, s: 1e3, min: 6e4, h: 36e5, d: 864e5 };

/** Reads a duration such as `10s` or `5min`, in milliseconds; undefined when it is not one. */
export function parseDuration(text: string): number | undefined {
  const match = DURATION_PATTERN.exec(text.trim());
  if (match === null) return undefined;
  return Math.round(Number(match[1]) * (DURATIONS[match[2]!] ?? 1));
}

/** Writes whole seconds for people, as {@link formatDuration}; none as `0 s`, for of milliseconds nothing is known. */
export function formatSeconds(seconds: number): string {
  return seconds === 0 ? "0 s" : formatDuration(seconds * 1000);
}

/** Writes a duration for people: `850 ms`, `12.3 s`, `27 s`, `3 min`, `5 h 10 min`, `2 d 3 h`. */
export function formatDuration(ms: number): string {
  if (Math.round(ms) < 1000) return `${Math.round(ms)} ms`;
  const tenths = Math.round(ms / 100);
  if (tenths < 600) return `${tenths / 10} s`;
  const minutes = Math.floor(tenths / 600);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
