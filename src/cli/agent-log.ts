import type { DestinationStream } from "pino";
import type { LogLevel } from "../core/log-level.ts";
import { createLogger, type Logger } from "../core/logger.ts";
import { count } from "../core/text/words.ts";
import type { Io } from "./io.ts";
import { recordText, toJournalLine, toPlainLine, type LogRecord } from "./log-lines.ts";

/** Bytes of the log that wait for their reader, at most: one that is stopped takes none, and need not ever go on. */
const MAX_WAITING_BYTES = 2 ** 20;
const WARN_LEVEL = 40;

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
  return boundedLog(stdout, render);
}

/** Loses the lines for which there is no room while nobody reads the log, and says afterwards how many. */
function boundedLog(stdout: Io["stdout"], render: (json: string) => string): DestinationStream {
  let lost = 0;
  return {
    write: (json) => {
      if (stdout.writableLength > MAX_WAITING_BYTES) {
        lost++;
        return;
      }
      if (lost > 0) stdout.write(render(lostLines(lost)));
      lost = 0;
      stdout.write(render(json));
    },
  };
}

function lostLines(lost: number): string {
  const msg = `nobody read the log for a while: ${count(lost, "line")} of it ${lost === 1 ? "is" : "are"} lost`;
  return JSON.stringify({ level: WARN_LEVEL, time: Date.now(), msg } satisfies LogRecord);
}
