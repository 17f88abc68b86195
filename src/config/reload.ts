import { isDeepStrictEqual } from "node:util";
import type { Config } from "../config.ts";

/**
 * How the options that may change under way are brought into effect, by their full keys (such as `store.max_size`).
 * Options that come into effect together have the same function: it is called once.
 */
export type LiveOptions = Readonly<Record<string, (config: Config) => void>>;

/** What a config that was read again came to, by full keys. */
export interface Reloaded {
  /** Changed, and in effect now. */
  readonly applied: readonly string[];
  /** Other than at the start, and in effect after the next start only. */
  readonly waiting: readonly string[];
}

/** Makes the function that takes over another config while the agent runs. */
export function reloader(started: Config, live: LiveOptions): (next: Config) => Reloaded {
  let current = started;
  return (next) => {
    const applied = changedKeys(current, next).filter((key) => key in live);
    const waiting = changedKeys(started, next).filter((key) => !(key in live));
    for (const apply of new Set(applied.map((key) => live[key]!))) apply(next);
    current = next;
    return { applied, waiting };
  };
}

/** The full keys of the options that differ, in the order of the file. */
function changedKeys(before: Config, after: Config): string[] {
  const old = new Map(options(before));
  return options(after)
    .filter(([key, value]) => !isDeepStrictEqual(value, old.get(key)))
    .map(([key]) => key);
}

function options(config: Config): [key: string, value: unknown][] {
  return Object.entries(config).flatMap(([name, value]: [string, unknown]) =>
    typeof value === "object" && value !== null
      ? Object.entries(value).map(([key, inner]): [string, unknown] => [`${name}.${key}`, inner])
      : [[name, value]],
  );
}
