import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import type { Startable } from "../core/lifecycle.ts";
import { agentLog } from "./agent-log.ts";
import type { RunCommand } from "./command.ts";
import { EXIT } from "./exit-code.ts";
import { ServiceManager } from "./service-manager.ts";

/** A service manager kills what takes much longer. */
const STOP_LIMIT_MS = 5_000;

/** `distswarm agent` */
export const run: RunCommand = async ({ io, options, load }) => {
  const loaded = await load();
  if (options["check"] === true) {
    for (const warning of loaded.warnings) io.stderr.write(`distswarm: warning: ${warning}\n`);
    io.stdout.write(`all is well; ${loaded.notes[0]}\n`);
    return EXIT.done;
  }
  io.mustBeRead();
  const log = await agentLog(io, loaded.config.log.level);
  for (const note of loaded.notes) log.info(note);
  for (const warning of loaded.warnings) log.warn(warning);
  const { AgentService } = await import("./agent-service.ts");
  const interrupted = io.interrupted();
  const manager = new ServiceManager({ log, env: io.env });
  const service = new AgentService({ log, manager, load }, { loaded });
  // In a terminal SIGHUP ends the agent, as who closes the terminal expects.
  if (io.stdout.isTTY !== true) process.on("SIGHUP", () => void service.reload());
  await service.start();
  if (!interrupted.aborted) await Promise.race([once(interrupted, "abort"), service.failed]);
  log.info("stopping");
  const [stopped] = await Promise.all([stopInTime(service), manager.stopping()]);
  if (stopped) return EXIT.done;
  log.warn(`not everything has stopped within ${STOP_LIMIT_MS / 1000} s; ending all the same`);
  return EXIT.failed;
};

/** Whether all of it has stopped in time. */
async function stopInTime(service: Startable): Promise<boolean> {
  const late = delay(STOP_LIMIT_MS, false, { ref: false });
  return Promise.race([service.stop().then(() => true), late]);
}
