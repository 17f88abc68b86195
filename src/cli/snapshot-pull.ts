import type { RunCommand } from "./command.ts";
import { EXIT } from "./exit-code.ts";
import { asJson } from "./json.ts";
import { renderSnapshots } from "./render-snapshots.ts";

/** `distswarm snapshot pull [DATE]` */
export const run: RunCommand = async ({ io, args, options, agent }) => {
  const [date] = args;
  const api = await agent();
  const snapshot = await api.pullSnapshot(date, io.interrupted());
  const text = async () => renderSnapshots([snapshot], (await api.status()).swarm.peers);
  io.stdout.write(options["json"] === true ? asJson(snapshot) : await text());
  return EXIT.done;
};
