/** One record of the log as pino writes it. */
interface LogRecord {
  readonly level: number;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly part?: string;
  readonly msg?: string;
  readonly err?: { readonly message?: string; readonly stack?: string };
}

const LEVEL_NAMES: Readonly<Record<number, string>> = { 10: "trace", 20: "debug", 30: "info", 40: "warn", 50: "error" };

/** pino's levels as priorities of syslog(3), which sd-daemon(3) reads from `<N>` at the start of a line. */
const SYSLOG_PRIORITIES: Readonly<Record<number, number>> = { 10: 7, 20: 7, 30: 6, 40: 4, 50: 3 };
const SYSLOG_INFO = 6;

function messageOf({ part, msg, err }: LogRecord): string {
  const cause = err?.message === undefined || msg?.includes(err.message) === true ? "" : `: ${err.message}`;
  return `${part === undefined ? "" : `${part}: `}${msg ?? ""}${cause}`;
}

/** A record of the log (a line of pino's JSON) for a file or pipe: time, level, part, message. */
export function toPlainLine(json: string): string {
  const record = JSON.parse(json) as LogRecord;
  const level = (LEVEL_NAMES[record.level] ?? String(record.level)).padEnd(5);
  return `${new Date(record.time).toISOString()} ${level} ${messageOf(record)}\n`;
}

/** The same for the journal: its priority in front, no time, on one line. */
export function toJournalLine(json: string): string {
  const record = JSON.parse(json) as LogRecord;
  const priority = SYSLOG_PRIORITIES[record.level] ?? SYSLOG_INFO;
  return `<${priority}>${messageOf(record).replaceAll("\n", " ")}\n`;
}
