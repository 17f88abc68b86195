import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import type { LoadedConfig } from "../config/load.ts";
import type { Startable } from "../core/lifecycle.ts";
import { count } from "../core/text/words.ts";
import { agentLog } from "./agent-log.ts";
import type { RunCommand } from "./command.ts";
import { tuneEngine } from "./engine.ts";
import { EXIT } from "./exit-code.ts";
import type { Io } from "./io.ts";
import { ServiceManager } from "./service-manager.ts";

/** A service manager kills what takes much longer. */
const STOP_LIMIT_MS = 5_000;

/** `distswarm agent` */
export const run: RunCommand = async ({ io, options, load }) => {
  const loaded = await load();
  if (options["check"] === true) return tellFindings(loaded, io);
  io.becomesLog();
  tuneEngine();
  const log = await agentLog(io, loaded.config.log.level);
  for (const note of loaded.notes) log.info(note);
  for (const warning of loaded.warnings) log.warn(warning);
  const { AgentService } = await import("./agent-service.ts");
  const interrupted = io.interrupted();
  const manager = new ServiceManager({ log, env: io.env });
  const service = new AgentService({ log, manager, load }, { loaded });
  // In a terminal SIGHUP ends the agent, as who closes the terminal expects.
  if (io.stdout.isTTY !== true) process.on("SIGHUP", () => void service.reload());
  // a start may take long, as when a database is mended: who ends the agent meanwhile need not wait for that
  await Promise.race([once(interrupted, "abort"), service.start().then(() => service.failed)]);
  log.info("stopping");
  const [stopped] = await Promise.all([stopInTime(service), manager.stopping()]);
  if (stopped) return EXIT.done;
  log.warn(`not everything has stopped within ${STOP_LIMIT_MS / 1000} s; ending all the same`);
  return EXIT.failed;
};

/** What the agent would warn of, and that it would run. */
function tellFindings({ warnings, notes }: LoadedConfig, io: Io): number {
  for (const warning of warnings) io.stderr.write(`distswarm: warning: ${warning}\n`);
  const verdict =
    warnings.length === 0 ? "all is well" : `the agent can run, with ${count(warnings.length, "warning")}`;
  io.stdout.write(`${verdict}; ${notes[0]}\n`);
  return EXIT.done;
}

/** Whether all of it has stopped in time. */
async function stopInTime(service: Startable): Promise<boolean> {
  const late = delay(STOP_LIMIT_MS, false, { ref: false });
  return Promise.race([service.stop().then(() => true), late]);
}
