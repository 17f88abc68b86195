import type { RunCommand } from "./command.ts";
import { EXIT } from "./exit-code.ts";
import { runStoreTool } from "./store-tool.ts";

/** `distswarm fsck [--repair]` */
export const run: RunCommand = async (context) => {
  const agent = await context.agent();
  const repair = context.options["repair"] === true;
  const faulty = await runStoreTool(agent.fsck({ repair }, context.io.interrupted()), context, "read");
  return faulty.size > 0 ? EXIT.damage : EXIT.done;
};
