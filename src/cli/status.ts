import type { RunCommand } from "./command.ts";
import { EXIT } from "./exit-code.ts";
import { printResult } from "./print.ts";
import { renderStatus } from "./render-status.ts";

/** `distswarm status [--watch]` */
export const run: RunCommand = async (context) => {
  const { options, agent } = context;
  if (options["watch"] === true) {
    const { watchStatus } = await import("./watch-status.ts");
    await watchStatus(context);
    return EXIT.done;
  }
  const status = await (await agent()).status();
  printResult(context, status, renderStatus(status));
  return EXIT.done;
};
