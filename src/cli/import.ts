import { resolve } from "node:path";
import type { RunCommand } from "./command.ts";
import { EXIT } from "./exit-code.ts";
import { runStoreTool } from "./store-tool.ts";

/** `distswarm import [DIR]` */
export const run: RunCommand = async (context) => {
  const [dir] = context.args;
  const agent = await context.agent();
  const path = dir === undefined ? undefined : resolve(dir);
  await runStoreTool(agent.importFiles(path, context.io.interrupted()), context);
  return EXIT.done;
};
