import { visible } from "../core/text/visible.ts";

/** One record of the log as pino writes it. */
export interface LogRecord {
  readonly level: number;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly part?: string;
  readonly msg?: string;
  readonly err?: { readonly message?: string; readonly stack?: string };
}

const LEVEL_NAMES: Readonly<Record<number, string>> = { 10: "trace", 20: "debug", 30: "info", 40: "warn", 50: "error" };
const ERROR_LEVEL = 50;

/** pino's levels as priorities of syslog(3), which sd-daemon(3) reads from `<N>` at the start of a line. */
const SYSLOG_PRIORITIES: Readonly<Record<number, number>> = { 10: 7, 20: 7, 30: 6, 40: 4, 50: 3 };
const SYSLOG_INFO = 6;

/**
 * What a record says: part, message, cause; at level error also, on lines below, where in the program the cause was
 * thrown.
 */
export function recordText({ level, part, msg, err }: LogRecord): string {
  const cause = err?.message === undefined || msg?.includes(err.message) === true ? "" : `: ${err.message}`;
  const frames = level < ERROR_LEVEL ? [] : (err?.stack?.match(/^ +at .*$/gm) ?? []);
  return visible([`${part === undefined ? "" : `${part}: `}${msg ?? ""}${cause}`, ...frames].join("\n"));
}

/** A record of the log (a line of pino's JSON) for a file or pipe: time, level, part, message. */
export function toPlainLine(json: string): string {
  const record = JSON.parse(json) as LogRecord;
  const level = (LEVEL_NAMES[record.level] ?? String(record.level)).padEnd(5);
  return `${new Date(record.time).toISOString()} ${level} ${recordText(record)}\n`;
}

/** The same for the journal, which knows the time and takes each line for a record: all on one, its priority in front. */
export function toJournalLine(json: string): string {
  const record = JSON.parse(json) as LogRecord;
  const priority = SYSLOG_PRIORITIES[record.level] ?? SYSLOG_INFO;
  return `<${priority}>${recordText(record).replace(/\n\s*/g, " ")}\n`;
}
