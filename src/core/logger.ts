import { pino, type Logger as PinoLogger, type DestinationStream } from "pino";
import type { LogLevel } from "./log-level.ts";

/** The log as every part gets it: a pino logger with a `part` binding. */
export type Logger = PinoLogger;

/** A logger that says nothing; for tests and measurements. */
export const silentLogger: Logger = pino({ level: "silent" });

/**
 * Makes the root logger; lines go to `destination`, JSON unless that stream makes them pretty. A later change of its
 * `level` also holds for the loggers that were made from it.
 */
export function createLogger(level: LogLevel, destination: DestinationStream): Logger {
  const children: Logger[] = [];
  const root = pino({ level, base: null, onChild: (child) => void children.push(child) }, destination);
  root.on("level-change", (level, _value, _before, _valueBefore, changed) => {
    if (changed !== root) return; // children inherit this listener, too
    for (const child of children) child.level = level;
  });
  return root;
}
