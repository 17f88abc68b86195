import type { RunCommand } from "./command.ts";
import { EXIT } from "./exit-code.ts";
import { printResult } from "./print.ts";
import { renderSnapshots } from "./render-snapshots.ts";

/** `distswarm snapshot pull [DATE]` */
export const run: RunCommand = async (context) => {
  const [date] = context.args;
  const agent = await context.agent();
  const snapshot = await agent.pullSnapshot(date, context.io.interrupted());
  const peers = context.options["json"] === true ? [] : (await agent.status()).swarm.peers; // which JSON does not name
  printResult(context, snapshot, renderSnapshots([snapshot], peers));
  return EXIT.done;
};
