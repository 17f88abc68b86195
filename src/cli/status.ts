import type { RunCommand } from "./command.ts";
import { EXIT } from "./exit-code.ts";
import { renderStatus } from "./render-status.ts";

/** `distswarm status` */
export const run: RunCommand = async ({ io, options, agent }) => {
  const status = await (await agent()).status();
  io.stdout.write(options["json"] === true ? `${JSON.stringify(status, null, 2)}\n` : renderStatus(status));
  return EXIT.done;
};
