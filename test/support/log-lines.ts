import { createLogger, type Logger } from "../../src/core/logger.ts";

/** A logger that adds its messages at level info and above to `lines`. */
export function logInto(lines: string[]): Logger {
  return createLogger("info", { write: (line) => void lines.push((JSON.parse(line) as { msg: string }).msg) });
}
