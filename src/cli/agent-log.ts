import type { DestinationStream } from "pino";
import type { LogLevel } from "../core/log-level.ts";
import { createLogger, type Logger } from "../core/logger.ts";
import type { Io } from "./io.ts";
import { recordText, toJournalLine, toPlainLine, type LogRecord } from "./log-lines.ts";

/**
 * The agent's log on standard output, as it is read there: coloured on a terminal unless `$NO_COLOR` is set, with
 * priorities and no times in the journal (systemd.exec(5), `$JOURNAL_STREAM`) and for syslog (`$DISTSWARM_LOG`, as OpenRC's
 * conf.d has it), plain lines with times elsewhere.
 */
export async function agentLog(io: Pick<Io, "stdout" | "env">, level: LogLevel): Promise<Logger> {
  return createLogger(level, await destination(io));
}

async function destination({ stdout, env }: Pick<Io, "stdout" | "env">): Promise<DestinationStream> {
  if (stdout.isTTY === true) {
    const { PinoPretty } = await import("pino-pretty");
    return PinoPretty({
      destination: stdout,
      sync: true,
      colorize: !env["NO_COLOR"],
      translateTime: "SYS:HH:MM:ss",
      messageFormat: (record) => recordText(record as unknown as LogRecord),
      hideObject: true,
    });
  }
  const withPriorities = env["JOURNAL_STREAM"] !== undefined || env["DISTSWARM_LOG"] === "syslog";
  const render = withPriorities ? toJournalLine : toPlainLine;
  return { write: (json) => void stdout.write(render(json)) };
}
