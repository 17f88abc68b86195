import type { RunCommand } from "./command.ts";
import { EXIT } from "./exit-code.ts";
import { runStoreTool } from "./store-tool.ts";

/** `distswarm gc [--dry-run]` */
export const run: RunCommand = async (context) => {
  const agent = await context.agent();
  const dryRun = context.options["dryRun"] === true;
  const done = dryRun ? "would be freed" : "freed";
  await runStoreTool(agent.gc({ dryRun }, context.io.interrupted()), context, done);
  return EXIT.done;
};
