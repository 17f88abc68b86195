import type { RunCommand } from "./command.ts";
import { EXIT } from "./exit-code.ts";
import { renderPeers } from "./render-peers.ts";

/** `distswarm peers` */
export const run: RunCommand = async ({ io, options, agent }) => {
  const { swarm } = await (await agent()).status();
  io.stdout.write(options["json"] === true ? `${JSON.stringify(swarm, null, 2)}\n` : renderPeers(swarm));
  return EXIT.done;
};
