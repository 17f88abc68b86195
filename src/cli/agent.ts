import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import type { Agent } from "../agent.ts";
import { messageOf } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { agentLog } from "./agent-log.ts";
import type { Context, RunCommand } from "./command.ts";
import { EXIT } from "./exit-code.ts";
import { ServiceManager } from "./service-manager.ts";

/** A service manager kills what takes much longer. */
const STOP_LIMIT_MS = 5_000;

/** `distswarm agent` */
export const run: RunCommand = async (context) => {
  const { io, options, load } = context;
  const { config, notes, warnings } = await load();
  if (options["check"] === true) return EXIT.done;
  const log = await agentLog(io, config.log.level);
  const manager = new ServiceManager({ log, env: io.env });
  for (const note of notes) log.info(note);
  for (const warning of warnings) log.warn(warning);
  const { startAgent } = await import("../agent.ts");
  const interrupted = io.interrupted();
  const agent = await startAgent(config, { log, notes: warnings });
  await manager.ready(servingAt(agent));
  reloadOnHangup(agent, { ...context, log, manager });
  if (!interrupted.aborted) await once(interrupted, "abort");
  log.info("stopping");
  const [stopped] = await Promise.all([stopInTime(agent), manager.stopping()]);
  if (stopped) return EXIT.done;
  log.warn(`not everything has stopped within ${STOP_LIMIT_MS / 1000} s; ending all the same`);
  return EXIT.failed;
};

function servingAt({ listening }: Agent): string {
  return `serving at ${listening.join(" and ")}`;
}

/** Whether all of it has stopped in time. */
async function stopInTime(agent: Agent): Promise<boolean> {
  const late = delay(STOP_LIMIT_MS, false, { ref: false });
  return Promise.race([agent.stop().then(() => true), late]);
}

interface Reloader extends Pick<Context, "io" | "load"> {
  readonly log: Logger;
  readonly manager: ServiceManager;
}

/** From now on SIGHUP reads the config again, one at a time; in a terminal it ends the agent, as its user expects. */
function reloadOnHangup(agent: Agent, reloader: Reloader): void {
  if (reloader.io.stdout.isTTY === true) return;
  let last = Promise.resolve();
  process.on("SIGHUP", () => (last = last.then(() => reload(agent, reloader))));
}

/** Takes over what can change under way. A config with a mistake changes nothing. */
async function reload(agent: Agent, { load, log, manager }: Reloader): Promise<void> {
  await manager.reloading();
  try {
    const { config } = await load();
    const { applied, waiting } = agent.reload(config);
    log.info(`config read again: ${applied.length === 0 ? "nothing new" : `${applied.join(", ")} changed`}`);
    if (waiting.length > 0) log.warn(`changed, but only a restart brings it into effect: ${waiting.join(", ")}`);
  } catch (error) {
    log.error(`the config was not read again, the old one stays: ${messageOf(error)}`);
  }
  await manager.ready(servingAt(agent));
}
