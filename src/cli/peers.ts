import type { RunCommand } from "./command.ts";
import { EXIT } from "./exit-code.ts";
import { printResult } from "./print.ts";
import { renderPeers } from "./render-peers.ts";

/** `distswarm peers` */
export const run: RunCommand = async (context) => {
  const { swarm } = await (await context.agent()).status();
  printResult(context, swarm, renderPeers(swarm));
  return EXIT.done;
};
