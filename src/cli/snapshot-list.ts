import type { RunCommand } from "./command.ts";
import { EXIT } from "./exit-code.ts";
import { printResult } from "./print.ts";
import { renderSnapshots } from "./render-snapshots.ts";

/** `distswarm snapshot list` */
export const run: RunCommand = async (context) => {
  const { snapshots, swarm } = await (await context.agent()).status();
  const text = renderSnapshots(snapshots, swarm.peers) || "no tree snapshot is kept on this box\n";
  printResult(context, snapshots, text);
  return EXIT.done;
};
