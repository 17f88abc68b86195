import type { RunCommand } from "./command.ts";
import { EXIT } from "./exit-code.ts";
import { asJson } from "./json.ts";
import { renderMirrors } from "./render-mirrors.ts";

/** `distswarm mirrors` */
export const run: RunCommand = async ({ io, options, agent }) => {
  const { mirrors } = await (await agent()).status();
  const text = renderMirrors(mirrors) || "no mirrors are configured and no host was asked yet\n";
  io.stdout.write(options["json"] === true ? asJson(mirrors) : text);
  return EXIT.done;
};
