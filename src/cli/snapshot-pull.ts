import type { RunCommand } from "./command.ts";
import { EXIT } from "./exit-code.ts";
import { printResult } from "./print.ts";
import { renderSnapshots } from "./render-snapshots.ts";

/** `distswarm snapshot pull [DATE]` */
export const run: RunCommand = async (context) => {
  const [date] = context.args;
  const agent = await context.agent();
  const snapshot = await agent.pullSnapshot(date, context.io.interrupted());
  const { swarm } = await agent.status();
  printResult(context, snapshot, renderSnapshots([snapshot], swarm.peers));
  return EXIT.done;
};
