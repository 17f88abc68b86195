import type { RunCommand } from "./command.ts";
import { EXIT } from "./exit-code.ts";
import { asJson } from "./json.ts";
import { renderSnapshots } from "./render-snapshots.ts";

/** `distswarm snapshot list` */
export const run: RunCommand = async ({ io, options, agent }) => {
  const { snapshots, swarm } = await (await agent()).status();
  const text = renderSnapshots(snapshots, swarm.peers) || "no tree snapshot is kept on this box\n";
  io.stdout.write(options["json"] === true ? asJson(snapshots) : text);
  return EXIT.done;
};
