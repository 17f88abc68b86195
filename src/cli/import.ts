import { resolve } from "node:path";
import type { RunCommand } from "./command.ts";
import { EXIT } from "./exit-code.ts";
import { runStoreTool } from "./store-tool.ts";

/** `distswarm import [DIR]` */
export const run: RunCommand = async (context) => {
  const [dir] = context.args;
  const agent = await context.agent();
  const path = dir === undefined ? undefined : resolve(dir);
  const faulty = await runStoreTool(agent.importFiles(path, context.io.interrupted()), context, "copied");
  return faulty.size > 0 ? EXIT.failed : EXIT.done;
};
