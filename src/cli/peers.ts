import type { RunCommand } from "./command.ts";
import { EXIT } from "./exit-code.ts";
import { asJson } from "./json.ts";
import { renderPeers } from "./render-peers.ts";

/** `distswarm peers` */
export const run: RunCommand = async ({ io, options, agent }) => {
  const { swarm } = await (await agent()).status();
  io.stdout.write(options["json"] === true ? asJson(swarm) : renderPeers(swarm));
  return EXIT.done;
};
