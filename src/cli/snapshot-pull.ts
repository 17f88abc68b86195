import type { RunCommand } from "./command.ts";
import { EXIT } from "./exit-code.ts";
import { renderSnapshots } from "./render-snapshots.ts";

/** `distswarm snapshot pull [DATE]` */
export const run: RunCommand = async ({ io, args, options, agent }) => {
  const [date] = args;
  const snapshot = await (await agent()).pullSnapshot(date, io.interrupted());
  const text = options["json"] === true ? `${JSON.stringify(snapshot, null, 2)}\n` : renderSnapshots([snapshot], []);
  io.stdout.write(text);
  return EXIT.done;
};
