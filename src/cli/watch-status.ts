import { setTimeout as delay } from "node:timers/promises";
import { toLine } from "../control/ndjson.ts";
import type { AgentApi } from "../core/report/agent-api.ts";
import { DistswarmError } from "../core/errors.ts";
import type { Status } from "../core/report/status.ts";
import type { Context } from "./command.ts";
import { printText } from "./print.ts";
import { renderWatch } from "./render-status.ts";
import { openScreen } from "./screen.ts";

const LOOK_EVERY_MS = 1000;

/**
 * Shows the status anew every second until it is interrupted: a live picture on a terminal, with `--json` a line each.
 *
 * @throws {DistswarmError} `USAGE` off a terminal without `--json`; what the agent throws, also when it ends.
 */
export async function watchStatus({ io, options, agent }: Context): Promise<void> {
  const statuses = look(await agent(), io.interrupted());
  if (options["json"] === true) {
    for await (const status of statuses) io.stdout.write(toLine(status));
    return;
  }
  const screen = await openScreen(io);
  if (!screen.live)
    throw new DistswarmError("USAGE", "status --watch draws on a terminal; programs take --watch --json");
  let last = "";
  try {
    for await (const status of statuses) {
      last = renderWatch(status);
      screen.draw(() => last);
    }
  } finally {
    screen.clear();
    printText(io, last);
  }
}

/** The status every second. An interruption ends it: it is how a live picture is left. */
async function* look(agent: AgentApi, interruption: AbortSignal): AsyncGenerator<Status> {
  while (!interruption.aborted) {
    yield await agent.status();
    await delay(LOOK_EVERY_MS, undefined, { signal: interruption }).catch(() => {});
  }
}
