import type { RunCommand } from "./command.ts";
import { EXIT } from "./exit-code.ts";
import { printResult } from "./print.ts";
import { renderMirrors } from "./render-mirrors.ts";

/** `distswarm mirrors` */
export const run: RunCommand = async (context) => {
  const { mirrors } = await (await context.agent()).status();
  const text = renderMirrors(mirrors) || "no mirrors are configured and no host was asked yet\n";
  printResult(context, mirrors, text);
  return EXIT.done;
};
