import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { agentLog } from "./agent-log.ts";
import type { RunCommand } from "./command.ts";
import { EXIT } from "./exit-code.ts";

/** A service manager kills what takes much longer. */
const STOP_LIMIT_MS = 5_000;

/** `distswarm agent` */
export const run: RunCommand = async ({ io, load }) => {
  const { config, notes, warnings } = await load();
  const log = await agentLog(io, config.log.level);
  for (const note of notes) log.info(note);
  for (const warning of warnings) log.warn(warning);
  const { startAgent } = await import("../agent.ts");
  const interrupted = io.interrupted();
  const agent = await startAgent(config, { log, notes: warnings });
  if (!interrupted.aborted) await once(interrupted, "abort");
  log.info("stopping");
  const late = delay(STOP_LIMIT_MS, false, { ref: false });
  if (await Promise.race([agent.stop().then(() => true), late])) return EXIT.done;
  log.warn(`not everything has stopped within ${STOP_LIMIT_MS / 1000} s; ending all the same`);
  return EXIT.failed;
};
