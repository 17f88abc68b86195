import type { RunCommand } from "./command.ts";
import { EXIT } from "./exit-code.ts";
import { asJson } from "./json.ts";
import { renderExplanation } from "./render-explain.ts";

/** `distswarm explain NAME|URL|DIGEST` */
export const run: RunCommand = async ({ io, args, options, agent }) => {
  const [asked = ""] = args;
  const explanation = await (await agent()).explain(asked);
  const text = options["json"] === true ? asJson(explanation) : renderExplanation(explanation);
  io.stdout.write(text);
  return EXIT.done;
};
